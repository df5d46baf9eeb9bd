from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import pyarrow as pa
import pytest

from recall.indexes.documents import folded, read_tables
from searchrank.errors import DataError, NotFoundError
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.features.inputs import Root
from searchrank.workspace import Workspace

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
FEATURES = FeatureSet.parse("""
inputs:
  item.title: {type: tokens}
  item.price: {type: float}
  item.place: {type: point}
  user.city:  {type: category}
""")
BASE = pa.table({"item_id": ["a", "b", "c"], "item.price": [1.0, 2.0, 3.0], "name": ["A", "B", "C"]})


def told(folder: Path, *rows: dict) -> EventLog:
    full = [{"event_id": str(n), "event_time": NOON} | row for n, row in enumerate(rows)]
    names = dict.fromkeys(name for row in full for name in row)
    with EventLog.open(folder, writable=True) as log:
        log.append(pa.table({name: [row.get(name) for row in full] for name in names}))
    return EventLog.open(folder)


def after(log: EventLog, base: pa.Table = BASE, root: Root = Root.ITEM, end: int | None = None) -> list[dict]:
    return folded(base, root, FEATURES, (log, log.end if end is None else end)).to_pylist()


def put(item: str, **columns: object) -> dict:
    return {"kind": "put_item", "item_id": item} | {f"item.{name}": value for name, value in columns.items()}


def test_a_put_replaces_the_whole_document_and_a_new_one_comes_behind(tmp_path):
    log = told(tmp_path, put("b", title="Tea"), put("d", price=4.0), {"kind": "click", "item_id": "a"})
    assert after(log) == [
        {"item_id": "a", "item.price": 1.0, "name": "A", "item.title": None},
        {"item_id": "c", "item.price": 3.0, "name": "C", "item.title": None},
        {"item_id": "b", "item.price": None, "name": None, "item.title": "Tea"},
        {"item_id": "d", "item.price": 4.0, "name": None, "item.title": None},
    ]


def test_the_last_change_counts_and_only_those_before_the_offset(tmp_path):
    gone = {"kind": "delete_item", "item_id": "a"}
    log = told(tmp_path, gone, put("a", price=7.0), put("b", price=8.0), gone)
    prices = [{row["item_id"]: row.get("item.price") for row in after(log, end=end)} for end in range(5)]
    assert prices == [
        {"a": 1.0, "b": 2.0, "c": 3.0},
        {"b": 2.0, "c": 3.0},
        {"a": 7.0, "b": 2.0, "c": 3.0},
        {"a": 7.0, "b": 8.0, "c": 3.0},
        {"b": 8.0, "c": 3.0},
    ]


def test_a_log_without_changes_gives_the_very_table(tmp_path):
    log = told(tmp_path, {"kind": "click", "item_id": "a"}, {"kind": "put_user", "user_id": "a"})
    assert folded(BASE, Root.ITEM, FEATURES, (log, log.end)) is BASE


def test_ids_are_the_same_in_any_normal_form_and_as_integers(tmp_path):
    log = told(tmp_path, {"kind": "delete_item", "item_id": "caf\u00e9"}, {"kind": "delete_item", "item_id": "7"})
    assert after(log, pa.table({"item_id": ["cafe\u0301", "x"]})) == [{"item_id": "x"}]
    assert after(log, pa.table({"item_id": [6, 7]})) == [{"item_id": "6"}]


def test_a_document_that_cannot_be_encoded_is_passed_over_and_said(tmp_path, caplog):
    far = {"kind": "put_item", "item_id": "a", "item.place": [95.0, 0.0]}
    log = told(tmp_path, put("b", price=9.0) | {"item.place": [1.0, 2.0]}, far)
    with caplog.at_level(logging.WARNING):
        rows = after(log)
    assert {row["item_id"]: row["item.price"] for row in rows} == {"a": 1.0, "b": 9.0, "c": 3.0}
    assert "the document at offset 1 is passed over" in caplog.text


def test_files_may_hold_tokens_as_lists_and_numbers_as_integers(tmp_path):
    base = pa.table({"item_id": ["a"], "item.title": [["Green", "tea"]], "item.price": pa.array([3], pa.int32())})
    rows = after(told(tmp_path, put("b", title="Black Tea", price=4.5)), base)
    assert [row["item.title"] for row in rows] == [["Green", "tea"], ["black", "tea"]]
    assert [row["item.price"] for row in rows] == [3.0, 4.5]


def test_a_column_that_cannot_take_what_was_put_is_named(tmp_path):
    base = pa.table({"item_id": ["a"], "item.price": ["cheap"]})
    with pytest.raises(DataError, match=r"^item\.price: the file holds string, the log double"):
        after(told(tmp_path, put("b", price=4.5)), base)


def test_users_and_items_may_live_in_the_log_alone(tmp_path):
    workspace = Workspace(tmp_path)
    log = told(workspace.events, put("a", price=1.0), {"kind": "put_user", "user_id": "u", "user.city": "Bern"})
    tables = read_tables(workspace, FEATURES, log, log.end)
    assert tables.items.to_pylist() == [{"item_id": "a", "item.price": 1.0}]
    assert tables.users.to_pylist() == [{"user_id": "u", "user.city": "Bern"}]
    assert read_tables(workspace, FEATURES, log, 1).users is None
    with pytest.raises(NotFoundError, match="no items in"):
        read_tables(workspace, FEATURES, log, 0)
