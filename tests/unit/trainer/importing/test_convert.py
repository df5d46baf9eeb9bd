from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from trainer.importing.column import Column, Conversion
from trainer.importing.convert import convert


def converted(conversion, *columns, missing=(), target="item.x", **options):
    names = tuple("abcdef"[: len(columns)])
    raw = {
        name: column if isinstance(column, pa.Array) else pa.array(column)
        for name, column in zip(names, columns, strict=True)
    }
    column = Column(target=target, conversion=Conversion(conversion), sources=names, **options)
    found = convert(column, raw, len(next(iter(raw.values()))), missing)
    return found.values.to_pylist(), found.bad.tolist()


@pytest.mark.parametrize(
    ("given", "options", "wanted"),
    [
        (["1", " 2.5 ", "-3e2", "+.5"], {}, [1.0, 2.5, -300.0, 0.5]),
        (["1.234,50", "7"], {"decimal": ",", "remove": "."}, [1234.5, 7.0]),
        (["$1,200", ""], {"remove": "$,"}, [1200.0, None]),
        (["low", "high", None], {"values": {"low": 1.0, "high": 3.0}}, [1.0, 3.0, None]),
        ([1, 2, None], {"scale": 0.5}, [0.5, 1.0, None]),
        ([True, False], {"values": {"true": 1.0, "false": 0.0}}, [1.0, 0.0]),
    ],
)
def test_numbers_are_read_as_people_write_them(given, options, wanted):
    values, bad = converted("number", given, **options)
    assert values == wanted
    assert not any(bad)


@pytest.mark.parametrize("wrong", ["12a", "1.2.3", "--1", "1,5", "0x10", "\u0661a"])
def test_what_is_no_number_is_not_read_as_one(wrong):
    values, bad = converted("number", ["1", wrong])
    assert values == [1.0, None]
    assert bad == [False, True]


def test_a_missing_mark_is_missing_and_no_fault():
    assert converted("number", ["1", "?", " ? "], missing=("?",)) == ([1.0, None, None], [False] * 3)


NOON = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (["2024-07-01 12:00:00"], {}),
        (["2024-07-01T12:00:00Z"], {}),
        (["2024-07-01T14:00:00+02:00"], {"zone": "Asia/Shanghai"}),
        (["2024-07-01 14:00"], {"zone": "Europe/Berlin"}),
        (["01.07.2024 14:00"], {"zone": "Europe/Berlin", "format": "%d.%m.%Y %H:%M"}),
        (["1719835200"], {"unit": 1_000_000}),
        ([1719835200000], {"unit": 1_000}),
        ([1719835200.0], {"unit": 1_000_000}),
        (pa.array([NOON], pa.timestamp("ms", "Europe/Berlin")), {}),
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("ns")), {}),
    ],
)
def test_times_of_many_kinds_are_one_moment(given, options):
    assert converted("time", given, **options) == ([NOON], [False])


def test_times_that_are_none_are_marked_one_by_one():
    values, bad = converted("time", ["2024-07-01 12:00:00", "2024-07-01T12:00:00Z", "soon", "2024-13-01", None])
    assert values == [NOON, NOON, None, None, None]
    assert bad == [False, False, True, True, False]


def test_an_hour_that_is_there_twice_is_the_first_of_them():
    values, _ = converted("time", ["2024-10-27 02:30:00"], zone="Europe/Berlin")
    assert values == [dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.UTC)]


def test_lists_are_split_trimmed_and_without_empty_members():
    assert converted("list", ["a| b ||c", "", None, "d"], sep="|")[0] == [["a", "b", "c"], None, None, ["d"]]
    assert converted("list", pa.array([["x", None], [], None]))[0] == [["x"], [], None]
    assert converted("list", ["Tea", None])[0] == [["Tea"], None]


def test_a_point_is_two_columns_or_two_parts_of_one():
    assert converted("point", ["30.5", None], [120, 1.0])[0] == [[30.5, 120.0], None]
    assert converted("point", ["30.5, 120"])[0] == [[30.5, 120.0]]
    assert converted("point", pa.array([[30.5, 120.0]]))[0] == [[30.5, 120.0]]
    assert converted("point", ["120"], ["30"]) == ([None], [True])
    assert converted("point", ["30.5"])[1] == [True]


def test_vectors_have_the_length_of_the_first():
    assert converted("vector", ["[1, 2]", "3,4", "5"]) == ([[1.0, 2.0], [3.0, 4.0], None], [False, False, True])
    assert converted("vector", [1.0, None], [2.0, 3.0])[0] == [[1.0, 2.0], None]


def test_ids_that_a_table_with_gaps_made_floats_are_whole_again():
    assert converted("text", [7.0, None, 8.0], target="item_id")[0] == ["7", None, "8"]


def test_a_position_that_is_not_whole_is_a_fault():
    assert converted("number", ["3", "1.5"], target="position") == ([3, None], [False, True])


def test_texts_of_several_columns_are_joined_where_there_are_any():
    assert converted("text", ["a", None, None], ["b", "c", None])[0] == ["a b", "c", None]


def test_categories_are_renamed_and_lowered():
    found = converted("category", ["SLP", "Slp ", "Victoria", None], lower=True, values={"slp": "san luis"})
    assert found[0] == ["san luis", "san luis", "victoria", None]
