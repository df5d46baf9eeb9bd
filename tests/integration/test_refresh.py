"""Refresh folds the log into what is live, once, exactly up to an offset, also after it was killed half-way."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from recall.indexes.refresh import refresh_lock, refresh_workspace
from searchrank.cli import app
from searchrank.errors import ConflictError, DataError
from searchrank.events import EventLog
from searchrank.events.segment import segment_paths
from searchrank.features import FeatureSet
from searchrank.features.snapshot import Snapshot, current
from searchrank.features.text import hash_texts
from searchrank.workspace import Workspace

pytestmark = pytest.mark.integration

FEATURES = """
inputs:
  item.title:        {type: tokens}
  item.price:        {type: float}
  item.clicks:       {type: signal, count: click}
  user.city:         {type: category}
  user.recent_items: {type: list, of: item_id, limit: 10, last: click}
features:
  price_log: log1p(item.price)
"""
PROJECT = """
surfaces:
  shop:
    model: shop
    recall: {lexical: {fields: {item.title: 1.0}}, item_to_item: {}, popular: {window: 30d}}
models:
  shop: {inputs: [price_log]}
"""
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def append(home: Workspace, *rows: dict) -> None:
    with EventLog.open(home.events, writable=True) as log:
        full = [{"event_id": f"e{log.end + n}", "event_time": NOON} | row for n, row in enumerate(rows)]
        names = dict.fromkeys(name for row in full for name in row)
        log.append(pa.table({name: [row.get(name) for row in full] for name in names}))


def click(user: str, item: str, **more: object) -> dict:
    return {"kind": "click", "user_id": user, "item_id": item} | more


@pytest.fixture
def home(tmp_path) -> Workspace:
    """A workspace of two items and three clicks, nothing built."""
    place = Workspace(tmp_path)
    place.project.write_text(PROJECT)
    place.features.write_text(FEATURES)
    place.items.parent.mkdir()
    items = pa.table({"item_id": ["pot", "cup"], "item.title": ["Iron pot", "Tea cup"], "item.price": [30.0, 5.0]})
    with pa.ipc.new_file(place.items, items.schema) as writer:
        writer.write_table(items)
    append(place, click("ann", "pot"), click("ann", "cup"), click("bob", "pot"))
    return place


def opened(home: Workspace) -> Snapshot:
    return Snapshot.open(current(home.snapshots), FeatureSet.load(home.features))


def prices(snapshot: Snapshot) -> dict[str, float]:
    return dict(
        zip(snapshot.catalogue.ids.to_pylist(), snapshot.catalogue.records["item.price"].tolist(), strict=False)
    )


def clicks(snapshot: Snapshot, *items: str) -> list[float]:
    late = np.full(len(items), 1 << 60)
    return snapshot.history.items(hash_texts(list(items)), late)["item.clicks"].tolist()


def test_changes_of_the_log_reach_the_snapshot_and_are_no_behaviour(home):
    refresh_workspace(home)
    append(
        home,
        {"kind": "put_item", "item_id": "cup", "item.title": "Big cup", "item.price": 7.0},
        {"kind": "put_item", "item_id": "wok", "item.title": "Iron wok", "item.price": 40.0},
        {"kind": "delete_item", "item_id": "pot"},
        {"kind": "put_user", "user_id": "ann", "user.city": "Bern"},
        click("bob", "wok"),
    )
    made = refresh_workspace(home)
    snapshot = opened(home)
    assert (made.changed, made.events, made.items, made.users, made.behind) == (True, 8, 2, 1, 0)
    assert prices(snapshot) == {"cup": 7.0, "wok": 40.0}
    assert clicks(snapshot, "pot", "cup", "wok") == [2, 1, 1]
    assert snapshot.manifest.event_offset == 8


def test_nothing_is_done_when_nothing_changed_and_it_is_said(home):
    first = refresh_workspace(home)
    again = refresh_workspace(home)
    assert (again.changed, again.snapshot, again.indexes) == (False, first.snapshot, ())
    result = CliRunner().invoke(app, ["refresh", "--home", str(home.root), "--json"])
    assert json.loads(result.stdout.splitlines()[-1])["changed"] is False
    assert "Nothing changed since snapshot" in result.stderr
    assert refresh_workspace(home, force=True).snapshot != first.snapshot


@pytest.mark.parametrize("what", ["an event", "the items", "the users", "an input", "the recall", "a damaged index"])
def test_a_change_of_anything_it_is_made_from_is_noticed(home, what):
    first = refresh_workspace(home)
    match what:
        case "an event":
            append(home, click("bob", "cup"))
        case "the items" | "the users":
            path = home.items if what == "the items" else home.users
            table = pa.table({"item_id": ["pot"], "user_id": ["ann"], "item.title": ["Pot"]})
            with pa.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)
        case "an input":
            home.features.write_text(FEATURES.replace("item.clicks:", "item.stock: {type: float}\n  item.clicks:"))
        case "the recall":
            home.project.write_text(PROJECT.replace("30d", "20d"))
        case _:
            next((first.snapshot / "indexes").glob("popular-*/manifest.json")).unlink()
    assert refresh_workspace(home).changed


def test_a_snapshot_of_the_past_is_a_prefix_of_the_log(home):
    late = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    with EventLog.open(home.events) as log:
        stamp = log.table(columns=["arrival_time"]).column(0).cast(pa.int64()).to_pylist()
    append(home, click("ann", "cup", arrival_time=late), click("bob", "cup", arrival_time=NOON))
    made = refresh_workspace(home, as_of=stamp[1])
    assert (made.events, clicks(opened(home), "pot", "cup")) == (1, [1, 0])
    made = refresh_workspace(home, as_of=stamp[2] + 1)
    assert (made.events, clicks(opened(home), "pot", "cup")) == (5, [2, 3])  # those imports were known long before
    made = refresh_workspace(home, as_of=stamp[0])
    assert (made.events, clicks(opened(home), "pot", "cup")) == (0, [0, 0])


SCRIPT = """
import os, pathlib, signal, sys
from recall.indexes.refresh import refresh_workspace
from searchrank.workspace import Workspace
def told(done, total, what):
    if what == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
refresh_workspace(Workspace(pathlib.Path(sys.argv[1])), progress=told)
"""


@pytest.mark.parametrize("stage", ["users", "statistics", "index popular"])
def test_a_killed_run_is_gone_on_with_where_it_was(home, stage):
    first = refresh_workspace(home)
    append(home, click("bob", "cup"))
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(home.root), stage], check=False)
    assert done.returncode == -signal.SIGKILL
    assert current(home.snapshots) == first.snapshot
    (draft,) = home.snapshots.glob(".refresh-*")
    finished = {path.relative_to(draft): path.stat().st_ino for path in draft.glob("*/records.bin")}
    finished |= {path.relative_to(draft): path.stat().st_ino for path in draft.glob("history/*")}
    assert finished
    append(home, click("ann", "cup"))
    made = refresh_workspace(home)
    assert (made.resumed, made.events, made.behind) == (True, 4, 1)
    assert {path: (made.snapshot / path).stat().st_ino for path in finished} == finished
    assert clicks(opened(home), "pot", "cup") == [2, 2]
    assert not list(home.snapshots.glob(".refresh-*"))
    assert refresh_workspace(home).events == 5


def test_what_a_killed_run_left_is_of_no_use_to_other_inputs(home):
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(home.root), "statistics"], check=False)
    assert done.returncode == -signal.SIGKILL
    home.project.write_text(PROJECT.replace("30d", "20d"))
    assert not refresh_workspace(home).resumed
    assert not list(home.snapshots.glob(".refresh-*"))


def test_only_one_run_at_a_time(home):
    lock = refresh_lock(home)
    with pytest.raises(ConflictError, match="a snapshot is being made"):
        refresh_workspace(home)
    lock.release()


def test_a_damaged_log_is_named_and_what_was_live_stays(home):
    append(home, click("ann", "pot", **{"request.city": "Bern"}))  # a new column: the first segment is sealed
    first = refresh_workspace(home)
    path = segment_paths(home.events)[0]
    data = bytearray(path.read_bytes())
    data[data.index(b"click") + 1] ^= 1
    path.write_bytes(data)
    append(home, click("ann", "pot"))
    with pytest.raises(DataError, match="the event log is damaged: bytes"):
        refresh_workspace(home)
    assert current(home.snapshots) == first.snapshot


def test_old_snapshots_go(home):
    made = []
    for _ in range(4):
        append(home, click("ann", "pot"))
        made.append(refresh_workspace(home, kept=2).snapshot)
    assert sorted(path for path in home.snapshots.iterdir() if path.is_dir()) == sorted(made[-2:])
