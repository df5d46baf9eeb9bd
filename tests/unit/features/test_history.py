from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import DataError, DefinitionError, NotFoundError
from searchrank.features import FeatureSet, hash_text, normalize
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import Chains, EventColumns, History, query_hash
from searchrank.features.inputs import Input, InputType, Root, Statistic, StatisticKind

FEATURES = """
inputs:
  item.category: {type: category}
  item.tags: {type: tokens, limit: 4}
  item.clicks: {type: signal, count: click, missing: -1}
  item.clicks_recent: {type: signal, count: click, window: 20s, refresh: 5s}
  item.spend: {type: signal, sum: order, refresh: 3s}
  item.rating: {type: signal, mean: order, prior: 3.3, strength: 2, window: 30s}
  item.plain_rating: {type: signal, mean: order}
  item.ctr: {type: signal, rate: click, over: impression, prior: 0.1, strength: 7, window: 25s}
  item.plain_ctr: {type: signal, rate: click, over: impression, missing: 0.5}
  user.clicks: {type: signal, count: click}
  user.recent: {type: list, of: item_id, last: click, limit: 3, refresh: 2s}
  user.recent_window: {type: list, of: item_id, last: click, limit: 50, window: 10s, missing: empty}
  user.clicks_by_category: {type: map, count: click, by: item.category, limit: 50}
  user.ctr_by_category: {type: map, rate: click, over: impression, by: item.category, prior: 0.2, strength: 3, limit: 2}
  user.spend_by_tag: {type: map, sum: order, by: item.tags, limit: 3, window: 40s, refresh: 4s, missing: empty}
  user.rating_by_tag: {type: map, mean: order, by: item.tags, limit: 50}
  query.clicks: {type: signal, count: click, window: 30s}
  query.ctr: {type: signal, rate: click, over: impression}
"""
SECOND = 1_000_000


@dataclass
class Event:
    kind: str
    known: int
    user: str | None
    item: str | None
    query: str | None
    value: float | None


def random_events(seed: int, count: int) -> list[Event]:
    rng = np.random.default_rng(seed)

    def pick(names: list[str | None]) -> str | None:
        return names[rng.integers(len(names))]

    def value() -> float | None:
        return None if rng.random() < 0.2 else round(float(rng.normal(3, 2)), int(rng.integers(8)))

    return [
        Event(
            pick(["click", "impression", "impression", "order", "search"]),
            int(rng.integers(0, 60)) * SECOND // int(rng.choice([1, 1, 2, 3])) + int(rng.integers(-1, 2)),
            pick([None, "u1", "u2", "u3", "ü4"]),
            pick([None, "gone", *(f"i{k}" for k in range(12))]),
            pick([None, "", "Hot  Pot", "hot pot", "tea"]),
            value(),
        )
        for _ in range(count)
    ]


def table_of(events: list[Event], *, event_time: bool = False) -> pa.Table:
    stamps = pa.array([e.known for e in events], pa.timestamp("us", tz="UTC"))
    absent = pa.nulls(len(events), stamps.type)
    return pa.table(
        {
            "kind": pa.array([e.kind for e in events], pa.string()),
            "event_time": stamps if event_time else absent,
            "arrival_time": absent if event_time else stamps,
            "user_id": pa.array([e.user for e in events], pa.string()),
            "item_id": pa.array([e.item for e in events], pa.string()),
            "query": pa.array([e.query for e in events], pa.string()),
            "value": pa.array([e.value for e in events], pa.float64()),
        }
    )


CATEGORIES = {f"i{k}": [None, "food", "tea", "spa"][k % 4] for k in range(12)}
TAGS = {f"i{k}": ["new hot new", "", None, "hot", "quiet old cheap new late"][k % 5] for k in range(12)}


@pytest.fixture(scope="module")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture(scope="module")
def catalogue(feature_set, tmp_path_factory) -> Catalogue:
    folder = tmp_path_factory.mktemp("catalogue") / "items"
    columns = {
        "item_id": list(CATEGORIES),
        "item.category": list(CATEGORIES.values()),
        "item.tags": list(TAGS.values()),
    }
    Catalogue.write(folder, feature_set, pa.table(columns))
    return Catalogue.open(folder, feature_set)


# The oracle: one pass over all events for every value, as the documentation says it.


def counted(item, root: str, name: str | None, time: int, events: list[Event], kinds: set[str]) -> list[Event]:
    s = item.statistic
    end = time // s.refresh_us * s.refresh_us
    start = end - s.window_us if s.window_us else -math.inf
    same = normalize if root == "query" else str
    found = [
        e
        for e in events
        if e.kind in kinds and getattr(e, root) and same(getattr(e, root)) == same(name) and start <= e.known < end
    ]
    if s.kind in {"sum", "mean"}:
        found = [e for e in found if e.value is not None]
    return found


def number(item, found: list[Event]) -> np.float32:
    s = item.statistic
    total = float(sum(round(e.value * 1e6) for e in found if e.value is not None)) / 1e6
    hits = sum(e.kind == s.event for e in found)
    with np.errstate(invalid="ignore"):
        match s.kind:
            case "count":
                return np.float32(len(found))
            case "sum":
                return np.float32(total)
            case "mean":
                top, bottom = total + s.prior * s.strength, len(found) + s.strength
            case "rate":
                top, bottom = hits + s.prior * s.strength, (len(found) - hits) + s.strength
    return np.float32(top / bottom) if bottom else np.float32(math.nan)


def keys_of(item, event: Event) -> set[int]:
    if item.statistic.by == "item.category":
        category = CATEGORIES.get(event.item)
        return {hash_text(category)} if category else set()
    return {hash_text(t) for t in (TAGS.get(event.item) or "").split()[:4]}


def oracle(item, root: str, name: str | None, time: int, events: list[Event]):
    s = item.statistic
    if not name or not name.strip():
        return None
    found = counted(item, root, name, time, events, {s.event, s.over or s.event})
    if s.kind == "last":
        newest = [e.item for e in sorted(found, key=lambda e: e.known) if e.item][::-1]
        return [hash_text(i) for i in dict.fromkeys(newest)][: item.limit]
    if not s.by:
        return number(item, found)
    groups: dict[int, list[Event]] = defaultdict(list)
    for event in found:
        for key in keys_of(item, event):
            groups[key].append(event)
    kept = sorted(groups, key=lambda k: (-len(groups[k]), k))[: item.limit]
    return {key: number(item, groups[key]) for key in sorted(kept)}


def assert_cell(item, cell, expected) -> None:
    if item.limit:
        if expected is None:
            assert cell["count"] == (0 if item.missing == () else -1)
            expected = []
        else:
            assert cell["count"] == len(expected)
        members = cell["keys"] if item.statistic.by else cell["values"]
        assert members.tolist() == [*expected, *[0] * (item.limit - len(expected))]
        if item.statistic.by:
            values = np.array(list(dict(expected).values()), np.float32)
            assert cell["values"][: len(values)].tobytes() == values.tobytes()
            assert not cell["values"][len(values) :].any()
        return
    if expected is None or math.isnan(expected):
        expected = math.nan if item.missing is None else item.missing
    assert cell.tobytes() == np.float32(expected).tobytes(), (item.name, cell, expected)


def check(history: History, feature_set: FeatureSet, events: list[Event], seed: int) -> Counter[str]:
    rng = np.random.default_rng(seed)
    users = [None, "u1", "u2", "u3", "ü4", "never"] * 5
    queries = [None, "", "HOT pot", "tea", "never"] * 6
    items = ["gone", *CATEGORIES, "never"]
    moments = [int(t) for t in rng.integers(0, 70 * SECOND, len(users))]
    moments[:10] = [t // SECOND * SECOND for t in moments[:10]]
    times = np.array(moments)
    user_hashes = np.array([hash_text(u) if u else 0 for u in users])
    cells = history.requests(user_hashes, np.array([query_hash(q) for q in queries]), times)
    item_cells = history.items(np.array([hash_text(i) for i in items]), times[: len(items)])
    seen: Counter[str] = Counter()
    for item in feature_set.inputs.values():
        if item.statistic is None:
            continue
        names = {"user": users, "query": queries, "item": items}[item.root]
        values = (item_cells if item.is_live else cells)[item.name]
        for j, name in enumerate(names):
            assert_cell(item, values[j], oracle(item, item.root.value, name, moments[j], events))
            seen[item.name] += 1
    return seen


@pytest.mark.parametrize("seed", range(8))
def test_every_statistic_equals_a_count_of_all_events_to_the_bit(seed, feature_set, catalogue):
    events = random_events(seed, [0, 1, 7, 40, 150, 400, 400, 400][seed])
    history = History.build(feature_set, EventColumns.from_table(table_of(events)), catalogue)
    assert len(check(history, feature_set, events, seed)) == 16


def test_blocks_of_events_are_expanded_to_keys_one_by_one(feature_set, catalogue, monkeypatch):
    monkeypatch.setattr("searchrank.features.history.series._BLOCK", 16)
    events = random_events(9, 150)
    check(History.build(feature_set, EventColumns.from_table(table_of(events)), catalogue), feature_set, events, 9)


def in_parts(feature_set, catalogue, events: list[Event], cuts: list[int]) -> History:
    """Return a history of a part for each stretch between the cuts, which events of any time may lie in."""
    stretches = [events[a:b] for a, b in itertools.pairwise([0, *cuts, len(events)])]
    columns = [EventColumns.from_table(table_of(stretch)) for stretch in stretches]
    history = History.build(feature_set, columns[0], catalogue)
    return history.extended([history.part(one, catalogue) for one in columns[1:]])


@pytest.mark.parametrize("cuts", [[0], [300], [1, 2, 3], [100, 200], [20, 20, 250, 299]])
def test_a_history_in_parts_has_the_bits_of_the_whole(cuts, feature_set, catalogue):
    events = random_events(21, 300)
    check(in_parts(feature_set, catalogue, events, cuts), feature_set, events, 21)


def test_only_what_was_known_before_counts_beside_the_time(feature_set, catalogue):
    events = sorted(random_events(22, 300), key=lambda e: e.known)
    history = in_parts(feature_set, catalogue, events, [100, 250])
    users, queries = (np.array([one, 0, other]) for one, other in ((hash_text("u1"), hash_text("u2")), (5, 6)))
    times, bound = np.full(3, 60 * SECOND), 17 * SECOND
    then = History.build(
        feature_set, EventColumns.from_table(table_of([e for e in events if e.known < bound])), catalogue
    )
    for read, given in ((History.requests, (users, queries, times)), (History.items, (users, times))):
        for name, cells in read(history, *given, np.full(3, bound)).items():
            assert cells.tobytes() == read(then, *given)[name].tobytes()
    assert (
        history.requests(users, queries, times)["user.clicks"][0]
        > then.requests(users, queries, times)["user.clicks"][0]
    )


def test_traces_kept_elsewhere_are_read_as_chains(feature_set, catalogue):
    events = random_events(23, 200)
    history = in_parts(feature_set, catalogue, events, [50, 120])
    users = np.array([hash_text(u) for u in ("u1", "u2", "never")])
    kept = [dict(part.traces[Root.USER].items()) for part in history.parts]
    chains = Chains.of([b"".join(rows.get(user, b"") for rows in kept) for user in users.tolist()])
    layout_ = feature_set.request_layout
    here, there = np.zeros(3, layout_), np.zeros(3, layout_)
    times = np.full(3, 50 * SECOND)
    history.fill(Root.USER, here, users, times)
    history.fill(Root.USER, there, users, times, chains=chains)
    assert here.tobytes() == there.tobytes()
    assert here["user.clicks"][0] > 0


@pytest.mark.parametrize("row", [b"x", b"\0" * 8, (24).to_bytes(8, "little"), (12).to_bytes(8, "little") + b"12345678"])
def test_a_damaged_chain_is_refused(row):
    with pytest.raises(DataError):
        Chains.of([row])


def test_one_who_goes_by_two_names_is_counted_under_both(feature_set, catalogue):
    events = random_events(24, 200)
    history = in_parts(feature_set, catalogue, events, [120])
    both = np.array([hash_text("u1"), hash_text("u2")])
    chains = history.chains(Root.USER, both, np.array([0, 2]))
    record = np.zeros(1, feature_set.request_layout)
    history.fill(Root.USER, record, both[:1], np.array([50 * SECOND]), chains=chains)
    alone = history.requests(both, np.zeros(2, np.int64), np.full(2, 50 * SECOND))["user.clicks"]
    assert record["user.clicks"][0] == alone.sum() > alone.max()


def test_a_written_history_reads_the_same(feature_set, catalogue, tmp_path):
    events = random_events(11, 200)
    History.build(feature_set, EventColumns.from_table(table_of(events)), catalogue).write(tmp_path)
    check(History.open(tmp_path, feature_set), feature_set, events, 11)


def test_a_history_without_events_can_be_written(feature_set, catalogue, tmp_path):
    History.build(feature_set, EventColumns.from_table(table_of([])), catalogue).write(tmp_path)
    check(History.open(tmp_path, feature_set), feature_set, [], 1)


def test_batches_read_one_by_one_are_the_table(feature_set, catalogue):
    events = random_events(12, 100)
    history = History.build(
        feature_set, EventColumns.from_batches(table_of(events).to_batches(max_chunksize=7)), catalogue
    )
    check(history, feature_set, events, 12)


def test_one_row_at_a_time_gives_the_bytes_of_all_at_once(feature_set, catalogue):
    history = History.build(feature_set, EventColumns.from_table(table_of(random_events(13, 300))), catalogue)
    users, queries = np.array([hash_text("u1"), hash_text("u2")] * 9), np.array([query_hash("tea")] * 18)
    times = np.arange(18) * 4 * SECOND
    together = history.requests(users, queries, times)
    for j in range(18):
        alone = history.requests(users[j : j + 1], queries[j : j + 1], times[j : j + 1])
        for name, cells in alone.items():
            assert cells[0].tobytes() == together[name][j].tobytes()


def clicks(*times: float) -> History:
    events = [Event("click", int(t * SECOND), "u", "i", None, None) for t in times]
    feature_set = FeatureSet.parse("inputs:\n  item.n: {type: signal, count: click, window: 10s, refresh: 4s}\n")
    return History.build(feature_set, EventColumns.from_table(table_of(events)))


def read(history: History, time: float) -> float:
    return float(history.items(np.array([hash_text("i")]), np.array([int(time * SECOND)]))["item.n"][0])


def test_a_value_moves_at_its_refresh_only():
    history = clicks(5)
    assert [read(history, t) for t in (5, 6, 7.999999, 8)] == [0, 0, 0, 1]


def test_the_window_has_its_start_and_not_its_end():
    history = clicks(2, 12, 12)
    assert read(history, 11.9) == 1  # [-2, 8)
    assert read(history, 12) == 1  # [2, 12)
    assert read(history, 16) == 2  # [6, 16)


def test_the_window_is_exact_to_the_microsecond():
    assert read(clicks(1.999999), 12) == 0
    assert read(clicks(2), 12) == read(clicks(11.999999), 12) == 1


def test_an_event_counts_from_its_arrival_on():
    table = table_of([Event("click", 9 * SECOND, "u", "i", None, None)])
    early = pa.array([SECOND], pa.timestamp("us", tz="UTC"))
    table = table.set_column(table.column_names.index("event_time"), "event_time", early)
    feature_set = FeatureSet.parse("inputs:\n  item.n: {type: signal, count: click}\n")
    history = History.build(feature_set, EventColumns.from_table(table))
    assert (read(history, 9), read(history, 9.000001)) == (0, 1)


def test_without_arrival_the_event_time_is_when_it_was_known():
    events = EventColumns.from_table(table_of([Event("click", 9, "u", "i", None, None)], event_time=True))
    assert events.known_time.tolist() == [9]


def test_events_before_a_time_leave_that_time_out():
    events = EventColumns.from_table(table_of([Event("click", t, "u", "i", None, None) for t in (3, 1, 2, 2)]))
    assert events.before(2).known_time.tolist() == [1]


def test_a_sum_does_not_depend_on_the_order_of_events():
    values = [0.1, 1e6, -1e6, 0.2, 1e-6]
    feature_set = FeatureSet.parse("inputs:\n  item.n: {type: signal, sum: order}\n")
    for order in (values, values[::-1], sorted(values)):
        events = [Event("order", k, "u", "i", None, v) for k, v in enumerate(order)]
        history = History.build(feature_set, EventColumns.from_table(table_of(events)))
        assert np.float32(read(history, 1)) == np.float32(0.300001)


def test_values_too_large_to_be_exact_are_refused():
    feature_set = FeatureSet.parse("inputs:\n  item.n: {type: signal, sum: order}\n")
    events = EventColumns.from_table(table_of([Event("order", 1, "u", "i", None, 1e13)]))
    with pytest.raises(DataError, match="larger unit"):
        History.build(feature_set, events)


def test_an_infinite_value_is_no_value():
    feature_set = FeatureSet.parse("inputs:\n  item.n: {type: signal, mean: order}\n")
    rows = [Event("order", 1, "u", "i", None, v) for v in (math.inf, math.nan, 4.0)]
    assert read(History.build(feature_set, EventColumns.from_table(table_of(rows))), 1) == 4


def test_a_map_by_something_that_has_no_keys_is_refused(catalogue):
    count = Statistic(kind=StatisticKind.COUNT, event="click", by="item.price")
    inputs = [Input(name="user.m", type=InputType.MAP, limit=4, statistic=count)]
    events = EventColumns.from_table(table_of([]))
    with pytest.raises(DefinitionError, match=r"item\.price"):
        History.build(inputs, events, catalogue)
    with pytest.raises(DataError, match="catalogue"):
        History.build(inputs, events)


def test_an_event_without_a_time_or_kind_is_refused():
    table = table_of([Event("click", 1, "u", "i", None, None)])
    with pytest.raises(DataError, match="arrival_time"):
        EventColumns.from_table(table.drop_columns(["arrival_time", "event_time"]))
    with pytest.raises(DataError, match="kind"):
        EventColumns.from_table(table.drop_columns(["kind"]))
    with pytest.raises(DataError, match="value"):
        EventColumns.from_table(table.set_column(6, "value", pa.array(["x"])))


def test_a_history_lacking_a_statistic_asks_to_be_rebuilt(tmp_path):
    clicks(1).write(tmp_path)
    wider = FeatureSet.parse("inputs:\n  item.n: {type: signal, count: click, window: 1d}\n")
    assert read(History.open(tmp_path, wider), 2) == 1
    with pytest.raises(DataError, match="rebuild"):
        History.open(tmp_path, FeatureSet.parse("inputs:\n  item.n: {type: signal, count: order}\n"))
    with pytest.raises(NotFoundError):
        History.open(tmp_path / "nowhere", wider)


def test_records_of_another_form_are_refused(feature_set, catalogue):
    history = History.build(feature_set, EventColumns.from_table(table_of([])), catalogue)
    one = np.zeros(1, np.int64)
    with pytest.raises(DataError, match=r"item\.clicks"):
        history.fill_candidates(np.zeros(1, [("item.clicks", "<f8")]), one, one)
    with pytest.raises(ValueError, match="dense"):
        history.fill_candidates(np.zeros(2, feature_set.candidate_layout), one, one)


def test_records_may_lack_or_have_other_fields(feature_set, catalogue):
    history = History.build(feature_set, EventColumns.from_table(table_of(random_events(5, 90))), catalogue)
    records = np.zeros(1, [("other", "<i8"), ("user.clicks", "<f4")])
    one, time = np.array([hash_text("u1")]), np.array([99 * SECOND])
    history.fill_requests(records, one, one, time)
    assert records["other"][0] == 0
    assert records["user.clicks"][0] == history.requests(one, one, time)["user.clicks"][0] > 0
