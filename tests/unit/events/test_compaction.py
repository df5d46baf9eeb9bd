"""Small segments become large ones under the eyes of readers, and no offset moves."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.events import Appended, EventLog, compaction, writer
from searchrank.events.compaction import merge, to_merge
from searchrank.events.seal import Seal, seal_path
from searchrank.events.segment import Segment, segment_paths

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)


def click(number, **columns):
    time = pa.array([NOON], pa.timestamp("us", "UTC"))
    return pa.table({"event_id": [f"event-{number}"], "kind": ["click"], "event_time": time, **columns})


def ids(log, start=0):
    return log.table(start, ["event_id"]).column(0).to_pylist()


def names(first, end):
    return [f"event-{n}" for n in range(first, end)]


@pytest.fixture
def small(monkeypatch):
    """Seal segments after 4 batches and merge them into segments of 16 and 64 events."""
    monkeypatch.setattr(writer, "SEGMENT_BATCHES", 4)
    monkeypatch.setattr(compaction, "MERGE_ROWS", (16, 64))


@pytest.fixture
def segments_of_four(tmp_path, monkeypatch):
    """A log of sealed segments that nothing has merged."""
    monkeypatch.setattr(writer, "SEGMENT_BATCHES", 4)
    with EventLog.open(tmp_path, writable=True) as log:
        for number in range(13):
            log.append(click(number, value=[float(number)]))
    return tmp_path


@pytest.mark.usefixtures("small")
def test_many_single_events_end_up_in_few_segments_with_the_same_offsets(tmp_path):
    with EventLog.open(tmp_path, writable=True) as log:
        for number in range(200):
            log.append(click(number, value=[float(number)]))
            if number % 20 == 0:
                log._writer._compaction.finish(log._segments, wait=True)
        assert log.table(columns=["value"]).column(0).to_pylist() == list(range(200))
    assert len(segment_paths(tmp_path)) < 12
    assert ids(EventLog.open(tmp_path)) == names(0, 200)
    assert ids(EventLog.open(tmp_path), 77) == names(77, 200)
    with EventLog.open(tmp_path, writable=True) as again:
        assert again.append(click(33)) == Appended(200, 0, 1)
        assert again.append(click(200)) == Appended(201, 1, 0)


@pytest.mark.usefixtures("small")
def test_a_reader_in_the_middle_goes_on_while_files_are_replaced(tmp_path):
    with EventLog.open(tmp_path, writable=True) as log:
        for number in range(40):
            log.append(click(number))
        reader = EventLog.open(tmp_path)
        reading = reader.read(columns=["event_id"])
        seen = next(reading).column(0).to_pylist()
        follower, reached = EventLog.open(tmp_path), 0
        followed = []
        for number in range(40, 200):
            log.append(click(number))
            if number % 7 == 0:
                log._writer._compaction.finish(log._segments, wait=True)
                followed += ids(follower, reached)
                reached = follower.end
        followed += ids(follower, reached)
        for batch in reading:
            seen += batch.column(0).to_pylist()
        assert seen == names(0, 40)  # as far as the log reached when reading began
        assert followed == names(0, 200)
        assert ids(reader) == names(0, 200)


def test_a_merge_has_every_column_and_leaves_out_those_without_values(tmp_path):
    with EventLog.open(tmp_path, writable=True) as log:
        log.append(click(0))
        log.append(click(1, **{"request.city": ["Bern"], "query": ["tea"]}))
        log.append(click(2, **{"candidate.eta": [3.0]}))
        before = log.table()
    paths = segment_paths(tmp_path)
    assert len(paths) == 3
    merged = merge(paths).swap(paths)
    assert (merged.first, merged.rows, merged.sealed) == (0, 3, True)
    assert segment_paths(tmp_path) == paths[:1]
    assert EventLog.open(tmp_path).table(columns=before.column_names).equals(before)
    assert "item.price" not in merged.schema.names


def test_only_small_neighbours_at_the_end_are_merged_and_only_when_they_add_up():
    class Sized:
        def __init__(self, rows):
            self.rows = rows

    def chosen(*sizes):
        return [segment.rows for segment in to_merge([Sized(rows) for rows in sizes])]

    first, second = compaction.MERGE_ROWS
    assert chosen() == chosen(first) == chosen(first - 1) == chosen(1, 2, 3) == []
    assert chosen(second, first - 1, 1) == [first - 1, 1]
    assert chosen(5, first, first - 1, 1) == [first - 1, 1]
    assert chosen(second, *[first] * (second // first)) == [first] * (second // first)
    assert chosen(second, second) == []


def test_a_crash_after_the_rename_leaves_events_that_count_once(segments_of_four):
    paths = segment_paths(segments_of_four)
    kept = {path: path.read_bytes() for path in [*paths, *map(seal_path, paths[:-1])]}
    merge(paths[:3]).swap(paths[:3])
    for path in [*paths[1:], *map(seal_path, paths[:3])]:  # all but the rename is undone; the seal is stale
        path.write_bytes(kept[path])
    reader = EventLog.open(segments_of_four)
    assert ids(reader) == names(0, 13)
    with EventLog.open(segments_of_four, writable=True) as again:
        assert again.append(click(13)) == Appended(14, 1, 0)
        assert again.append(click(7)) == Appended(14, 0, 1)
    assert segment_paths(segments_of_four) == [paths[0], paths[3]]
    assert ids(reader) == names(0, 14)


def test_an_unfinished_draft_is_cleared(segments_of_four):
    draft = merge(segment_paths(segments_of_four)[:2]).path
    draft.write_bytes(draft.read_bytes()[:100])
    EventLog.open(segments_of_four, writable=True).close()
    assert not draft.exists()
    assert ids(EventLog.open(segments_of_four)) == names(0, 13)


def test_a_damaged_segment_is_not_merged_and_said(segments_of_four, monkeypatch, caplog):
    path = segment_paths(segments_of_four)[1]
    data = bytearray(path.read_bytes())
    data[data.index(b"event-5")] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(compaction, "MERGE_ROWS", (12,))
    with EventLog.open(segments_of_four, writable=True) as log:
        for number in range(13, 20):
            log.append(click(number))
    assert "stay as they are: the event log is damaged" in caplog.text
    assert path in segment_paths(segments_of_four)


def test_a_flipped_byte_is_found_and_named(segments_of_four):
    log = EventLog.open(segments_of_four)
    assert log.verify() == 12  # the last segment still grows
    path = segment_paths(segments_of_four)[1]
    data = bytearray(path.read_bytes())
    data[data.index(b"event-5")] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"bytes \d+ to \d+ of .*4\.arrow \(events from offset 5\) are not what was"):
        log.verify()


@pytest.mark.parametrize("damage", ["missing", "cut", "of another file", "no archive"])
def test_a_seal_that_is_no_good_is_made_again(segments_of_four, damage):
    first, second, *_ = map(seal_path, segment_paths(segments_of_four))
    match damage:
        case "missing":
            first.unlink()
        case "cut":
            first.write_bytes(first.read_bytes()[:200])
        case "of another file":
            first.write_bytes(second.read_bytes())
        case _:
            first.write_bytes(b"rubbish")
    assert ids(EventLog.open(segments_of_four)) == names(0, 13)
    with EventLog.open(segments_of_four, writable=True) as again:
        assert again.append(click(2)) == Appended(13, 0, 1)
    segment = Segment(segment_paths(segments_of_four)[0])
    assert Seal.load(segment.path).check(segment)
