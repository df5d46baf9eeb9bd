"""The log keeps what it acknowledged, once, in order."""

import itertools
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from searchrank.errors import ConflictError, DataError, NotFoundError, UnavailableError
from searchrank.events import CORE, Appended, EventLog, writer

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)


def events(*ids, **columns):
    times = pa.array([NOON + timedelta(seconds=i) for i in range(len(ids))], pa.timestamp("us", "UTC"))
    return pa.table({"event_id": list(ids), "kind": ["click"] * len(ids), "event_time": times, **columns})


def ids(log, start=0):
    return log.table(start, ["event_id"]).column(0).to_pylist()


@pytest.fixture
def log(tmp_path):
    with EventLog.open(tmp_path / "log", writable=True) as log:
        yield log


def test_an_append_is_read_back_by_a_reader_that_was_open_before(log):
    reader = EventLog.open(log.folder)
    assert log.append(events("a", "b")) == Appended(offset=2, accepted=2, duplicates=0)
    assert reader.end == 2
    assert ids(reader) == ["a", "b"]
    log.append(events("c"))
    assert ids(reader, reader.end - 1) == ["c"]


def test_reading_may_start_anywhere_and_give_columns_in_any_order(log):
    log.append(events("a", "b", "c", item_id=["x", None, "z"]))
    log.append(events("d"))
    table = log.table(1, ["item_id", "event_id"])
    assert table.column_names == ["item_id", "event_id"]
    assert table.to_pydict() == {"item_id": [None, "z", None], "event_id": ["b", "c", "d"]}
    assert list(log.read(4)) == []


def test_duplicates_are_dropped_inside_an_append_against_the_log_and_after_reopening(log):
    assert log.append(events("a", "b", "a")) == Appended(2, 2, 1)
    assert log.append(events("b", "c")) == Appended(3, 1, 1)
    log.close()
    with EventLog.open(log.folder, writable=True) as again:
        assert again.append(events("a", "b", "c", "d")) == Appended(4, 1, 3)
        assert again.append(events("d")) == Appended(4, 0, 1)
        assert ids(again) == ["a", "b", "c", "d"]


def test_the_first_of_two_events_with_one_id_is_the_one_that_stays(log):
    log.append(events("a", "a", value=[1.0, 2.0]))
    assert log.table(columns=["value"]).column(0).to_pylist() == [1.0]


def test_composed_and_decomposed_ids_are_the_same_id(log):
    assert log.append(events("caf\u00e9", "cafe\u0301")).duplicates == 1


def test_a_null_arrival_becomes_now_and_a_given_one_stays(log):
    given = pa.array([None, NOON], pa.timestamp("us", "UTC"))
    before = datetime.now(UTC)
    log.append(events("a", "b", arrival_time=given))
    first, second = log.table(columns=["arrival_time"]).column(0).to_pylist()
    assert before - timedelta(milliseconds=1) <= first <= datetime.now(UTC)
    assert second == NOON


def test_a_second_writer_is_told_who_holds_the_log(log):
    code = (
        "import sys, pathlib; from searchrank.events import EventLog\n"
        "from searchrank.errors import ConflictError\n"
        "try: EventLog.open(pathlib.Path(sys.argv[1]), writable=True)\n"
        "except ConflictError as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", code, str(log.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"process {os.getpid()}" in done.stderr
    with pytest.raises(ConflictError, match=f"process {os.getpid()}"):
        EventLog.open(log.folder, writable=True)
    log.close()
    EventLog.open(log.folder, writable=True).close()


def test_a_holder_may_say_what_to_do_instead(tmp_path):
    told = "the service is writing; send them through `searchrank ingest`"
    with (
        EventLog.open(tmp_path, writable=True, instead=told),
        pytest.raises(ConflictError, match=f"process {os.getpid()}; the service is writing; send"),
    ):
        EventLog.open(tmp_path, writable=True)
    with EventLog.open(tmp_path, writable=True), pytest.raises(ConflictError, match="wait until it has ended"):
        EventLog.open(tmp_path, writable=True)


def test_an_append_says_which_of_its_events_were_new(log):
    log.append(events("a"))
    assert log.append(events("b", "a", "b", "c")).fresh.tolist() == [True, False, False, True]


def test_every_cut_of_the_last_append_is_repaired_and_said(log, caplog):
    log.append(events("a", "b"))
    path = next(log.folder.glob("*.arrow"))
    whole = path.read_bytes()
    log.append(events("c", "d"))
    log.close()
    full = path.read_bytes()
    for size in range(len(whole), len(full), 97):
        path.write_bytes(full[:size])
        assert EventLog.open(log.folder).end == 2
        with caplog.at_level(logging.WARNING), EventLog.open(log.folder, writable=True) as again:
            assert again.repaired == size - len(whole)
            assert again.append(events("b", "c")) == Appended(3, 1, 1)
            assert ids(again) == ["a", "b", "c"]
    assert f"cut {size - len(whole)} bytes" in caplog.text
    cuts = [full[len(whole) : cut] for cut in range(len(whole), len(full), 97)]
    assert path.with_suffix(".cut").read_bytes() == b"".join(cuts)


@pytest.mark.parametrize("tail", [b"\0" * 64, b"\xff" * 64, b"not an arrow message at all, but long enough"])
def test_rubbish_after_the_last_batch_is_no_event(log, tail):
    log.append(events("a"))
    log.close()
    path = next(log.folder.glob("*.arrow"))
    with path.open("ab") as file:
        file.write(tail)
    assert EventLog.open(log.folder).end == 1
    with EventLog.open(log.folder, writable=True) as again:
        assert again.repaired == len(tail)


def test_a_segment_without_a_whole_schema_is_begun_again(log):
    log.append(events("a"))
    log.close()
    path = next(log.folder.glob("*.arrow"))
    path.write_bytes(path.read_bytes()[:50])
    assert EventLog.open(log.folder).end == 0
    with EventLog.open(log.folder, writable=True) as again:
        assert again.repaired == 50
        assert again.append(events("a")).accepted == 1
        assert ids(again) == ["a"]


def test_full_segments_roll_and_reading_crosses_them(log, monkeypatch):
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 1)
    reader = EventLog.open(log.folder)
    for name in "abc":
        log.append(events(name))
    assert sorted(p.name for p in log.folder.glob("*.arrow")) == [f"events-{i:016d}.arrow" for i in range(3)]
    assert ids(reader) == ["a", "b", "c"]
    assert ids(reader, 1) == ["b", "c"]


def test_a_hole_between_segments_is_damage_and_not_a_shorter_log(log, monkeypatch):
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 1)
    for name in "abc":
        log.append(events(name))
    (log.folder / f"events-{1:016d}.arrow").unlink()
    with pytest.raises(DataError, match="ends at offset 1"):
        EventLog.open(log.folder)


def test_a_new_input_column_is_null_for_older_events(log):
    reader = EventLog.open(log.folder)
    log.append(events("a"))
    log.append(events("b", **{"candidate.eta_min": [7.5]}))
    log.append(events("c"))
    assert log.table(columns=["candidate.eta_min"]).column(0).to_pylist() == [None, 7.5, None]
    assert reader.end == 3
    assert "candidate.eta_min" in reader.schema.names


def test_a_log_from_before_a_column_existed_is_read_and_continued(log):
    old = events("a")
    log.append(old)
    log.close()
    path = next(log.folder.glob("*.arrow"))
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        batch = stream.read_all().drop_columns(["linked_id"]).to_batches()[0]
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, batch.schema) as stream:
        stream.write_batch(batch)
    path.write_bytes(path.read_bytes()[:-8])  # a log's segment has no end mark
    with EventLog.open(log.folder, writable=True) as again:
        assert again.append(events("a", "b", linked_id=["x", "y"])) == Appended(2, 1, 1)
        assert again.table(columns=["event_id", "linked_id"]).to_pydict() == {
            "event_id": ["a", "b"],
            "linked_id": [None, "y"],
        }
    assert len(list(log.folder.glob("*.arrow"))) == 2


def test_a_column_keeps_the_type_it_was_first_written_with(log):
    log.append(events("a", **{"request.device": ["ios"]}))
    with pytest.raises(DataError, match=r"request\.device: the type is int64, it must be string"):
        log.append(events("b", **{"request.device": [1]}))


def test_a_schema_refuses_columns_outside_it_and_gives_absent_ones_as_null(tmp_path):
    wanted = pa.schema([*CORE, ("request.device", pa.string())])
    with EventLog.open(tmp_path, writable=True, schema=wanted) as log:
        log.append(events("a"))
        assert log.table(columns=["request.device"]).column(0).to_pylist() == [None]
        log.append(events("c", **{"request.device": ["ios"]}))
        with pytest.raises(DataError, match=r"request\.colour"):
            log.append(events("b", **{"request.colour": ["red"]}))
    with pytest.raises(DataError, match=r"request\.device: the log holds string, the feature set declares double"):
        EventLog.open(tmp_path, schema=pa.schema([*CORE, ("request.device", pa.float64())]))


def test_a_failed_disk_leaves_no_half_batch_and_the_next_append_is_whole(log):
    class FullDisk:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            self.file.write(data[:100])
            raise OSError(28, "No space left on device")

        def truncate(self, size):
            self.file.truncate(size)

    log.append(events("a"))
    good = log._writer._file
    log._writer._file = FullDisk(good)
    with pytest.raises(UnavailableError, match="No space left"):
        log.append(events("b"))
    log._writer._file = good
    assert log.append(events("b")) == Appended(2, 1, 0)
    assert ids(EventLog.open(log.folder)) == ["a", "b"]


def test_what_was_written_before_the_disk_failed_is_flushed_since_it_counts_as_there(log, monkeypatch):
    class FullSoon:
        def __init__(self, file):
            self.file, self.writes = file, 0

        def write(self, data):
            self.writes += 1
            if self.writes > 1:
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def truncate(self, size):
            self.file.truncate(size)

        def fileno(self):
            return self.file.fileno()

    log.append(events("a"))
    good = log._writer._file
    log._writer._file = FullSoon(good)
    monkeypatch.setattr(writer, "BATCH_ROWS", 1)
    flushed = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    with pytest.raises(UnavailableError, match="No space left"):
        log.append(events("b", "c"))
    assert flushed == [good.fileno()]
    log._writer._file = good
    assert log.append(events("b", "c")) == Appended(3, 1, 1)


def test_a_closed_log_and_a_reader_refuse_to_append(log):
    log.append(events("a"))
    log.close()
    with pytest.raises(UnavailableError, match="closed"):
        log.append(events("b"))
    with pytest.raises(ConflictError, match="writable=True"):
        EventLog.open(log.folder).append(events("b"))


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="nowhere"):
        EventLog.open(tmp_path / "nowhere")


def test_an_unknown_column_is_named_on_reading(log):
    with pytest.raises(DataError, match="colour"):
        list(log.read(columns=["colour"]))


def test_an_append_of_nothing_changes_nothing(log):
    assert log.append(events()) == Appended(0, 0, 0)
    assert log.end == 0


def arrivals(log):
    return log.table(columns=["arrival_time"]).column(0).cast(pa.int64()).to_pylist()


def test_stamps_rise_strictly_within_an_append_from_one_to_the_next_and_after_reopening(log):
    log.append(events("a", "b", "c"))
    log.append(events("d"))
    log.close()
    with EventLog.open(log.folder, writable=True) as again:
        again.append(events("e", "f"))
        stamps = arrivals(again)
    assert all(later > earlier for earlier, later in itertools.pairwise(stamps))


def test_stamps_follow_a_later_arrival_that_was_given(log, caplog):
    future = datetime.now(UTC).replace(microsecond=0) + timedelta(days=400)
    log.append(events("a", "b", arrival_time=pa.array([None, future], pa.timestamp("us", "UTC"))))
    log.close()
    with EventLog.open(log.folder, writable=True) as again:
        again.append(events("c"))
        given = int(future.timestamp()) * 1_000_000
        assert arrivals(again) == [given + 1, given, given + 2]
    assert "arrivals in the future" in caplog.text


def test_polling_without_news_asks_the_file_system_once(log, monkeypatch):
    log.append(events("a"))
    reader = EventLog.open(log.folder)
    asked = []
    true_stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **how: asked.append(path) or true_stat(path, **how))
    monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("the folder was listed"))
    assert list(reader.read(1)) == []
    assert [path.name for path in asked] == ["events-0000000000000000.arrow"]


def test_a_reader_follows_from_a_sealed_segment_into_the_next(log, monkeypatch):
    monkeypatch.setattr(writer, "SEGMENT_BATCHES", 1)
    log.append(events("a"))
    reader = EventLog.open(log.folder)
    for name in "bcd":
        log.append(events(name))
        assert ids(reader, reader.end - 1) == [name]


def test_reading_may_stop_before_the_end(log):
    log.append(events("a", "b", "c"))
    log.append(events("d"))
    assert log.table(1, ["event_id"], end=2).column(0).to_pylist() == ["b"]
    assert log.table(1, ["event_id"], end=99).column(0).to_pylist() == ["b", "c", "d"]
    assert log.table(2, ["event_id"], end=2).num_rows == 0


def test_small_batches_are_read_as_one(log):
    for name in "abcdef":
        log.append(events(name, item_id=[name.upper()]))
    (batch,) = log.read(2, ["item_id"])
    assert batch.column(0).to_pylist() == ["C", "D", "E", "F"]


def test_a_clean_segment_can_be_read_by_arrow_alone(log, monkeypatch):
    monkeypatch.setattr(writer, "SEGMENT_BATCHES", 2)
    for name in "abc":
        log.append(events(name))
    with pa.ipc.open_stream(min(log.folder.glob("*.arrow"))) as stream:
        assert stream.read_all().column("event_id").to_pylist() == ["a", "b"]


def test_what_a_dead_writer_left_unflushed_is_flushed_before_anything_is_acknowledged(log, monkeypatch):
    log.append(events("a"))
    log.close()
    reached = []
    fsync = os.fsync

    def flush(number: int) -> None:
        reached.append(Path(f"/proc/self/fd/{number}").readlink())
        fsync(number)

    monkeypatch.setattr(os, "fsync", flush)
    with EventLog.open(log.folder, writable=True) as again:
        assert next(log.folder.glob("*.arrow")) in reached
        assert again.append(events("a")).duplicates == 1
