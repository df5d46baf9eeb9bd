"""A person is forgotten in every place, also when it was interrupted, and not while somebody writes."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from recall.forgetting import forget_user
from recall.indexes.refresh import refresh_workspace
from searchrank.cli import app
from searchrank.errors import ConfigError, ConflictError, NotFoundError
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.features.snapshot import Snapshot, current
from searchrank.features.text import hash_text
from searchrank.serving_log import CORE, FORMAT, ServingLog
from searchrank.state import Tail
from searchrank.workspace import Workspace

pytestmark = pytest.mark.integration

FEATURES = """
inputs:
  item.price:        {type: float}
  item.clicks:       {type: signal, count: click}
  user.city:         {type: category}
  user.recent_items: {type: list, of: item_id, limit: 10, last: click}
features:
  price_log: log1p(item.price)
"""
PROJECT = """
surfaces: {shop: {model: shop, recall: {item_to_item: {}, popular: {window: 30d}}}}
models: {shop: {inputs: [price_log]}}
"""
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
WHO = "carla-1234"


def write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def answers(*users: str | None) -> pa.RecordBatch:
    columns = [pa.array(users) if f.name == "user_id" else pa.nulls(len(users), f.type) for f in CORE]
    return pa.record_batch(columns, schema=CORE.with_metadata({"searchrank.serving_log": str(FORMAT)}))


@pytest.fixture
def home(tmp_path) -> Workspace:
    """A workspace in which carla has a profile, events, an answer and a place in the live snapshot."""
    place = Workspace(tmp_path)
    place.project.write_text(PROJECT)
    place.features.write_text(FEATURES)
    write(place.items, pa.table({"item_id": ["pot", "cup"], "item.price": [30.0, 5.0]}))
    write(place.users, pa.table({"user_id": [WHO, "dora"], "user.city": ["Bern", "Basel"]}))
    done = [(WHO, "pot"), ("dora", "pot"), (WHO, "cup"), ("eve", "cup")]
    rows = [
        {"event_id": f"e{n}", "kind": "click", "event_time": NOON, "user_id": user, "item_id": item}
        for n, (user, item) in enumerate(done)
    ]
    rows.append({"event_id": "p", "kind": "put_user", "event_time": NOON, "user_id": WHO, "user.city": "Chur"})
    rows.append({"event_id": "l", "kind": "link", "event_time": NOON, "user_id": WHO, "linked_id": "phone"})
    with EventLog.open(place.events, writable=True) as log:
        for row in rows:
            log.append(pa.Table.from_pylist([row]))
    place.serving.mkdir()
    for name, users in (("a", (WHO, "dora", WHO)), ("b", ("dora", None))):
        batch = answers(*users)
        with pa.ipc.new_stream(place.serving / f"{name}.arrows", batch.schema) as stream:
            stream.write_batch(batch)
    refresh_workspace(place)
    return place


def traces(home: Workspace) -> list[str]:
    """Return the files beside snapshots in which the id can be read."""
    files = [path for path in home.root.rglob("*") if path.is_file() and home.snapshots not in path.parents]
    return [str(path.relative_to(home.root)) for path in files if WHO.encode() in path.read_bytes()]


def knows(home: Workspace) -> bool:
    """Return whether anything of the live snapshot is under the person's hash."""
    snapshot = Snapshot.open(current(home.snapshots), FeatureSet.load(home.features))
    needle = hash_text(WHO).to_bytes(8, "little", signed=True)
    return any(needle in path.read_bytes() for path in snapshot.folder.rglob("*") if path.is_file())


def test_after_forget_and_refresh_nothing_of_the_person_is_left(home):
    assert knows(home)
    found = forget_user(home, WHO)
    assert (found.events, found.profiles, found.answers, found.linked) == (4, 1, 2, ("phone",))
    assert found.snapshots == (current(home.snapshots).name,)
    assert traces(home) == []
    assert ServingLog.open(home.serving).table(["user_id"]).column(0).to_pylist() == ["dora", "dora", None]
    made = refresh_workspace(home)
    assert (made.changed, made.users, made.events) == (True, 1, 7)
    assert not knows(home)
    snapshot = Snapshot.open(made.snapshot, FeatureSet.load(home.features))
    assert snapshot.history.items(snapshot.catalogue.hashes, snapshot.catalogue.hashes * 0 + (1 << 60))[
        "item.clicks"
    ].tolist() == [2, 2]


def test_the_state_of_a_worker_reads_a_log_with_a_forgotten_person(home):
    before = current(home.snapshots)
    with EventLog.open(home.events, writable=True) as log:
        late = {"event_id": "late", "kind": "put_user", "event_time": NOON, "user_id": WHO, "user.city": "Genf"}
        log.append(pa.Table.from_pylist([late, late | {"event_id": "d", "kind": "delete_user", "user.city": None}]))
    forget_user(home, WHO)
    features = FeatureSet.load(home.features)
    tail = Tail(Snapshot.open(before, features), features, home.events)
    assert tail.advance().offset == 9
    (before / "links.npy").unlink()
    assert not Tail(Snapshot.open(before, features), features, home.events).advance().links


SCRIPT = """
import os, pathlib, signal, sys
from recall.forgetting import forget_user
from searchrank.workspace import Workspace
left = int(sys.argv[3])
def count(event, _):
    global left
    if event == "os.rename":
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
forget_user(Workspace(pathlib.Path(sys.argv[1])), sys.argv[2])
"""


@pytest.mark.parametrize("renames", [1, 2, 4, 6])
def test_killed_at_any_rename_it_is_finished_by_running_it_again(home, renames):
    command = [sys.executable, "-c", SCRIPT, str(home.root), WHO, str(renames)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert traces(home)
    refresh_workspace(home)  # in between: it may still count the person
    found = forget_user(home, WHO)
    assert found.events or found.profiles or found.answers
    assert traces(home) == []
    refresh_workspace(home)
    assert not knows(home)
    items = EventLog.open(home.events).table(columns=["item_id"], end=6).column(0).to_pylist()
    assert items == ["pot", "pot", "cup", "cup", None, None]


def test_while_somebody_writes_it_says_what_to_do(home):
    with EventLog.open(home.events, writable=True), pytest.raises(ConflictError, match="stop it, forget"):
        forget_user(home, WHO)


def test_somebody_unknown_changes_nothing(home):
    live = current(home.snapshots)
    result = CliRunner().invoke(app, ["forget", "nobody", "--home", str(home.root), "--json"])
    told = json.loads(result.stdout.splitlines()[-1])
    assert told == {"events": 0, "profiles": 0, "answers": 0, "linked": [], "snapshots": [], "repaired": 0}
    assert "Nothing of 'nobody' was found" in result.stderr
    assert refresh_workspace(home).snapshot == live


def test_the_verb_says_what_it_did_and_what_is_left_to_do(home):
    result = CliRunner().invoke(app, ["forget", WHO, "--home", str(home.root)])
    assert "4 events no longer say who" in result.stdout
    assert "searchrank refresh" in result.stdout
    assert "phone" in result.stdout


def test_wrong_ids_and_places_are_refused(home, tmp_path):
    with pytest.raises(ConfigError, match="the id is empty"):
        forget_user(home, "")
    with pytest.raises(NotFoundError, match="no event log"):
        forget_user(Workspace(tmp_path / "nowhere"), WHO)


def test_answers_go_whatever_normal_form_their_request_sent(home):
    path = home.serving / "20260101T000000.000000Z-1.arrows"
    home.serving.mkdir(exist_ok=True)
    batch = answers("Zo\u00eb", "Zoe\u0308", "Zoe", None)
    with pa.ipc.new_stream(path, batch.schema) as stream:
        stream.write_batch(batch)
    assert forget_user(home, "Zoe\u0308").answers == 2
    assert ServingLog.open(home.serving).table(["user_id"]).column(0).to_pylist().count("Zoe") == 1


def test_a_torn_tail_of_the_serving_log_goes_with_the_person(home):
    path = home.serving / "b.arrows"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 8)  # no end mark: a crash
        file.seek(0, 2)
        file.write(b"torn " + WHO.encode())
    forget_user(home, WHO)
    assert traces(home) == []
    assert ServingLog.open(home.serving).table(["user_id"]).num_rows == 3
