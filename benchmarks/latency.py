"""How long does an answer take at half load, with many candidates, beside long requests, and with a small model?

Run as ``python benchmarks/latency.py [--seconds S] [--json]``. One real worker on one core, the client on the other,
log, metrics and two experiments on, every request sent once, over the world of ``serve.py``.

* ``thousand``: ``Rank`` of 1,000 candidates, sent at half the rate that two closed loops reach, at moments fixed
  beforehand (Poisson); times count from those moments, so that a request which waits for another is not left out.
* ``beside``: requests of so many candidates that each takes about 25 ms, at half load; ``short`` are requests of ten
  candidates sent besides, which must not wait for them.
* ``small``: 100 candidates, 50 trees, 17 columns, one client. Metarank publishes 7.2 ms (median) and 9.8 ms (99 %) for
  this size, on another machine: an anchor, not a comparison.

The machine must be quiet: see ``core_share`` and ``serve.py``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import Child, cores
from rich.console import Console
from rich.table import Table
from serve_ours import make_workspace
from serve_world import World, draw_world, trained
from timing import limit_threads

HERE = Path(__file__).parent
MANY, MOST, FEW = 1_000, 10_000, 10
LONG_SECONDS = 0.025
SHORT_RATE = 40.0  # short requests a second beside the long ones
SMALL = {"candidates": 100, "trees": 50, "width": 17}
Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each setting and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="measured time of each setting")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    progress = Console(stderr=True)
    world = draw_world()
    with _load(world, trained(world, progress.print)) as load:
        figures = {"thousand": _thousand(load, options.seconds), "beside": _beside(load, options.seconds)}
    small = trained(world, progress.print, trees=SMALL["trees"], width=SMALL["width"])
    with _load(world, small, SMALL["width"]) as load:
        found = load.ask(block=7, clients=1, seconds=options.seconds, candidates=SMALL["candidates"])
        figures["small"] = {name: found[name] for name in ("requests", "p50_ms", "p99_ms", "core_share")}
    _show(figures)
    if options.json:
        print(json.dumps(figures))
    return 0


@contextmanager
def _load(world: World, model: Path, *width: int) -> Iterator[Child]:
    """Serve the world by a model, on one core; gives the client that loads it, on the other."""
    serving, asking = cores()
    with tempfile.TemporaryDirectory(prefix="searchrank-latency-") as folder:
        make_workspace(Path(folder) / "home", world, model, *width)
        worker = [sys.executable, "-m", "predictor.worker", "--port", "0", "--home", str(Path(folder) / "home")]
        with Child.started(worker, serving) as server:
            port = str(server.read()["port"])
            client = [sys.executable, str(HERE / "serve_load.py"), "--protocol", "grpc", "--port", port]
            with Child.started([*client, "--pid", str(server.pid)], asking) as load:
                yield load


def _thousand(load: Child, seconds: float) -> Figures:
    capacity = load.ask(block=1, clients=2, seconds=min(seconds, 5.0), candidates=MANY)["rps"]
    (found,) = _streams(load, seconds, (capacity / 2, MANY))
    return {**found, "capacity": capacity}


def _beside(load: Child, seconds: float) -> Figures:
    each = load.ask(block=2, clients=1, seconds=2.0, candidates=MOST)["cpu_ms"] / 1e3
    candidates = min(MOST, int(MOST * LONG_SECONDS / each))
    took = load.ask(block=3, clients=1, seconds=2.0, candidates=candidates)["cpu_ms"]
    long, short = _streams(load, seconds, (500 / took, candidates), (SHORT_RATE, FEW))
    return {**short, "long_candidates": candidates, "long_ms": took, "long": long}


def _streams(load: Child, seconds: float, *sent: tuple[float, int]) -> list[Figures]:
    streams = [
        {"block": number, "rate": rate, "seconds": seconds, "candidates": candidates}
        for number, (rate, candidates) in enumerate(sent)
    ]
    found: list[Figures] = load.ask(streams=streams)["streams"]
    return found


def _show(figures: dict[str, Figures]) -> None:
    table = Table(title="Time to an answer over gRPC, ms")
    for heading in ("", "requests", "p50", "p99", "server core"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, found in figures.items():
        numbers = (str(found[column]) for column in ("requests", "p50_ms", "p99_ms"))
        table.add_row(name, *numbers, f"{found['core_share']:.0%}")
    beside = figures["beside"]
    console = Console()
    console.print(table)
    console.print(
        f"thousand: half of {figures['thousand']['capacity']:.0f} requests a second. beside: short requests while "
        f"others of {beside['long_candidates']:,} candidates, {beside['long_ms']:.1f} ms each, take half the core."
    )


if __name__ == "__main__":
    limit_threads()
    sys.exit(main())
