"""Who is forgotten is in no byte of the log, and nothing else moves."""

import struct
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from searchrank.errors import ConflictError, DataError
from searchrank.events import Appended, EventLog, writer
from searchrank.events.segment import segment_paths

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
HOME = [46.948271, 7.451468]


def rows(*given):
    full = [{"event_id": f"event-{n}", "event_time": NOON} | row for n, row in enumerate(given)]
    names = dict.fromkeys(name for row in full for name in row)
    return pa.table({name: [row.get(name) for row in full] for name in names})


HAPPENED = (
    {"kind": "search", "user_id": "carla", "session_id": "s-carla", "query": "secret wish", "request_id": "r1"},
    {"kind": "impression", "user_id": "carla", "item_id": "pot", "request_id": "r1", "position": 0},
    {"kind": "click", "user_id": "dora", "item_id": "pot", "query": "pots", "session_id": "s-dora"},
    {"kind": "rating", "user_id": "carla", "item_id": "pot", "value": 4.0},
    {"kind": "put_user", "user_id": "carla", "user.city": "Bern-West", "user.age": 41.25},
    {"kind": "link", "user_id": "carla", "linked_id": "phone-77"},
    {"kind": "link", "user_id": "tablet-5", "linked_id": "carla"},
    {"kind": "search", "user_id": "carla", "request.home": HOME, "session.note": "nervous", "query.meant": "gift"},
    {"kind": "click", "item_id": "cup"},
)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A log of several segments, one of which has nothing to do with carla."""
    monkeypatch.setattr(writer, "SEGMENT_BATCHES", 3)
    with EventLog.open(tmp_path, writable=True) as log:
        for n in range(3):
            log.append(rows({"kind": "click", "user_id": "eve", "item_id": "pot", "event_id": f"early-{n}"}))
        table = rows(*HAPPENED)
        for n in range(len(table)):
            log.append(table.slice(n, 1))
        yield log


def contents(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_nothing_of_the_person_is_in_any_byte(log):
    traces = [b"carla", b"secret wish", b"phone-77", b"tablet-5", b"Bern-West", b"nervous", b"gift"]
    traces += [struct.pack("<d", number) for number in (*HOME, 41.25)]
    before = contents(log.folder)
    assert all(trace in before for trace in traces)
    found = log.forget("carla")
    after = contents(log.folder)
    assert [trace for trace in traces if trace in after] == []
    assert (found.events, found.linked) == (7, ("phone-77", "tablet-5"))


def test_offsets_items_and_everybody_else_stay(log):
    kept = ["event_id", "kind", "event_time", "arrival_time", "request_id", "item_id", "position", "value"]
    before = log.table(columns=kept)
    dora = log.table(5, ["user_id", "session_id", "query"], end=6).to_pylist()
    log.forget("carla")
    assert log.table(columns=kept, end=len(before)).equals(before)
    assert log.table(5, ["user_id", "session_id", "query"], end=6).to_pylist() == dora
    assert log.table(columns=["user_id"]).column(0).to_pylist() == ["eve"] * 3 + [None, None, "dora"] + [None] * 7
    assert log.table(len(before), ["kind"]).column(0).to_pylist() == ["delete_user"]


def test_the_log_goes_on_and_readers_follow(log):
    reader = EventLog.open(log.folder)
    batches = reader.read(columns=["event_id", "user_id"])
    first = next(batches).num_rows
    log.forget("carla")
    assert first + sum(batch.num_rows for batch in batches) == 12  # it goes on over the new files
    assert log.append(rows({"kind": "click", "user_id": "carla"} | {"event_id": "new"})).offset == 14
    assert log.append(rows(HAPPENED[0])) == Appended(14, 0, 1)
    assert reader.end == 14
    log.close()
    with EventLog.open(log.folder, writable=True) as again:
        assert again.append(rows(HAPPENED[0])) == Appended(14, 0, 1)
        assert again.verify() == 13


def test_forgetting_again_finds_nothing_and_writes_nothing(log):
    log.forget("carla")
    paths = {path: path.stat().st_ino for path in segment_paths(log.folder)}
    assert log.forget("carla").events == 0
    assert log.end == 13
    assert {path: path.stat().st_ino for path in segment_paths(log.folder)} == paths


def test_segments_without_the_person_are_left_alone(log):
    first, *others = segment_paths(log.folder)
    inodes = [first.stat().st_ino, *(path.stat().st_ino for path in others)]
    log.forget("carla")
    assert first.stat().st_ino == inodes[0]
    assert [path.stat().st_ino for path in others] != inodes[1:]


def test_ids_are_the_same_in_any_normal_form(log):
    log.append(rows({"kind": "click", "user_id": "Zo\u00eb", "event_id": "z"}))
    assert log.forget("Zoe\u0308").events == 1


def test_unfinished_appends_that_were_kept_go_too(log):
    cut = log.folder / "events-0000000000000000.cut"
    cut.write_bytes(b"carla")
    log.forget("nobody")
    assert not cut.exists()


def test_an_empty_log_forgets_nobody(tmp_path):
    with EventLog.open(tmp_path / "empty", writable=True) as log:
        assert log.forget("carla").events == 0
        assert log.end == 0


def test_a_damaged_segment_is_named_and_not_blessed(log):
    path = segment_paths(log.folder)[1]
    data = bytearray(path.read_bytes())
    data[data.index(b"secret wish")] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="the event log is damaged: bytes"):
        log.forget("carla")


def test_a_reader_cannot_forget(log):
    with pytest.raises(ConflictError, match="writable=True"):
        EventLog.open(log.folder).forget("carla")
