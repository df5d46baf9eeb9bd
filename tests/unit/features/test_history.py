from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import DataError, DefinitionError, NotFoundError
from searchrank.features import FeatureSet, hash_text
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import EventColumns, History, query_hash
from searchrank.features.inputs import Input, InputType, Statistic, StatisticKind
from tests.unit.features.history_oracle import FEATURES, SECOND, Event, check, random_events, table_of, write_catalogue


@pytest.fixture(scope="module")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture(scope="module")
def catalogue(feature_set, tmp_path_factory) -> Catalogue:
    return write_catalogue(tmp_path_factory.mktemp("catalogue") / "items", feature_set)


@pytest.mark.parametrize("seed", range(8))
def test_every_statistic_equals_a_count_of_all_events_to_the_bit(seed, feature_set, catalogue):
    events = random_events(seed, [0, 1, 7, 40, 150, 400, 400, 400][seed])
    history = History.build(feature_set, EventColumns.from_table(table_of(events)), catalogue)
    assert len(check(history, feature_set, events, seed)) == 16


def test_blocks_of_events_are_expanded_to_keys_one_by_one(feature_set, catalogue, monkeypatch):
    monkeypatch.setattr("searchrank.features.history.series._BLOCK", 16)
    events = random_events(9, 150)
    check(History.build(feature_set, EventColumns.from_table(table_of(events)), catalogue), feature_set, events, 9)


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


def test_values_of_many_objects_may_add_up_to_more_than_one_sum_holds():
    feature_set = FeatureSet.parse("inputs:\n  item.n: {type: signal, sum: order}\n")
    rows = [Event("order", 1, "u", f"i{k % 20}", None, 1e9) for k in range(20_000)]
    history = History.build(feature_set, EventColumns.from_table(table_of(rows)))
    items = np.array([hash_text(f"i{k}") for k in range(20)])
    assert history.items(items, np.full(20, 10**15))["item.n"].tolist() == [np.float32(1e12)] * 20


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
