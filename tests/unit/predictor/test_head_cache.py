"""What is read of a request and of candidates, and which scores are kept."""

import numpy as np
import pytest

from predictor.head_cache import HeadCache, Reads
from predictor.ladder import WHOLE, Effort
from predictor.scoring import Scored
from searchrank.errors import ConfigError
from searchrank.features import Expression, FeatureSet, Plan
from searchrank.models import EffortPoint
from searchrank.project import Project

FEATURES = FeatureSet.parse("""
inputs:
  request.time: {type: time}
  request.place: {type: point}
  user.age: {type: float}
  user.taste: {type: map, limit: 4, count: click, by: item.kind}
  item.kind: {type: category}
  item.place: {type: point}
  item.price: {type: float}
  item.made: {type: time}
  item.clicks: {type: signal, count: click}
  candidate.eta: {type: float}
  candidate.bid: {type: float}
features:
  hour: hour_of_day(request.time)
  away: haversine_km(request.place, item.place)
""")
PROJECT = "surfaces: {{shop: {{model: taste, cache: {}}}}}\nmodels: {{taste: {{inputs: [price]}}}}\n"


def plan(*texts) -> Plan:
    nodes = {f"c{k}": Expression.parse(text, FEATURES, source="").node for k, text in enumerate(texts)}
    return Plan.of_nodes(FEATURES, nodes)


def named(layout, parts) -> set[str]:
    """Return the fields of a record that lie in some parts of it."""
    ends = {name: (start, start + kind.itemsize) for name, (kind, start, *_) in layout.fields.items()}
    return {name for name, (start, stop) in ends.items() if any(a <= start and stop <= b for a, b in parts)}


def scored(*scores, effort=WHOLE, done=None) -> Scored:
    return Scored(np.array(scores), len(scores) if done is None else done, 7, 1, effort)


@pytest.mark.parametrize(
    ("texts", "of_request", "of_candidate"),
    [
        (["item.price * 2"], set(), set()),
        (["hour * 1"], set(), set()),  # as it is computed, not the moment
        (["age_days(request.time, item.made)"], {"request.time"}, set()),
        (["user.age * 1"], set(), set()),
        (["user.age * item.price"], {"user.age"}, set()),
        (["away", "lookup(user.taste, item.kind)"], {"request.place", "user.taste"}, set()),
        (["item.clicks + candidate.eta"], set(), {"item.clicks", "candidate.eta"}),
        (["hour * candidate.bid"], set(), {"candidate.bid"}),
    ],
)
def test_only_what_columns_are_made_of_is_read(texts, of_request, of_candidate):
    reads = Reads.of(plan(*texts))
    assert named(FEATURES.request_layout, reads.request) == of_request
    assert named(FEATURES.candidate_layout, reads.candidate) == of_candidate


def test_what_was_kept_comes_back_marked_and_cannot_be_changed():
    cache = HeadCache(plan("item.price * 1"), 2)
    assert cache.get(b"a", WHOLE) is None
    cache.put(b"a", scored(3.0, np.nan))
    found = cache.get(b"a", WHOLE)
    assert (found.cached, found.features_us, found.features_digest, found.done) == (True, 0, 1, 2)
    with pytest.raises(ValueError, match="read-only"):
        found.scores[0] = 1.0


def test_what_was_asked_for_longest_ago_goes_first():
    cache = HeadCache(plan("item.price * 1"), 2)
    cache.put(b"a", scored(1.0))
    cache.put(b"b", scored(2.0))
    assert cache.get(b"a", WHOLE).scores.tolist() == [1.0]
    cache.put(b"c", scored(3.0))
    assert cache.get(b"b", WHOLE) is None
    assert [cache.get(name, WHOLE).scores.tolist() for name in (b"a", b"c")] == [[1.0], [3.0]]
    assert len(cache) == 2


def test_less_work_is_kept_beside_the_whole_and_work_cut_short_is_not_kept():
    cache = HeadCache(plan("item.price * 1"), 9)
    less = Effort(EffortPoint(0.5, 10, 0.3), 0.2, 100)
    cache.put(b"a", scored(1.0, np.nan, effort=less, done=1))
    cache.put(b"b", scored(1.0, np.nan, done=1))
    assert cache.get(b"a", WHOLE) is None
    assert cache.get(b"a", less).scores[0] == 1.0
    assert cache.get(b"b", WHOLE) is None
    assert len(cache) == 1


def test_looks_are_counted():
    told = []
    cache = HeadCache(plan("item.price * 1"), 9, told.append)
    cache.get(b"a", WHOLE)
    cache.put(b"a", scored(1.0))
    cache.get(b"a", WHOLE)
    assert told == ["miss", "hit"]


def test_a_surface_has_no_cache_unless_its_project_says_so():
    assert Project.parse(PROJECT.format("null")).surface("shop").cache is None
    assert Project.parse(PROJECT.format("{}")).surface("shop").cache.entries == 1_000
    assert Project.parse(PROJECT.format("{entries: 7}")).surface("shop").cache.entries == 7


@pytest.mark.parametrize("section", ["{entries: 0}", "{entries: 1e9}", "{entries: many}", "{entry: 5}", "on", "[1]"])
def test_a_cache_that_is_none_is_refused_by_its_name(section):
    with pytest.raises(ConfigError) as refusal:
        Project.parse(PROJECT.format(section))
    assert refusal.value.field.startswith("surfaces.shop.cache")
