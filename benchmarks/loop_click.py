"""How long after a click is sent does every worker know of it, while requests go on?

A simulated city is served by two workers and a journal. Requests are sent at a fixed rate, whether or not earlier ones
were answered, to each worker in turn over a connection of its own. At random moments somebody clicks a place of an
answer they were given. An answer says in ``state_offset`` how far its worker had read the log. The time of a click at a
worker goes from sending the click to having the worker's first answer that had read it, so it holds the flush to disk,
the reading, and the wait for the next answer of the load itself: nothing is asked only to look.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import uvloop
from loop_kill import Service
from rich.console import Console
from rich.table import Table

from examples.city import CitySize, write_city
from predictor import AsyncClient, Query, Reaction
from recall import refresh_workspace
from searchrank.errors import SearchRankError
from searchrank.events import EventLog
from searchrank.workspace import Workspace
from trainer import Job
from trainer.publishing import publish

__all__ = ["Load", "Visibility", "made_city", "measure", "past_searches"]

WARM_SECONDS = 1.0
SETTLE_SECONDS = 2.0  # after the last click, so that every one can be seen
PATIENCE = 5.0
_KEPT = 100  # latest answers that somebody may click in
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent.

    Attributes:
        rate: Requests a second, to all workers together.
        clicks: Clicks a second, at random moments.
        seconds: How long.
        ranked: Candidates of each request, which is a Rank then; none: it is a Search.
    """

    rate: float = 200.0
    clicks: float = 10.0
    seconds: float = 20.0
    ranked: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """What came of it.

    Attributes:
        workers: Workers that were asked.
        requests: Requests that were answered.
        failures: Requests that were not, and clicks that were not acknowledged or had nothing to click.
        answers_per_s: Answers a second.
        request_p50_ms: Milliseconds from the moment a request was due until it was answered.
        request_p99_ms: Likewise.
        clicks: Clicks that were acknowledged.
        unseen: Clicks that no answer of some worker had read; such a time is infinite.
        acknowledged_p50_ms: Milliseconds from sending a click to its acknowledgement.
        acknowledged_p99_ms: Likewise.
        visible_p50_ms: Milliseconds from sending a click to an answer that had read it; one a click and worker.
        visible_p99_ms: Likewise.
        visible_max_ms: Likewise.
    """

    workers: int
    requests: int
    failures: int
    answers_per_s: float
    request_p50_ms: float
    request_p99_ms: float
    clicks: int
    unseen: int
    acknowledged_p50_ms: float
    acknowledged_p99_ms: float
    visible_p50_ms: float
    visible_p99_ms: float
    visible_max_ms: float


class _Run:
    """One run: what was answered and clicked, on the clock of ``perf_counter``."""

    def __init__(self, clients: Sequence[AsyncClient], asked: Sequence[Query], load: Load) -> None:
        self._clients = clients
        self._asked = asked
        self._load = load
        self._rng = np.random.default_rng(5)
        self._shown: list[tuple[Query, str, list[str]]] = []
        self.answers: list[list[tuple[float, int]]] = [[] for _ in clients]
        self.taken: list[float] = []
        self.clicks: list[tuple[float, float, int]] = []
        self.failures = 0

    async def go(self) -> None:
        """Send everything at its moment and wait for all answers."""
        load, rng = self._load, self._rng
        whole = WARM_SECONDS + load.seconds + SETTLE_SECONDS
        requests = np.arange(int(whole * load.rate)) / load.rate
        clicks = WARM_SECONDS + np.sort(rng.uniform(0, load.seconds, int(load.seconds * load.clicks)))
        due = sorted([(at, self._ask) for at in requests] + [(at, self._click) for at in clicks], key=lambda d: d[0])
        began, tasks = perf_counter(), []
        for number, (at, send) in enumerate(due):
            await asyncio.sleep(max(0.0, began + at - perf_counter()))
            tasks.append(asyncio.create_task(send(number, began + at)))
        await asyncio.gather(*tasks)

    async def _ask(self, number: int, due: float) -> None:
        worker, query = number % len(self._clients), self._asked[number % len(self._asked)]
        client, ranked = self._clients[worker], self._load.ranked
        asking = client.rank(query, ranked, timeout=PATIENCE) if ranked else client.search(query, timeout=PATIENCE)
        try:
            answer = await asking
        except SearchRankError:
            self.failures += 1
            return
        now = perf_counter()
        self.answers[worker].append((now, answer.state_offset))
        self.taken.append(now - due)
        if answer.ids:
            self._shown = [*self._shown[1 - _KEPT :], (query, answer.request_id, list(map(str, answer.ids)))]

    async def _click(self, _number: int, _due: float) -> None:
        if not self._shown:
            self.failures += 1
            return
        query, request_id, ids = self._shown[int(self._rng.integers(len(self._shown)))]
        position = int(self._rng.integers(len(ids)))
        client = self._clients[int(self._rng.integers(len(self._clients)))]
        began = perf_counter()
        try:
            reaction = Reaction(ids[position], "click", position=position)
            done = await client.feedback(request_id, [reaction], query, timeout=PATIENCE)
        except SearchRankError:
            self.failures += 1
            return
        self.clicks.append((began, perf_counter(), done.offset))

    def visible(self) -> Floats:
        """Return the seconds from each click to each worker's first answer that had read it, (clicks, workers)."""
        sent, offsets = np.array([c[0] for c in self.clicks]), np.array([c[2] for c in self.clicks])
        columns = []
        for answers in self.answers:
            ordered = sorted(answers)
            received = np.array([at for at, _ in ordered] + [np.inf])
            known = np.maximum.accumulate([offset for _, offset in ordered])
            columns.append(received[np.searchsorted(known, offsets)] - sent)
        return np.stack(columns, axis=1)


async def measure(targets: Sequence[str], asked: Sequence[Query], load: Load) -> Visibility:
    """Put a service under load and return when its workers knew of the clicks.

    Args:
        targets: One address a worker.
        asked: Searches, sent in turn; each has a user.
        load: What is sent.
    """
    clients = [AsyncClient([target]) for target in targets]
    try:
        run = _Run(clients, asked, load)
        began = perf_counter()
        await run.go()
        seconds = perf_counter() - began
    finally:
        await asyncio.gather(*(client.close() for client in clients))
    visible = run.visible()
    acknowledged = np.array([after - before for before, after, _ in run.clicks])
    return Visibility(
        workers=len(targets),
        requests=len(run.taken),
        failures=run.failures,
        answers_per_s=round(len(run.taken) / seconds, 1),
        request_p50_ms=_ms(np.array(run.taken), 50),
        request_p99_ms=_ms(np.array(run.taken), 99),
        clicks=len(run.clicks),
        unseen=int(np.isinf(visible).any(axis=1).sum()),
        acknowledged_p50_ms=_ms(acknowledged, 50),
        acknowledged_p99_ms=_ms(acknowledged, 99),
        visible_p50_ms=_ms(visible, 50),
        visible_p99_ms=_ms(visible, 99),
        visible_max_ms=_ms(visible, 100),
    )


def _ms(seconds: Floats, share: float) -> float:
    return round(float(np.percentile(seconds, share, method="higher")) * 1e3, 1)


def made_city(home: Path) -> Workspace:
    """Make a city that ends last week and a live release of it; about 15 seconds."""
    workspace = Workspace(home)
    write_city(workspace, CitySize(events=250_000), lambda *_: None, end=datetime.now(UTC))
    refresh_workspace(workspace)
    publish(Job.open(workspace), workspace.tracking_uri, promote_it=True)
    return workspace


def past_searches(workspace: Workspace, count: int = 2_000) -> list[Query]:
    """Return the city's latest searches, to be asked again now."""
    columns = ["kind", "user_id", "query", "request.location", "request.device"]
    table = pa.Table.from_batches(EventLog.open(workspace.events).read(columns=columns))
    table = table.filter(pc.equal(table.column("kind"), "search"))
    return [
        Query(
            surface="places",
            user_id=row["user_id"],
            text=row["query"],
            context={"request.location": tuple(row["request.location"]), "request.device": row["request.device"]},
            limit=20,
        )
        for row in table.slice(max(0, len(table) - count)).to_pylist()
    ]


def _serve_and_measure(home: Path, load: Load) -> Visibility:
    asked = past_searches(Workspace(home))
    service = Service(home)
    try:
        return uvloop.run(measure(service.targets, asked, load))
    finally:
        service.end()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fails when a click was not seen or a request not answered."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, help="a city's workspace; default: a new one, in a temporary folder")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--clicks", type=float, default=10.0, help="clicks a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rank", type=int, default=0, help="rank so many places in each request; 0: search")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    ranked = tuple(f"p{number}" for number in range(options.rank))
    load = Load(rate=options.rate, clicks=options.clicks, seconds=options.seconds, ranked=ranked)
    with tempfile.TemporaryDirectory() as scratch:
        found = _serve_and_measure(options.home or made_city(Path(scratch)).root, load)
    table = Table(title=f"{load.rate:g} requests and {load.clicks:g} clicks a second for {load.seconds:g} seconds")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in asdict(found).items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    Console(stderr=options.json).print(table)
    if options.json:
        print(json.dumps(asdict(found)))
    return 1 if found.unseen or found.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
