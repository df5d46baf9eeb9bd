"""Is an acknowledged event ever lost, or any event counted twice, when processes are killed at random under load?

A supervisor with two workers and a journal serves a small shop. Callers send changes of several events, each until it
is acknowledged, as a client does. Meanwhile a worker or the journal is killed (``kill -9``) every few seconds. Then the
log is read: every acknowledged id must be in it once, before the offset that was promised, in the order of its call.
``restart_s`` is the longest time from a kill until a call to that very process (for the journal: any call that writes)
is answered. In the end every worker must have counted the log's clicks, no more and no less. ``--events`` fills the log
and the snapshot before, as an old service has them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from predictor import AsyncClient, Interaction, Query
from predictor.testing import WEIGHTS, make_shop
from recall import refresh_workspace
from searchrank.errors import SearchRankError, UnavailableError
from searchrank.events import EventLog
from searchrank.workspace import Workspace

CALL_SECONDS = 20.0
KINDS = ("journal", "worker")
SHOP_CLICKS = 2  # of i1, in the snapshot that the shop comes with


@dataclass(slots=True)
class Killed:
    """What came of a run.

    Attributes:
        seconds: How long was killed.
        kills: Processes killed, by kind.
        acknowledged_events: Events of acknowledged calls.
        repeated_calls: Calls that were given up by the client and sent again by the caller.
        lost_events: Acknowledged events that are not in the log.
        duplicate_events: Events that are in the log more than once.
        wrong_offsets: Acknowledged calls with an event at or behind their offset.
        disordered_calls: Acknowledged calls whose events are not in the log in their order.
        miscounted: Workers that in the end had not counted each click in the log once.
        restart_s: Longest time from a kill to an answer, by kind.
        restarts: Every such time, by kind.
    """

    seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    acknowledged_events: int = 0
    repeated_calls: int = 0
    lost_events: int = 0
    duplicate_events: int = 0
    wrong_offsets: int = 0
    disordered_calls: int = 0
    miscounted: int = 0
    restart_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))
    restarts: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    @property
    def holds(self) -> bool:
        """Whether nothing that was promised was broken."""
        broken = (self.lost_events, self.duplicate_events, self.wrong_offsets, self.disordered_calls, self.miscounted)
        return not any(broken)


@dataclass(frozen=True, slots=True)
class _Call:
    """An acknowledged call: its events' ids in order, and the offset that was promised."""

    ids: list[str]
    offset: int


class Service:
    """A supervisor and its processes, found through ``/proc``."""

    def __init__(self, home: Path, *options: str) -> None:
        command = [sys.executable, "-m", "predictor.supervisor", "--home", str(home), "--port", "0", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        told = json.loads(self._process.stdout.readline()) if self._process.stdout else {}
        if "targets" not in told:
            raise RuntimeError(f"the service did not start: {told}")
        self.targets: list[str] = told["targets"]

    def children(self) -> dict[int, str]:
        """Return the running processes: the journal by the name ``journal``, a worker by its address."""
        found: dict[int, str] = {}
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="ascii")
        for pid in map(int, listed.split()):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "predictor.journal" in words:
                found[pid] = "journal"
            elif "predictor.worker" in words:
                found[pid] = f"{words[words.index('--host') + 1]}:{words[words.index('--port') + 1]}"
        return found

    def end(self) -> None:
        """Stop everything."""
        self._process.terminate()
        self._process.wait(20)
        if self._process.stdout:
            self._process.stdout.close()


async def _send(client: AsyncClient, name: str, calls: list[_Call], figures: Killed, stopping: asyncio.Event) -> None:
    """Send calls one after the other, each until it is acknowledged.

    Raises:
        RuntimeError: When an acknowledgement does not add up.
    """
    number = 0
    while not stopping.is_set():
        number += 1
        ids = [f"{name}.{number}.{k}" for k in range(random.randint(1, 20))]  # noqa: S311 - a size, not a secret
        changes = [Interaction("click", user_id=name, item_id="i1", event_id=event_id) for event_id in ids]
        done = None
        while done is None:
            try:
                done = await client.ingest(changes, timeout=CALL_SECONDS)
            except UnavailableError:
                figures.repeated_calls += 1
        if done.accepted + done.duplicates != len(ids):
            raise RuntimeError(f"{len(ids)} events were sent and {done} was answered")
        calls.append(_Call(ids, done.offset))
        figures.acknowledged_events += len(ids)


async def _kill(service: Service, figures: Killed, seconds: float, pause: float) -> None:
    """Kill one process after the other at random moments, and wait until what it did is done again."""
    end = monotonic() + seconds
    while monotonic() < end:
        await asyncio.sleep(random.uniform(0.2, 2.0) * pause)  # noqa: S311 - a moment, not a secret
        running = service.children()
        if not running:
            continue
        pid = random.choice(list(running))  # noqa: S311
        kind = "journal" if running[pid] == "journal" else "worker"
        os.kill(pid, signal.SIGKILL)
        began = monotonic()
        await (_written(service.targets) if kind == "journal" else _answered(running[pid], pid, service))
        figures.kills[kind] += 1
        figures.restarts[kind].append(round(monotonic() - began, 3))
        figures.restart_s[kind] = max(figures.restarts[kind])


async def _written(targets: Sequence[str]) -> None:
    async with AsyncClient(targets) as client:
        while True:
            try:
                await client.ingest([Interaction("probe")], timeout=CALL_SECONDS)
            except UnavailableError:
                continue
            return


async def _answered(target: str, pid: int, service: Service) -> None:
    while True:
        await asyncio.sleep(0.02)
        if pid in service.children():
            continue
        async with AsyncClient([target]) as client:
            try:
                await client.rank(Query(surface="shop"), ["i1"], timeout=1.0)
            except SearchRankError:
                continue
            return


async def _counted(service: Service, folder: Path, figures: Killed, before: int) -> None:
    """Compare what each worker has counted with the log, and ``before`` clicks that the snapshot has beside it."""
    kinds, items = EventLog.open(folder).table(columns=["kind", "item_id"]).columns
    clicks = int(pc.sum(pc.and_(pc.equal(kinds, "click"), pc.equal(items, "i1"))).as_py() or 0) + before
    for target in service.targets:
        async with AsyncClient([target]) as client:
            while (found := await client.rank(Query(surface="shop"), ["i1"], timeout=5.0)).state_offset < len(kinds):
                await asyncio.sleep(0.01)
        price, click = WEIGHTS[:2]
        figures.miscounted += int(found.scores[0] != price + click * clicks)


async def _run(service: Service, figures: Killed, seconds: float, *, callers: int, pause: float) -> list[_Call]:
    calls: list[_Call] = []
    stopping = asyncio.Event()
    async with AsyncClient(service.targets) as client:
        sending = [asyncio.create_task(_send(client, f"c{n}", calls, figures, stopping)) for n in range(callers)]
        began = monotonic()
        await _kill(service, figures, seconds, pause)
        figures.seconds = round(monotonic() - began, 1)
        stopping.set()
        await asyncio.gather(*sending)
    return calls


def _fill(folder: Path, events: int) -> None:
    """Write a log of clicks, as an old service has it."""
    block = 50_000
    with EventLog.open(folder, writable=True) as log:
        for first in range(0, events, block):
            numbers = np.arange(first, min(first + block, events))
            times = pa.array(1_700_000_000_000_000 + numbers * 1_000).cast(pa.timestamp("us", "UTC"))
            columns: dict[str, Any] = {
                "event_id": [f"old.{n}" for n in numbers],
                "kind": ["click"] * len(numbers),
                "event_time": times,
                "arrival_time": times,
                "user_id": [f"u{n % 1_000}" for n in numbers],
                "item_id": [f"i{n % 40}" for n in numbers],
            }
            log.append(pa.table(columns))


def check(folder: Path, calls: Sequence[_Call], figures: Killed) -> None:
    """Read the log and count what was promised and does not hold."""
    ids = EventLog.open(folder).table(columns=["event_id"])["event_id"].to_pylist()
    places = {event_id: place for place, event_id in enumerate(ids)}
    figures.duplicate_events = sum(count - 1 for count in Counter(ids).values())
    for call in calls:
        found = [places[event_id] for event_id in call.ids if event_id in places]
        figures.lost_events += len(call.ids) - len(found)
        figures.wrong_offsets += any(place >= call.offset for place in found)
        figures.disordered_calls += found != sorted(found)


def run(home: Path, seconds: float, *, callers: int = 8, pause: float = 2.0, events: int = 0) -> Killed:
    """Serve, send, kill and check.

    Args:
        home: A workspace that ``make_shop`` made.
        seconds: How long to kill.
        callers: How many send at once.
        pause: Mean of seconds between an answer and the next kill, about.
        events: How many events the log has before.
    """
    figures = Killed()
    folder = home / "events"
    if events:
        _fill(folder, events)
        refresh_workspace(Workspace(home))
    service = Service(home)
    try:
        calls = asyncio.run(_run(service, figures, seconds, callers=callers, pause=pause))
        asyncio.run(_counted(service, folder, figures, 0 if events else SHOP_CLICKS))
    finally:
        service.end()
    check(folder, calls, figures)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit code 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = make_shop(Path(folder) / "shop").root
        figures = run(home, options.seconds, callers=options.callers, events=options.events)
    table = Table(title=f"{options.seconds:.0f} s of kill -9 at random, {options.events:,} events before")
    table.add_column("")
    table.add_column("", justify="right")
    told = asdict(figures)
    for name, value in told.items():
        if name != "restarts":
            table.add_row(name, str(value))
    Console().print(table)
    if options.json:
        print(json.dumps(told))
    return 0 if figures.holds else 1


if __name__ == "__main__":
    sys.exit(main())
