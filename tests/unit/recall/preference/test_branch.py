from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recall import Late, PreferenceBranch, PreferenceConfig, Query
from recall.interaction import Interactions
from recall.preference import branch as reading
from recall.preference.branch import build_preference
from recall.preference.index import TagIndex, quality
from searchrank.errors import DataError, NotFoundError
from searchrank.features.declaration import declare
from searchrank.features.history import EventColumns
from searchrank.features.records import Encoder
from searchrank.features.text import hash_text

DAY = 86_400_000_000
INPUTS = {
    "item.kind": {"type": "category"},
    "item.tags": {"type": "list", "limit": 6},
    "item.mood": {"type": "map", "limit": 4},
    "user.kinds": {"type": "map", "limit": 8},
    "user.tags": {"type": "list", "limit": 8},
    "user.mood": {"type": "map", "limit": 8},
    "user.since": {"type": "time"},
}
DECLARED = {name: declare(name, entry, lambda key, text: AssertionError(key + text)) for name, entry in INPUTS.items()}
ITEM = Encoder([one for name, one in DECLARED.items() if name.startswith("item")])
USER = Encoder([one for name, one in DECLARED.items() if name.startswith("user")])
SHOP = {"item.kind": ["tea", "tea", "pot", "cup", None], "item.tags": [["hot"], ["cold", "hot"], ["iron"], [], None]}
EVENTS = np.array([0, 2, 6, 0, 0])
KINDS = PreferenceConfig(tags={"item.kind": {"user.kinds": 1.0}})


def opened(columns: dict[str, list], config: PreferenceConfig, events=None) -> PreferenceBranch:
    records = ITEM.encode(columns, len(next(iter(columns.values()))))
    counts = np.zeros(len(records), np.int64) if events is None else events
    return PreferenceBranch(TagIndex.of([records[name] for name in config.likings], quality(counts)), config)


def asked(time: int = 0, late: Late | None = None, **likes) -> Query:
    record = USER.encode({f"user.{name}": [value] for name, value in likes.items()}, 1)[0]
    return Query(given={name: record[name] for name in record.dtype.names if name != "_pad"}, time=time, late=late)


def put(columns: dict[str, list], first: int, replaced: list[int] = (), now: list[int] = ()) -> Late:
    records = ITEM.encode(columns, len(next(iter(columns.values()))))
    cells = {name: records[name] for name in ITEM.inputs}
    rows = first + np.arange(len(records))
    return Late(rows, {}, np.array(replaced, np.int64), np.array(now, np.int64), {}, cells)


def test_items_of_the_best_liked_tag_come_first_and_those_with_events_before_others():
    found = opened(SHOP, KINDS, EVENTS).retrieve(asked(kinds={"tea": 3.0, "pot": 1.0}), 10)
    assert found.rows.tolist() == [1, 0, 2]
    assert found.scores.tolist() == [0.75 * 2, 0.75 * 1, 0.25 * 3]


def test_without_a_profile_nothing_is_found():
    assert len(opened(SHOP, KINDS).retrieve(Query(), 10)) == 0
    assert len(opened(SHOP, KINDS).retrieve(asked(kinds={}), 10)) == 0
    assert len(opened(SHOP, KINDS).retrieve(asked(kinds={"sofa": 1.0, "tea": float("nan")}), 10)) == 0


def test_the_same_word_in_two_inputs_is_two_tags():
    config = PreferenceConfig(tags={"item.kind": {"user.kinds": 1.0}, "item.tags": {"user.tags": 1.0}})
    branch = opened({"item.kind": ["hot", "tea"], "item.tags": [["tea"], ["hot"]]}, config)
    assert branch.retrieve(asked(kinds={"hot": 1.0}), 10).rows.tolist() == [0]
    assert branch.retrieve(asked(tags=["hot"]), 10).rows.tolist() == [1]


def test_counts_and_shares_go_together_and_weights_say_how():
    tags = {"item.kind": {"user.kinds": 1.0, "user.tags": 3.0}}
    found = opened(SHOP, PreferenceConfig(tags=tags)).retrieve(asked(kinds={"tea": 500.0}, tags=["pot"]), 10)
    assert found.rows.tolist() == [2, 0, 1]
    assert found.scores.tolist() == [3.0, 1.0, 1.0]


def test_a_profile_counts_half_after_its_half_life():
    fading = {"weight": 1.0, "half_life": "30d", "as_of": "user.since"}
    branch = opened(SHOP, PreferenceConfig(tags={"item.kind": {"user.kinds": fading}}))
    told = {"kinds": {"pot": 1.0}, "since": dt.datetime(1970, 4, 11, tzinfo=dt.UTC)}  # the hundredth day
    scores = [branch.retrieve(asked(day * DAY, **told), 10).scores[0] for day in (100, 130, 160, 50)]
    assert scores == [1.0, 0.5, 0.25, 1.0]
    assert branch.retrieve(asked(200 * DAY, kinds={"pot": 1.0}), 10).scores[0] == 1.0


def test_tags_of_recent_items_are_liked_less_the_longer_ago_they_were():
    config = PreferenceConfig(tags={"item.kind": {}}, recent={"half_life": 1.0, "history": 2})
    recent = np.array([2, 99, 0, 3])
    found = opened(SHOP, config).retrieve(Query(lists={"user.recent_items": recent}), 10)
    assert found.rows.tolist() == [2, 0, 1]
    assert found.scores.tolist() == pytest.approx([2 / 3, 1 / 3, 1 / 3])


def test_only_the_best_liked_tags_are_looked_for():
    config = PreferenceConfig(tags={"item.kind": {"user.kinds": 1.0}}, most=1)
    assert opened(SHOP, config).retrieve(asked(kinds={"tea": 1.0, "pot": 2.0}), 10).rows.tolist() == [2]


def test_items_put_since_are_found_even_by_tags_that_were_never_there():
    late = put({"item.kind": ["sofa", "tea"]}, first=6)
    found = opened(SHOP, KINDS).retrieve(asked(late=late, kinds={"sofa": 2.0, "tea": 1.0}), 10)
    assert found.rows.tolist() == [6, 0, 1, 7]


def test_an_item_that_was_put_again_is_found_by_what_it_is_now_and_keeps_its_quality():
    late = put({"item.kind": ["tea"]}, first=6, replaced=[2], now=[6])
    branch = opened(SHOP, KINDS, EVENTS)
    assert branch.retrieve(asked(late=late, kinds={"pot": 1.0}), 10).rows.tolist() == []
    assert branch.retrieve(asked(late=late, kinds={"tea": 1.0}), 10).scores.tolist() == [3.0, 2.0, 1.0]


def test_deleted_items_are_not_found():
    query = asked(kinds={"tea": 1.0})
    refused = Query(given=query.given, exclude=np.array([1]))
    assert opened(SHOP, KINDS).retrieve(refused, 10).rows.tolist() == [0]


def interactions(rows: list[int]) -> Interactions:
    count = len(rows)
    nothing = np.zeros(count, np.int64)
    events = EventColumns(
        kinds=("click",),
        kind=np.zeros(count, np.int32),
        known_time=np.arange(count),
        user=nothing,
        item=nothing,
        query=nothing,
        value=np.full(count, np.nan),
    )
    return Interactions(events, np.array(rows, np.int64), 5)


def test_an_index_answers_alike_after_it_was_written(tmp_path: Path):
    build_preference(tmp_path, KINDS, ITEM.encode(SHOP, 5), interactions([1, 1, *[2] * 6]))
    found = PreferenceBranch.open(tmp_path, KINDS).retrieve(asked(kinds={"tea": 3.0, "pot": 1.0}), 10)
    assert found.scores.tolist() == [0.75 * 2, 0.75 * 1, 0.25 * 3]


def test_a_catalogue_without_items_or_tags_is_indexed(tmp_path: Path):
    build_preference(tmp_path, KINDS, ITEM.encode({"item.kind": [None] * 5}, 5), interactions([]))
    assert len(PreferenceBranch.open(tmp_path, KINDS).retrieve(asked(kinds={"tea": 1.0}), 10)) == 0


def test_a_damaged_or_absent_index_says_how_to_mend_it(tmp_path: Path):
    with pytest.raises(NotFoundError, match="searchrank index"):
        PreferenceBranch.open(tmp_path, KINDS)
    build_preference(tmp_path, KINDS, ITEM.encode(SHOP, 5), interactions([]))
    (tmp_path / "rows.npy").write_bytes(b"")
    with pytest.raises(DataError, match="searchrank index"):
        PreferenceBranch.open(tmp_path, KINDS)


WORDS = st.sampled_from(["a", "b", "c", "d", "e"])
WEIGHTS = st.dictionaries(WORDS, st.integers(1, 4).map(float), max_size=4)
ROW = st.tuples(WORDS | st.none(), st.lists(WORDS, max_size=4) | st.none(), WEIGHTS | st.none(), st.integers(0, 9))
CORPUS = st.lists(ROW, min_size=1, max_size=40)
ALL = PreferenceConfig(
    tags={
        "item.kind": {"user.kinds": 2.0},
        "item.tags": {"user.tags": 1.0, "user.kinds": 1.0},
        "item.mood": {"user.mood": 4.0},
    }
)


def scan(row: tuple, kinds: dict, tags: list, mood: dict, events: int) -> float:
    """Score one item from raw values, as the documentation says."""
    share = {id(part): sum(part.values()) for part in (kinds, mood)}
    kind, item_tags, item_mood, _ = row
    score = 2 * kinds.get(kind, 0) / (share[id(kinds)] or 1)
    for tag in set(item_tags or ()):
        score += (tag in tags) / (len(set(tags)) or 1) + kinds.get(tag, 0) / (share[id(kinds)] or 1)
    for tag, weight in (item_mood or {}).items():
        score += 4 * weight * mood.get(tag, 0) / (share[id(mood)] or 1)
    return score * np.log2(events + 2)


@settings(max_examples=60, deadline=None)
@given(corpus=CORPUS, kinds=WEIGHTS, tags=st.lists(WORDS, max_size=4), mood=WEIGHTS, data=st.data())
def test_it_equals_a_linear_scan(corpus: list[tuple], kinds: dict, tags: list, mood: dict, data: st.DataObject):
    columns = dict(zip(ITEM.inputs, ([row[at] for row in corpus] for at in range(3)), strict=True))
    base = data.draw(st.integers(1, len(corpus)), "items of the index; the others were put since")
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(corpus) + 1, max_size=len(corpus) + 1)))
    limit = data.draw(st.integers(1, 12))
    events = np.array([row[3] for row in corpus[:base]])
    branch = opened({name: values[:base] for name, values in columns.items()}, ALL, events)
    late = put({name: values[base:] for name, values in columns.items()}, base + 1) if base < len(corpus) else None
    asking = asked(kinds=kinds, tags=tags, mood=mood, late=late)
    found = branch.retrieve(Query(given=asking.given, late=late, allowed=allowed), limit)

    expected: dict[int, float] = {}
    for at, row in enumerate(corpus):
        place, happened = (at, row[3]) if at < base else (at + 1, 0)
        if allowed[place] and (score := scan(row, kinds, tags, mood, happened)) > 0:
            expected[place] = score
    best = sorted(expected.values(), reverse=True)[:limit]
    assert found.scores.tolist() == pytest.approx(best, rel=1e-5)
    assert found.scores.tolist() == pytest.approx([expected[row] for row in found.rows.tolist()], rel=1e-5)


def test_reading_a_part_of_the_postings_gives_the_list_of_reading_all(monkeypatch: pytest.MonkeyPatch):
    chance = np.random.default_rng(3)
    words = [f"w{at}" for at in range(12)]
    columns = {"item.tags": [chance.choice(words, 3).tolist() for _ in range(3_000)]}
    config = PreferenceConfig(tags={"item.tags": {"user.kinds": 1.0}})
    branch = opened(columns, config, (chance.pareto(0.3, 3_000) % 1e9).astype(np.int64))
    query = asked(kinds={word: float(weight) for word, weight in zip(words[:8], chance.integers(1, 9, 8), strict=True)})
    read: list[int] = []
    scores = branch._scores
    monkeypatch.setattr(branch, "_scores", lambda rows, weights: (read.append(len(rows)), scores(rows, weights))[1])
    monkeypatch.setattr(reading, "_FIRST", 32)
    some = branch.retrieve(query, 10)
    assert max(read) < 1_500
    everything = branch.retrieve(query, 3_000)
    assert everything.rows[:10].tolist() == some.rows.tolist()
    assert everything.scores[:10].tolist() == some.scores.tolist()


def test_numbers_of_unknown_tags_are_none():
    index = TagIndex.of([ITEM.encode(SHOP, 5)["item.kind"]], quality(EVENTS))
    known: npt.NDArray[np.int64] = np.array([hash_text("tea"), hash_text("sofa")])
    assert (index.numbers(0, known) >= 0).tolist() == [True, False]
