"""What do a thousand swaps of releases and snapshots under load cost the requests that go on meanwhile?

Run as ``python benchmarks/swaps.py [--count N] [--json]``. One worker on one core, with serving log, metrics and an
experiment; on the other core callers send distinct ``Rank`` requests of 200 candidates over loopback gRPC, at random
moments, half as many a second as the worker can answer, and a process of its own promotes. Swaps come 25 in a row, 0.4
seconds apart, then none for four seconds, so that both kinds of time are spread over the whole run. In a row, half
promote a release that was live a while ago or never, the others roll back; each tenth row also swaps the snapshot, on
which everything is bound anew.

``failed``: calls that ended in an error, answers of something that was never live, or changes that were not seen.
``p99_ratio``: p99 of the requests sent within half a second of a swap, over p99 of the others. ``rss_ratio``: memory of
the worker after the last row over that before the first, under load, both times with the same three releases open: the
live one and the two before, which a worker keeps. ``rss_alone_ratio``: the same over that with one release open, as
just after the start. ``seen_s``: from the promotion to the first answer
by it, the longest. ``rollback_s``: with a supervisor and two workers, from the rollback until both answer by what was
live before, the longest of several. ``distinct_releases``: seen in answers, each with features of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, Final

import grpc
import numpy as np
import numpy.typing as npt
import uvloop
from processes import Child, cores
from rich.console import Console
from rich.table import Table
from swaps_world import MODEL, Swapped, encode, make_world

from predictor import Client, Query, ServeOptions, running_server
from searchrank.models import Ledger
from searchrank.v1 import ranking_pb2

HERE: Final = Path(__file__).parent
ROW: Final = 25
EVERY: Final = 0.4
QUIET: Final = 4.0
NEAR: Final = 0.5
Figures = dict[str, Any]


class _Load:
    """Requests at random moments, and what became of them."""

    def __init__(self, port: int, rng: np.random.Generator) -> None:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self._send = self._channel.unary_unary("/searchrank.v1.RankingService/Rank", None, None)
        self._rng = rng
        self._under_way: set[asyncio.Task[None]] = set()
        self.sent: list[float] = []
        self.spent: list[float] = []
        self.seen: dict[str, float] = {}  # last moment at which an answer came by a release or a snapshot
        self.first: dict[str, float] = {}
        self.failures: list[str] = []
        self.stopping = False

    async def call(self) -> None:
        """Send one request and look at its answer."""
        request = encode(self._rng)
        began = monotonic()
        try:
            answer = await self._send(request)
        except grpc.aio.AioRpcError as error:
            self.failures.append(f"{error.code()}: {error.details()}")
            return
        ended = monotonic()
        self.sent.append(began)
        self.spent.append(ended - began)
        response = ranking_pb2.RankResponse.FromString(answer)
        if response.coverage.degradations or len(response.scores) not in {200, 40}:
            self.failures.append(f"not a whole answer: {response.coverage}")
        for name in (response.release.digest, response.snapshot_id):
            self.first.setdefault(name, ended)
            self.seen[name] = ended

    async def capacity(self, seconds: float, callers: int = 4) -> float:
        """Return requests a second that closed loops get answered."""
        until, before = monotonic() + seconds, len(self.sent)

        async def loop() -> None:
            while monotonic() < until:
                await self.call()

        await asyncio.gather(*(loop() for _ in range(callers)))
        return (len(self.sent) - before) / seconds

    async def run(self, rate: float) -> None:
        """Send at this rate, whether answers come or not, until told to stop."""
        due = monotonic()
        while not self.stopping:
            due += self._rng.exponential(1 / rate)
            wait = due - monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self.call())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        await asyncio.gather(*self._under_way)

    async def until_seen(self, name: str, began: float, patience: float) -> float:
        """Return the seconds from a change to the first answer by what it made live; infinite when none comes."""
        while monotonic() < began + patience:
            if self.seen.get(name, 0.0) > began:  # what was live already may have been seen before
                return max(0.0, self.first[name] - began)
            await asyncio.sleep(0.002)
        self.failures.append(f"{name[:12]} was not seen within {patience} seconds")
        return float("inf")


def _commands(world: Swapped, count: int) -> list[Figures]:
    """Return what to do, swap by swap: releases in turn, each taken back by the swap after it."""
    ways: list[Figures] = []
    number = 0
    while len(ways) < count:
        row, place = divmod(len(ways), ROW)
        if row % 10 == 9 and place == 0:
            ways.append({"publish": str(world.snapshots[1 - (row // 10) % 2])})
        elif place % 2:
            ways.append({"rollback": MODEL})
        else:
            number += 1
            ways.append({"promote": str(world.releases[number % len(world.releases)])})
    return ways


async def _measure(world: Swapped, port: int, pid: int, operator: Child, count: int) -> Figures:
    """Swap under load."""
    load = _Load(port, np.random.default_rng(3))
    rate = await load.capacity(3.0) / 2
    load.sent.clear()
    load.spent.clear()
    gc.collect()
    gc.freeze()  # of this process, which would otherwise pause for what callers alone see
    sending = asyncio.create_task(load.run(rate))
    await asyncio.sleep(QUIET)
    alone = _rss(pid)
    before = await _settled(world, load, operator, pid)
    begun = len(load.sent)
    await asyncio.sleep(QUIET)
    moments: list[float] = []
    waits: list[float] = []
    for number, command in enumerate(_commands(world, count)):
        if number and number % ROW == 0:
            await asyncio.sleep(QUIET)
        load.first.clear()
        told = await asyncio.to_thread(operator.ask, **command)
        moments.append(told["began"])
        waits.append(await load.until_seen(told["seen"], told["began"], 5.0))
        await asyncio.sleep(max(0.0, told["began"] + EVERY - monotonic()))
    await asyncio.sleep(QUIET)
    until = len(load.sent)
    after = await _settled(world, load, operator, pid)
    load.stopping = True
    await sending
    for failure in load.failures[:5]:
        print(failure, file=sys.stderr)
    near, far = _parts(np.array(load.sent[begun:until]), np.array(load.spent[begun:until]), np.array(moments))
    return {
        "failed": len(load.failures),
        "requests": len(load.sent),
        "rate": round(rate, 1),
        "swaps": len(moments),
        "p50_ms": round(float(np.median(far)) * 1e3, 3),
        "p50_swap_ms": round(float(np.median(near)) * 1e3, 3),
        "p99_ms": round(_p99(far) * 1e3, 3),
        "p99_swap_ms": round(_p99(near) * 1e3, 3),
        "p99_ratio": round(_p99(near) / _p99(far), 3),
        "rss_mb": round(after, 1),
        "rss_ratio": round(after / before, 4),
        "rss_alone_ratio": round(after / alone, 4),
        "seen_s": round(max(waits), 3),
        "seen_median_s": round(median(waits), 3),
        "distinct_releases": len(load.seen.keys() - {folder.name for folder in world.snapshots}),
    }


async def _settled(world: Swapped, load: _Load, operator: Child, pid: int) -> float:
    """Return the memory of the worker, MB, once the same snapshot and releases are open as at every other time."""
    commands = [{"publish": str(world.snapshots[0])}, *({"promote": str(one)} for one in world.releases[:3])]
    for command in commands:
        load.first.clear()
        told = await asyncio.to_thread(operator.ask, **command)
        await load.until_seen(told["seen"], told["began"], 5.0)
        await asyncio.sleep(EVERY)
    await asyncio.sleep(QUIET)
    return _rss(pid)


def _parts(sent: npt.NDArray[np.float64], spent: npt.NDArray[np.float64], moments: npt.NDArray[np.float64]) -> Any:
    """Return how long requests within half a second of a swap took, and how long the others."""
    after = np.searchsorted(moments, sent)
    edges = np.concatenate([[-np.inf], moments, [np.inf]])
    near = np.minimum(sent - edges[after], edges[after + 1] - sent) <= NEAR
    return spent[near], spent[~near]


def _p99(seconds: npt.NDArray[np.float64]) -> float:
    return float(np.quantile(seconds, 0.99))


def _rss(pid: int) -> float:
    """Return the resident memory of a process, MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _rollback_seconds(world: Swapped, rounds: int) -> float:
    """Return the longest time until two workers answer by what was live before."""
    ledger, longest = Ledger(world.workspace.ledger), 0.0
    query = Query(surface="items")
    with running_server(ServeOptions(home=world.workspace.root, workers=2, port=0)) as targets:
        clients = [Client([target]) for target in targets]
        for number in range(rounds):
            promoted = ledger.promote(world.releases[-1 - number % 2])
            _wait(clients, query, promoted.digest)
            began = monotonic()
            back = ledger.rollback(MODEL)
            _wait(clients, query, back.digest)
            longest = max(longest, monotonic() - began)
        for client in clients:
            client.close()
    return longest


def _wait(clients: Sequence[Client], query: Query, digest: str) -> None:
    """Wait until every worker answers by a release.

    Raises:
        RuntimeError: When that takes too long.
    """
    until = monotonic() + 20.0
    while any(client.rank(query, ("i1", "i2")).release.digest != digest for client in clients):
        if monotonic() > until:
            raise RuntimeError(f"{digest[:12]} is not served by every worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the world, swap, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="swaps")
    parser.add_argument("--releases", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    server_core, client_core = cores()
    with tempfile.TemporaryDirectory(prefix="searchrank-swaps-") as folder:
        world = make_world(Path(folder), options.releases)
        home, ledger = str(world.workspace.root), str(world.workspace.ledger)
        worker = [sys.executable, "-m", "predictor.worker", "--home", home, "--port", "0"]
        promoter = [sys.executable, str(HERE / "swaps_operator.py"), "--ledger", ledger]
        os.sched_setaffinity(0, {client_core})
        with Child.started(worker, server_core) as server, Child.started(promoter, client_core) as operator:
            port = server.read()["port"]
            figures = uvloop.run(_measure(world, port, server.pid, operator, options.count))
        os.sched_setaffinity(0, {server_core, client_core})
        figures["rollback_s"] = round(_rollback_seconds(world, min(10, options.count)), 3)
    table = Table(title=f"{figures['swaps']:,} swaps under load", show_header=False)
    for name, value in figures.items():
        table.add_row(name, f"{value:,}")
    Console().print(table)
    if options.json:
        print(json.dumps(figures))
    return int(figures["failed"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
