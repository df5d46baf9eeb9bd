from __future__ import annotations

import pyarrow as pa
import pytest

from searchrank.errors import DataError
from trainer.levels.cut import cut


def log(*rows):
    names = ("kind", "user_id", "item_id", "event_time")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    return table.set_column(3, "event_time", table.column("event_time").cast(pa.timestamp("us", "UTC")))


def pairs(table):
    return {(row["kind"], row["user_id"], row["item_id"]) for row in table.to_pylist()}


def test_the_last_fifth_of_the_items_is_held_out_rounded_up():
    made = cut(log(*(("like", "u", f"i{k}", k) for k in range(6))), ["like"])
    assert made.held_out.users == ("u",)
    assert made.held_out.wanted == (("i4", "i5"),)
    assert made.held_out.known == (("i0", "i1", "i2", "i3"),)
    assert pairs(made.known) == {("like", "u", f"i{k}") for k in range(4)}


def test_of_a_held_out_item_nothing_is_known_and_nothing_that_came_after():
    rows = [("rating", "u", "a", 1), ("rating", "u", "b", 5), ("like", "u", "b", 6), ("like", "u", "a", 7)]
    made = cut(log(*rows, ("rating", "v", "b", 9), ("rating", "v", "c", 10)), ["like"])
    assert pairs(made.known) == {("rating", "u", "a"), ("rating", "v", "b")}


def test_only_people_who_wanted_what_is_held_out_are_averaged_over():
    rows = [("like", "u", "a", 1), ("rating", "u", "b", 2), ("rating", "v", "a", 1), ("like", "v", "b", 2)]
    made = cut(log(*rows), ["like"])
    assert made.held_out.users == ("v",)
    assert pairs(made.known) == {("like", "u", "a"), ("rating", "v", "a")}


def test_equal_times_go_by_the_order_of_the_log():
    rows = [("rating", "u", name, 0) for name in "abcde"] + [("like", "u", name, 0) for name in "ae"]
    made = cut(log(*rows), ["like"])
    assert made.held_out.wanted == (("e",),)
    assert ("like", "u", "a") in pairs(made.known)


def test_events_of_nobody_and_searches_are_kept():
    rows = [("like", "u", "a", 1), ("like", "u", "b", 2), ("click", None, "b", 9), ("search", "u", None, 1)]
    assert {("click", None, "b"), ("search", "u", None)} <= pairs(cut(log(*rows), ["like"]).known)


def test_a_log_in_which_nobody_wanted_anything_is_refused():
    with pytest.raises(DataError, match="nobody has an item to hold out"):
        cut(log(("rating", "u", "a", 1)), ["like"])


def test_many_people_are_thinned_out_evenly():
    made = cut(log(*(("like", f"u{k:03}", "a", 1) for k in range(100))), ["like"], most=3)
    assert made.held_out.users == ("u000", "u050", "u099")
