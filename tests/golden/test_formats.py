"""What was ever stored stays readable: golden folders read as they did when they were made."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from searchrank.events import EventLog
from tests.golden.formats import FORMATS, events

HERE = Path(__file__).parent
each_format = pytest.mark.parametrize("name", FORMATS)


def recorded(name: str):
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def as_json(told):
    return json.loads(json.dumps(told, allow_nan=False))


@each_format
def test_a_golden_folder_reads_as_it_did_when_it_was_made(name, tmp_path):
    _, read = FORMATS[name]
    copy = shutil.copytree(HERE / name, tmp_path / name)  # readers of some indexes leave a lock behind
    assert as_json(read(copy)) == recorded(name)


@each_format
def test_what_is_written_today_reads_like_the_golden_folder(name, tmp_path):
    write, read = FORMATS[name]
    write(tmp_path / name)
    told, expected = as_json(read(tmp_path / name)), recorded(name)
    for one in (told, expected) if name == "release-v1" else ():
        for release in one.values():
            release.pop("digest")  # tells machines and moments apart
    assert told == expected


def test_a_golden_log_can_be_appended_to_and_still_knows_its_events(tmp_path):
    shutil.copytree(HERE / "events-v1", tmp_path / "events")
    again = {"event_id": "e3", "kind": "order", "event_time": events()[0][3]["event_time"]}
    new = {**again, "event_id": "new"}
    with EventLog.open(tmp_path / "events", writable=True) as log:
        end = log.end
        appended = log.append(pa.Table.from_pylist([again, new]))
    assert (appended.offset, appended.accepted, appended.duplicates) == (end + 1, 1, 1)


def test_the_golden_files_are_small():
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file()) < 300_000
