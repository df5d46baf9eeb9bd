"""From events to labelled samples: joins, attribution, cancellations, and what is left out and counted."""

import pyarrow as pa
import pytest

from searchrank.errors import ConfigError, DataError
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.project import ModelSpec
from trainer.collect import collect
from trainer.labelling import Labelling

MINUTE = 60 * 10**6
LABELLING = Labelling({"click": 1, "order": 3}, 30 * MINUTE)
FEATURES = FeatureSet.parse("""
inputs:
  request.query: {type: tokens, limit: 8}
  request.location: {type: point}
  candidate.eta_min: {type: float, unit: min}
  item.price: {type: float}
features:
  eta: candidate.eta_min
""")


def event(kind, request, item=None, at=0, **more):
    return {"kind": kind, "request_id": request, "item_id": item, "event_time": at * MINUTE, **more}


@pytest.fixture
def write(tmp_path):
    def write(events):
        columns = {name: [e.get(name) for e in events] for e in events for name in e}
        columns["event_id"] = [str(i) for i in range(len(events))]
        types = {"event_time": pa.timestamp("us", "UTC"), "position": pa.int32()}
        table = pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})
        with EventLog.open(tmp_path / "log", writable=True) as log:
            log.append(table)
        return EventLog.open(tmp_path / "log")

    return write


def labels(write, *outcomes):
    log = write([event("search", "r"), event("impression", "r", "a", 1, position=0), *outcomes])
    return collect(log, FEATURES, LABELLING)


def test_requests_go_by_time_and_impressions_by_position(write):
    log = write([
        event("impression", "late", "a", 9, position=1),
        event("search", "late", at=9, user_id="u", query="tea"),
        event("search", "early", at=2),
        event("impression", "late", "b", 9, position=0),
        event("impression", "early", "b", 2, position=0),
    ])  # fmt: skip
    samples = collect(log, FEATURES, LABELLING).samples
    assert samples.requests.column("request_id").to_pylist() == ["early", "late"]
    assert samples.requests.column("user_id").to_pylist() == [None, "u"]
    assert samples.times.tolist() == [2 * MINUTE, 9 * MINUTE]
    assert samples.sizes.tolist() == [1, 2]
    assert samples.impressions.column("item_id").to_pylist() == ["b", "b", "a"]
    assert samples.positions.tolist() == [0, 0, 1]


def test_candidate_and_request_columns_come_along(write):
    log = write([
        event("search", "r", **{"request.location": [1.0, 2.0]}),
        event("impression", "r", "a", 1, position=0, **{"candidate.eta_min": 7.5}),
    ])  # fmt: skip
    samples = collect(log, FEATURES, LABELLING).samples
    assert samples.requests.column("request.location").to_pylist() == [[1.0, 2.0]]
    assert samples.impressions.column("candidate.eta_min").to_pylist() == [7.5]


def test_the_highest_grade_counts(write):
    found = labels(write, event("order", "r", "a", 3), event("click", "r", "a", 2))
    assert found.samples.labels.tolist() == [3]


def test_only_events_inside_the_attribution_window_count(write):
    assert labels(write, event("click", "r", "a", 1 + 30)).samples.labels.tolist() == [1]


def test_a_late_event_is_counted_and_left_out(write):
    found = labels(write, event("click", "r", "a", 1 + 31), event("order", "r", "a", 0))
    assert found.samples.labels.tolist() == [0]
    assert found.late == 2


def test_a_cancelled_order_leaves_its_click(write):
    found = labels(write, event("click", "r", "a", 2), event("order", "r", "a", 3), event("cancel", "r", "a", 900))
    assert found.samples.labels.tolist() == [1]
    assert found.cancelled == 1


def test_an_order_after_a_cancellation_stands(write):
    assert labels(write, event("cancel", "r", "a", 2), event("order", "r", "a", 3)).samples.labels.tolist() == [3]


def test_events_of_things_not_shown_are_counted(write):
    found = labels(write, event("click", "r", "b", 2), event("click", "q", "a", 2), event("click", None, "a", 2))
    assert found.samples.labels.tolist() == [0]
    assert found.unmatched == 3


def test_an_item_shown_twice_counts_at_its_first_place(write):
    found = labels(write, event("impression", "r", "a", 1, position=4))
    assert found.samples.positions.tolist() == [0]
    assert found.repeated == 1


def test_impressions_without_a_search_are_counted(write):
    found = labels(write, event("impression", "q", "a", 1, position=0))
    assert len(found.samples) == 1
    assert found.without_search == 1


def test_the_span_is_that_of_the_search(write):
    log = write([e for r in range(3) for e in (event("search", str(r), at=r), event("impression", str(r), "a", 9))])
    samples = collect(log, FEATURES, LABELLING, start=MINUTE, end=2 * MINUTE).samples
    assert samples.requests.column("request_id").to_pylist() == ["1"]


def test_a_log_without_impressions_teaches_nothing(write):
    with pytest.raises(DataError, match="no impressions"):
        collect(write([event("search", "r")]), FEATURES, LABELLING)


def test_selected_requests_keep_their_rows(write, monkeypatch):
    log = write([
        event("search", "r", at=0), event("search", "s", at=1),
        event("impression", "r", "a", 1, position=0), event("impression", "s", "b", 1, position=0),
        event("impression", "s", "c", 1, position=1), event("click", "s", "c", 2),
    ])  # fmt: skip
    samples = collect(log, FEATURES, LABELLING).samples
    assert samples.has_relevant.tolist() == [False, True]
    relevant = samples.select(samples.has_relevant)
    assert relevant.impressions.column("item_id").to_pylist() == ["b", "c"]
    assert relevant.labels.tolist() == [0, 1]
    assert list(samples.parts(2)) == [(0, 1), (1, 2)]
    assert list(samples.parts(3)) == [(0, 2)]
    monkeypatch.setattr("trainer.samples.REQUEST_BYTES", 1)  # as when requests list thousands of owners
    assert list(samples.parts(3)) == [(0, 1), (1, 2)]


def test_labelling_is_read_from_the_specification():
    found = Labelling.of(ModelSpec(inputs=["eta"], attribution="2h"))
    assert found == Labelling({"click": 1, "order": 3}, 120 * MINUTE)


@pytest.mark.parametrize(
    ("more", "field"), [({"attribution": "soon"}, "attribution"), ({"labels": {"click": 0.5}}, "labels.click")]
)
def test_a_wrong_specification_names_its_entry(more, field):
    with pytest.raises(ConfigError) as error:
        Labelling.of(ModelSpec(inputs=["eta"], **more))
    assert error.value.field == field


def test_a_search_without_words_has_no_query_as_when_it_is_served(write):
    log = write([event("search", "r", query=""), event("impression", "r", "a", position=0)])
    assert collect(log, FEATURES, LABELLING).samples.requests.column("query").to_pylist() == [None]


def test_what_recall_said_and_what_was_known_of_the_query_are_learnt_from(write):
    feature_set = FeatureSet.parse("""
inputs:
  query.length: {type: float}
  recall.score: {type: float}
""")
    log = write([
        event("search", "r", **{"query.length": 3.0}),
        event("impression", "r", "a", position=0, **{"recall.score": 0.5}),
    ])  # fmt: skip
    samples = collect(log, feature_set, LABELLING).samples
    assert samples.requests.column("query.length").to_pylist() == [3.0]
    assert samples.impressions.column("recall.score").to_pylist() == [0.5]


def test_a_click_that_spells_the_item_in_another_normal_form_counts(write):
    log = write([
        event("search", "r"),
        event("impression", "r", "caf\u00e9", position=0),
        event("click", "r", "cafe\u0301", 1),
    ])  # fmt: skip
    found = collect(log, FEATURES, LABELLING)
    assert (found.samples.labels.tolist(), found.unmatched) == ([1.0], 0)
