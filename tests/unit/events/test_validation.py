"""Bad events are refused with the column and the first bad row."""

import re
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.events.schema import CORE
from searchrank.events.validation import conform

TIME = pa.array([datetime(2025, 3, 3, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC"))


def table(**changes):
    columns = {"event_id": ["a", "b", "c"], "kind": ["click"] * 3, "event_time": TIME} | changes
    return pa.table({name: column for name, column in columns.items() if column is not None})


def test_columns_are_put_in_order_absent_ones_are_null_and_inputs_without_values_left_out():
    given = table(**{"request.device": ["ios", None, None], "item_id": ["x", "y", "z"], "request.city": [None] * 3})
    inputs = {"request.city": pa.string(), "request.time": pa.int64(), "request.device": pa.string()}
    result = conform(given, inputs, strict=True)
    assert result.column_names == [*CORE.names, "request.device"]
    assert result.column("user_id").null_count == 3


@pytest.mark.parametrize("name", ["event_id", "kind", "event_time"])
def test_a_required_column_may_not_be_absent(name):
    with pytest.raises(DataError, match=rf"^{name}: .*required"):
        conform(table(**{name: None}), {}, strict=False)


@pytest.mark.parametrize("name", ["event_id", "kind"])
def test_a_null_in_a_required_column_is_located(name):
    with pytest.raises(DataError, match=rf"^{name}: row 1 is null"):
        conform(table(**{name: ["a", None, None]}), {}, strict=False)


def test_an_empty_id_is_located():
    with pytest.raises(DataError, match=r"^item_id: row 2 is an empty string"):
        conform(table(item_id=["x", None, ""]), {}, strict=False)


def test_the_limit_of_an_id_counts_bytes():
    conform(table(user_id=["é" * 64, None, "u"]), {}, strict=False)
    with pytest.raises(DataError, match=r"^user_id: row 1 has 129 bytes"):
        conform(table(user_id=["u", "é" * 64 + "x", "u"]), {}, strict=False)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("event_time", pa.array([1, 2, 3])),
        ("event_time", TIME.cast(pa.timestamp("us"))),
        ("event_time", TIME.cast(pa.timestamp("ms", "UTC"))),
        ("position", ["1", "2", "3"]),
        ("position", [0.5, 1.0, 2.0]),
        ("value", ["a", "b", "c"]),
        ("query", [1, 2, 3]),
    ],
)
def test_a_wrong_type_is_named(name, values):
    message = f"{name}: the type is {pa.array(values).type}, it must be {CORE.field(name).type}"
    with pytest.raises(DataError, match=re.escape(message)):
        conform(table(**{name: values}), {}, strict=False)


def test_a_position_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"^position: a value does not fit int32"):
        conform(table(position=[1, 2, 1 << 40]), {}, strict=False)


def test_bytes_that_are_no_text_are_refused():
    offsets = pa.array([0, 2, 3, 4], pa.int32()).buffers()[1]
    broken = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"\xff\xfeab")])
    with pytest.raises(DataError, match=r"^query: a value does not fit string: .*UTF8"):
        conform(table(query=broken), {}, strict=False)


def test_equal_meaning_in_another_arrow_type_is_taken():
    given = table(
        kind=pa.array(["click"] * 3).dictionary_encode(),
        item_id=pa.array(["x", "y", None], pa.large_string()),
        position=pa.array([1, 2, None], pa.int64()),
        query=pa.nulls(3),
    )
    result = conform(given, {}, strict=False)
    assert [f.type for f in result.schema] == CORE.types
    assert result.column("position").to_pylist() == [1, 2, None]


def test_a_column_of_no_root_is_refused_with_what_is_known():
    with pytest.raises(DataError, match=r"^colour: unknown event column; known are event_id"):
        conform(table(colour=["r", "g", "b"]), {}, strict=False)


@pytest.mark.parametrize("micros", [1_700_000_000_000_000_000, -(1 << 63), (1 << 63) - 1])
@pytest.mark.parametrize("name", ["event_time", "arrival_time"])
def test_a_time_that_no_calendar_has_is_located_before_the_log_holds_it_for_good(name, micros):
    times = pa.array([0, micros, None if name == "arrival_time" else 0], pa.timestamp("us", "UTC"))
    with pytest.raises(DataError, match=rf"^{name}: row 1 lies outside the years 1 to 9999: {micros} "):
        conform(table(**{name: times}), {}, strict=False)


def test_the_first_and_last_years_are_taken():
    times = pa.array([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), None])
    assert conform(table(arrival_time=times), {}, strict=False).column("arrival_time").null_count == 1


@pytest.mark.parametrize("value", [1.1e9, -1e13, float("inf")])
def test_a_value_too_large_to_be_summed_exactly_is_located_before_it_stops_every_reader(value):
    with pytest.raises(DataError, match=r"^value: row 1 is .* larger unit"):
        conform(table(value=[1e9, value, None]), {}, strict=False)


def test_an_input_column_of_nulls_does_not_decide_the_type_of_what_comes_later():
    assert conform(table(**{"request.x": pa.nulls(3)}), {}, strict=False).column_names == CORE.names


def test_two_columns_of_one_name_are_refused():
    twice = pa.table([["a"], ["b"]], names=["event_id", "event_id"])
    with pytest.raises(DataError, match=r"^event_id: there are two columns"):
        conform(twice, {}, strict=True)


def test_ids_are_kept_in_one_normal_form_and_texts_as_typed():
    given = table(item_id=["cafe\u0301", None, "tea"], query=["cafe\u0301", None, None])
    result = conform(given, {}, strict=True)
    assert result.column("item_id").to_pylist() == ["caf\u00e9", None, "tea"]
    assert result.column("query").to_pylist() == ["cafe\u0301", None, None]
