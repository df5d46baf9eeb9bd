from __future__ import annotations

import os

import pyarrow as pa
import pytest

from recall.indexes.retention import prune
from searchrank.features.snapshot import Manifest, publish, write_manifest
from searchrank.serving_log import CORE, FORMAT
from searchrank.workspace import Workspace


@pytest.fixture
def home(tmp_path) -> Workspace:
    """A workspace with snapshots s0 to s5, made in that order; s5 is live."""
    workspace = Workspace(tmp_path)
    for number in range(6):
        folder = workspace.snapshots / f"s{number}"
        folder.mkdir(parents=True)
        counts = {"as_of": 0, "event_offset": 0, "items": 0, "users": 0}
        write_manifest(folder, Manifest(id=folder.name, created="", feature_set="", **counts))
        os.utime(folder / "manifest.json", (number, number))
    publish(workspace.snapshots / "s5")
    return workspace


def left(home: Workspace) -> list[str]:
    return sorted(path.name for path in home.snapshots.iterdir() if path.is_dir())


def log_answers(home: Workspace, *snapshots: str) -> None:
    home.serving.mkdir()
    columns = [pa.array(snapshots) if f.name == "snapshot_id" else pa.nulls(len(snapshots), f.type) for f in CORE]
    schema = CORE.with_metadata({"searchrank.serving_log": str(FORMAT)})
    with pa.ipc.new_stream(home.serving / "a.arrows", schema) as stream:
        stream.write_batch(pa.record_batch(columns, schema=schema))


def test_the_last_ones_stay(home):
    assert prune(home, 3) == ("s0", "s1", "s2")
    assert left(home) == ["s3", "s4", "s5"]
    assert prune(home, 3) == ()


def test_two_stay_whatever_is_asked(home):
    prune(home, 0)
    assert left(home) == ["s4", "s5"]


def test_the_live_one_stays_however_old(home):
    publish(home.snapshots / "s1")
    prune(home, 3)
    assert left(home) == ["s1", "s3", "s4", "s5"]


def test_those_that_answers_were_made_from_stay(home):
    log_answers(home, "s0", "s4", "s0")
    prune(home, 3)
    assert left(home) == ["s0", "s3", "s4", "s5"]


def test_nothing_goes_when_the_serving_log_cannot_be_read(home, caplog):
    log_answers(home, "s0")
    (home.serving / "b.arrows").write_bytes(
        (home.serving / "a.arrows").read_bytes().replace(b"serving_log", b"serving_lag")
    )
    assert prune(home, 3) == ()
    assert "no snapshot is removed" in caplog.text


def test_folders_that_are_no_snapshots_are_left_alone(home):
    (home.snapshots / "notes").mkdir()
    prune(home, 3)
    assert "notes" in left(home)
