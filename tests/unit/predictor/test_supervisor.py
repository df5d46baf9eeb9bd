"""The supervisor with workers made of a few lines of Python: starts, deaths, refusals, ends."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from predictor.ports import worker_ports
from predictor.serve_options import ServeOptions
from predictor.stamp import take_stamp
from predictor.supervisor import Commands, Supervisor
from searchrank.errors import ConflictError, NotFoundError, ReleaseRefusedError, SearchRankError
from searchrank.workspace import Workspace

READY = 'import json, sys; print(json.dumps({"ready": True}), flush=True); sys.stdin.read()'
REFUSES = (
    'import json; print(json.dumps({"error": "bits differ", "kind": "ReleaseRefusedError"})); raise SystemExit(78)'
)


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "project.yaml").write_text("surfaces: {}")
    return tmp_path


class Watched:
    """A supervisor whose words are kept."""

    def __init__(self, home: Path, code: str, workers: int = 2, journal: str = READY):
        self.told = asyncio.Event()
        self.pids: list[int] = []
        self.targets: list[str] = []
        options = ServeOptions(home=home, port=0, workers=workers)
        builder = [sys.executable, "-c", "import pathlib, sys; pathlib.Path(sys.argv[-1], 'built').touch()"]
        worker, journal = ([sys.executable, "-c", part] for part in (code, journal))
        self.supervisor = Supervisor(options, self.ready, Commands(worker=worker, journal=journal, builder=builder))

    def ready(self, targets, pids):
        self.targets, self.pids = list(targets), list(pids)
        self.told.set()


async def test_it_tells_once_every_worker_is_ready_and_ends_them(home):
    watched = Watched(home, READY)
    running = asyncio.create_task(watched.supervisor.run())
    await asyncio.wait_for(watched.told.wait(), 5)
    assert len(set(watched.targets)) == len(set(watched.pids)) == 2
    watched.supervisor.stop()
    await asyncio.wait_for(running, 5)
    for pid in watched.pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_worker_that_dies_is_started_again(home, tmp_path):
    code = f"import os, pathlib; pathlib.Path({str(tmp_path)!r}, f'pid-{{os.getpid()}}').touch(); {READY}"
    watched = Watched(home, code, workers=1)
    running = asyncio.create_task(watched.supervisor.run())
    await asyncio.wait_for(watched.told.wait(), 5)
    os.kill(watched.pids[0], signal.SIGKILL)
    for _ in range(500):
        await asyncio.sleep(0.01)
        if len(list(tmp_path.glob("pid-*"))) == 2:
            break
    assert len(list(tmp_path.glob("pid-*"))) == 2
    watched.supervisor.stop()
    await asyncio.wait_for(running, 5)


def _ends(folder: Path, name: str, after: float = 0.0) -> str:
    """A process that says when it ends, some seconds after it was told to."""
    told = f"open({str(folder / 'ended')!r}, 'a').write({name!r} + chr(10))"
    return f"""
import json, signal, sys, time
def end(*_):
    time.sleep({after}); {told}; sys.exit()
signal.signal(signal.SIGTERM, end)
print(json.dumps({{"ready": True}}), flush=True)
signal.pause()
"""


async def test_the_journal_ends_after_the_last_worker(home, tmp_path):
    watched = Watched(home, _ends(tmp_path, "worker", 0.2), journal=_ends(tmp_path, "journal"))
    running = asyncio.create_task(watched.supervisor.run())
    await asyncio.wait_for(watched.told.wait(), 5)
    watched.supervisor.stop()
    await asyncio.wait_for(running, 5)
    assert (tmp_path / "ended").read_text().split() == ["worker", "worker", "journal"]


async def test_a_journal_that_dies_is_started_again_on_the_socket_that_workers_know(home, tmp_path):
    note = f"import sys; open({str(tmp_path / 'sockets')!r}, 'a').write(sys.argv[-1] + chr(10))"
    watched = Watched(home, READY, workers=1, journal=f"{note}\n{READY}")
    running = asyncio.create_task(watched.supervisor.run())
    await asyncio.wait_for(watched.told.wait(), 5)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    others = set(map(int, children)) - set(watched.pids)
    journal = next(pid for pid in others if b"sockets" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(journal, signal.SIGKILL)
    for _ in range(500):
        await asyncio.sleep(0.01)
        if len(sockets := (tmp_path / "sockets").read_text().split()) == 2:
            break
    assert len(sockets) == 2
    assert len(set(sockets)) == 1
    assert len(sockets[0]) < 100
    watched.supervisor.stop()
    await asyncio.wait_for(running, 5)
    assert not Path(sockets[0]).parent.exists()


def _notes(told: Path) -> str:
    """A process that says when it begins and when it ends."""
    return f"""
import json, os, signal, sys
def note(word):
    with open({str(told)!r}, 'a') as file:
        file.write(word + chr(10))
def end(*_):
    note("ends"); sys.exit()
signal.signal(signal.SIGTERM, end)
note("begins")
print(json.dumps({{"ready": True}}), flush=True)
signal.pause()
"""


async def test_a_hangup_replaces_the_workers_one_after_the_other(home, tmp_path):
    told = tmp_path / "told"
    watched = Watched(home, _notes(told))
    running = asyncio.create_task(watched.supervisor.run())
    await asyncio.wait_for(watched.told.wait(), 60)
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(60):
        while len(told.read_text().split()) < 6:
            await asyncio.sleep(0.01)
    assert told.read_text().split() == ["begins", "begins", "ends", "begins", "ends", "begins"]
    watched.supervisor.stop()
    await asyncio.wait_for(running, 60)


async def test_a_refusal_to_start_ends_everything_with_the_workers_words(home):
    watched = Watched(home, REFUSES)
    with pytest.raises(ReleaseRefusedError, match="bits differ"):
        await asyncio.wait_for(watched.supervisor.run(), 5)
    assert not watched.told.is_set()


async def test_a_worker_that_never_serves_is_given_up(home):
    with pytest.raises(SearchRankError, match=r"worker 0 ended 5 times \(code 3\)"):
        await asyncio.wait_for(Watched(home, "raise SystemExit(3)", workers=1).supervisor.run(), 20)


async def test_a_change_of_the_ledger_runs_the_builder(home):
    watched = Watched(home, READY, workers=1)
    running = asyncio.create_task(watched.supervisor.run())
    await asyncio.wait_for(watched.told.wait(), 5)
    (home / "ledger.jsonl").write_text("{}\n")
    for _ in range(500):
        await asyncio.sleep(0.01)
        if (home / "built").exists():
            break
    assert (home / "built").exists()
    watched.supervisor.stop()
    await asyncio.wait_for(running, 5)


async def test_a_folder_without_a_project_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(NotFoundError, match="no project"):
        await Watched(tmp_path / "nothing", READY).supervisor.run()


def test_a_taken_port_in_the_row_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError, match=f"127.0.0.1:{port}"):
            worker_ports("127.0.0.1", port, 1)


def test_free_ports_follow_each_other():
    first, *others = worker_ports("127.0.0.1", 0, 3)
    assert others == [first + 1, first + 2]


def test_a_stamp_changes_with_what_it_watches(tmp_path):
    workspace = Workspace(tmp_path)
    nothing = take_stamp(workspace)
    workspace.ledger.write_text("{}\n")
    promoted = take_stamp(workspace)
    workspace.snapshots.mkdir()
    (workspace.snapshots / "CURRENT").write_text("first\n")
    assert len({nothing, promoted, take_stamp(workspace)}) == 3
