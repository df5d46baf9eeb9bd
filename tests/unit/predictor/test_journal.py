"""The journal and the line to it: groups, counts, order, and what a death, a refusal or a full disk does."""

import asyncio
import errno
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from predictor.committing import Committer
from predictor.journal import Journal
from predictor.journal_link import MOST_WAITING, JournalLink
from predictor.journal_wire import Refused, Written, answer, pack, read_results, unpack, write_frame
from searchrank.errors import ConflictError, RequestError, UnavailableError
from searchrank.events import EventLog

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def part(*ids: str, **columns) -> pa.RecordBatch:
    times = pa.array([NOON] * len(ids), pa.timestamp("us", "UTC"))
    given = {"event_id": list(ids), "kind": ["click"] * len(ids), "event_time": times, **columns}
    return pa.record_batch({name: pa.array(values) for name, values in given.items()})


def written(folder: Path) -> list[str]:
    return EventLog.open(folder).table(columns=["event_id"])["event_id"].to_pylist()


@pytest.fixture
def committer(tmp_path):
    made = Committer(tmp_path / "events")
    yield made
    made.close()


class Running:
    """A journal on this event loop with a link to it, for the length of an ``async with`` block."""

    def __init__(self, tmp_path: Path):
        self.folder = tmp_path / "events"
        self.socket = tmp_path / "journal"
        self.link = JournalLink(self.socket)

    async def __aenter__(self):
        self.begin()
        self.delivering = asyncio.create_task(self.link.run())
        return self

    def begin(self):
        self.stopping = asyncio.Event()
        self.journal = asyncio.create_task(Journal(self.folder).run(self.socket, self.stopping))

    async def end(self):
        self.stopping.set()
        await self.journal

    async def __aexit__(self, *_):
        self.delivering.cancel()
        await self.end()


# --- what goes over the socket


def test_parts_come_out_as_they_went_in_and_a_column_that_one_lacks_is_null():
    one, two = unpack(pack([part("a", "b"), part("c", item_id=["tea"])]))
    assert one.column("event_id").to_pylist() == ["a", "b"]
    assert one.column("item_id").to_pylist() == [None, None]
    assert two.to_pylist()[0]["item_id"] == "tea"


def test_answers_come_out_as_they_went_in():
    told = [Written(7, 2, 1), Refused("why", "kind")]
    assert read_results(answer(told)) == told
    with pytest.raises(ValueError, match="not an answer"):
        read_results(b'[{"offset": 1}]')


# --- groups


def test_each_part_of_a_group_gets_its_own_counts(tmp_path, committer):
    assert committer.commit([part("a", "b"), part("b", "c", "c"), part("a")]) == [
        Written(3, 2, 0),
        Written(3, 1, 2),
        Written(3, 0, 1),
    ]
    assert written(tmp_path / "events") == ["a", "b", "c"]
    assert committer.commit([]) == []


def test_a_part_that_the_log_refuses_does_not_touch_the_others(tmp_path, committer):
    bad = part("b", item_id=["x" * 200])
    first, refused, last = committer.commit([part("a"), bad, part("c")])
    assert (first.accepted, last.accepted) == (1, 1)
    assert refused == Refused("item_id: row 0 has 200 bytes of UTF-8, at most 128 are allowed", "item_id")
    odd = committer.commit([part("d", **{"request.x": [1.0]}), part("e", **{"request.x": ["one"]})])
    assert odd[0] == Written(3, 1, 0)
    assert odd[1].field == "request.x"
    assert written(tmp_path / "events") == ["a", "c", "d"]


def test_a_log_that_somebody_else_writes_is_told_and_tried_again(tmp_path, committer):
    folder = tmp_path / "events"
    with EventLog.open(folder, writable=True):
        assert "is being written by process" in committer.open()
        (told,) = committer.commit([part("a")])
        assert f"process {os.getpid()}" in told.words
        assert told.field == ""
    assert committer.open() == ""
    assert committer.commit([part("a")]) == [Written(1, 1, 0)]
    with pytest.raises(ConflictError, match="the service is writing; send them through `searchrank ingest`"):
        EventLog.open(folder, writable=True)
    committer.close()
    EventLog.open(folder, writable=True).close()


# --- the link


async def test_calls_from_several_links_are_written_once_each_in_the_order_of_the_call(tmp_path):
    async with Running(tmp_path) as running:
        other = JournalLink(running.socket)
        delivering = asyncio.create_task(other.run())
        calls = [
            link.append(part(*(f"{name}{call}.{k}" for k in range(5))), 5.0)
            for call in range(40)
            for name, link in (("a", running.link), ("b", other))
        ]
        answers = await asyncio.gather(*calls)
        delivering.cancel()
    assert sum(a.accepted for a in answers) == 400
    ids = written(running.folder)
    assert len(ids) == len(set(ids)) == 400
    for call in range(40):
        places = [ids.index(f"a{call}.{k}") for k in range(5)]
        assert places == list(range(places[0], places[0] + 5))
        assert answers[2 * call].offset > places[-1]


async def test_what_was_sent_before_a_death_is_written_once_after_it(tmp_path):
    async with Running(tmp_path) as running:
        assert (await running.link.append(part("a"), 5.0)).accepted == 1
        await running.end()
        waiting = [asyncio.create_task(running.link.append(part(name), 10.0)) for name in ("a", "b", "c")]
        await asyncio.sleep(0.1)
        running.begin()
        told = await asyncio.gather(*waiting)
    assert [(t.accepted, t.duplicates) for t in told] == [(0, 1), (1, 0), (1, 0)]
    assert written(running.folder) == ["a", "b", "c"]


async def test_without_a_journal_the_call_ends_with_its_time_and_says_to_send_it_again(tmp_path):
    link = JournalLink(tmp_path / "nobody")
    delivering = asyncio.create_task(link.run())
    with pytest.raises(UnavailableError, match=r"within 0\.1 s: send the same call again"):
        await link.append(part("a"), 0.1)
    with pytest.raises(UnavailableError, match="send the same call again"):
        await link.append(part("a"), -1.0)
    delivering.cancel()
    with pytest.raises(UnavailableError, match="runs without a journal"):
        await JournalLink(None).append(part("a"), 1.0)


async def test_a_caller_that_gave_up_is_not_written_for(tmp_path):
    async with Running(tmp_path) as running:
        await running.end()
        with pytest.raises(UnavailableError):
            await running.link.append(part("late"), 0.05)
        running.begin()
        await running.link.append(part("b"), 5.0)
    assert written(running.folder) == ["b"]


async def test_more_than_can_wait_is_refused_at_once(tmp_path):
    link = JournalLink(tmp_path / "nobody")
    many = part(*map(str, range(MOST_WAITING)))
    waiting = asyncio.create_task(link.append(many, 5.0))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="100,000 changes wait"):
        await link.append(part("a"), 5.0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    with pytest.raises(UnavailableError, match="did not answer"):
        await link.append(part("a"), 0.01)


async def test_a_refusal_of_the_log_is_a_wrong_request(tmp_path):
    async with Running(tmp_path) as running:
        with pytest.raises(RequestError, match=r"^item_id: row 0 is an empty string") as refused:
            await running.link.append(part("a", item_id=[""]), 5.0)
        assert refused.value.field == "item_id"
        one, two = part("b", **{"request.x": [1.0]}), part("c", **{"request.x": ["one"]})
        told = await asyncio.gather(
            running.link.append(one, 5.0), running.link.append(two, 5.0), return_exceptions=True
        )
        assert isinstance(told[0], Written)
        assert isinstance(told[1], RequestError)


async def test_what_is_no_frame_ends_that_connection_alone(tmp_path):
    async with Running(tmp_path) as running:
        await running.link.append(part("a"), 5.0)
        reader, writer = await asyncio.open_unix_connection(running.socket)
        await write_frame(writer, b"nonsense")
        assert await reader.read() == b""
        writer.close()
        assert (await running.link.append(part("b"), 5.0)).offset == 2


# --- the disk


def test_a_full_disk_is_unavailable_and_what_was_acknowledged_stays(tmp_path):
    limited = f"""
import json, resource, signal, sys
from pathlib import Path
import pyarrow as pa
from datetime import UTC, datetime
from predictor.committing import Committer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
committer = Committer(Path({str(tmp_path)!r}))
told = []
def commit(call):
    ids = [f"{{call}}.{{k}}" for k in range(100)]
    times = pa.array([datetime(2026, 5, 1, tzinfo=UTC)] * 100, pa.timestamp("us", "UTC"))
    return committer.commit([pa.record_batch({{"event_id": ids, "kind": ["click"] * 100, "event_time": times}})])[0]
for call in range(20):
    result = commit(call)
    told.append([getattr(result, "accepted", 0), getattr(result, "words", "")])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
told += [[commit(call).accepted, ""] for call in range(20)]
print(json.dumps(told))
"""
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    small, roomy = told[:20], told[20:]
    kept = [call for call in range(20) if small[call][0] == 100]
    assert 1 <= len(kept) < 20
    assert all(os.strerror(errno.EFBIG) in words for accepted, words in small if not accepted)
    assert [accepted for accepted, _ in roomy] == [0 if call in kept else 100 for call in range(20)]
    ids = written(tmp_path)
    assert sorted(ids) == sorted(f"{call}.{k}" for call in range(20) for k in range(100))


def test_a_folder_that_cannot_be_written_is_unavailable_until_it_can(tmp_path, committer):
    folder = tmp_path / "events"
    folder.write_text("a file where the folder should be")
    assert "cannot be written" in committer.open()
    (told,) = committer.commit([part("a")])
    assert told.field == ""
    assert "cannot be written" in told.words
    folder.unlink()
    assert committer.commit([part("a")]) == [Written(1, 1, 0)]


def test_the_journal_imports_neither_grpc_nor_a_compiler():
    code = "import json, sys, predictor.journal; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not imported & {"grpc", "numba", "llvmlite", "google", "pandas", "yaml", "pydantic"}
