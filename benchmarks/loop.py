"""Does the loop close: is what was served learnt from, to the bit, is nothing lost, and what does the log cost?

1. A city is written, a first release is trained on its events, and the next day its people use the service: searches,
   and for every answer impressions, clicks and orders, told while others ask.
2. ``searchrank train --from-log`` computes the features of every answer again from the serving log, the snapshots and
   the event log as of the offset that the answer knew; ``recomputed_equal`` counts those with the same bits.
3. The release that this gives and its predecessor rank the requests of the day after; ``gain`` is the mean of what
   people would click more, with the interval of a paired bootstrap.
4. Processes are killed at random (``loop_kill``), with 10^6 events in the log.
5. Clicks are told among 200 requests a second and looked for in both workers (``loop_click.py``).
6. The same requests are ranked with a serving log and without (``serve.py``); ``log_cost`` is the throughput it takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import loop_kill
import numpy as np
from loop_city import Day, Used, expected_clicks, use
from rich.console import Console
from rich.table import Table

from examples.city import CitySize, truth_path, write_city
from predictor import ServeOptions, running_server
from predictor.testing import make_shop
from searchrank.models import Ledger, find_release
from searchrank.workspace import Workspace

_TOLD = Console(stderr=True)
_SAMPLES = 2_000


def _run(*words: str) -> dict[str, Any]:
    """Run a verb and return the figures that it ends with.

    Raises:
        RuntimeError: When it fails.
    """
    command = [sys.executable, "-c", "from searchrank.cli import main; main()", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"searchrank {' '.join(words)} ended with {done.returncode}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _prepared(home: Path, size: CitySize) -> Workspace:
    """Return a workspace with a city's past and a release that learnt from it."""
    workspace = Workspace(home)
    home.mkdir(parents=True)
    _TOLD.print("writing a city")
    write_city(workspace, size, lambda _what, _share: None, end=datetime.now(UTC))
    _TOLD.print("training the first release")
    _run("refresh", "--home", str(home))
    _run("train", "--home", str(home), "--promote")
    truth_path(workspace).unlink()  # it knows nothing of the day that follows
    return workspace


def _used(home: Path, day: Day) -> Used:
    with running_server(ServeOptions(home=home, port=0)) as targets:
        return asyncio.run(use(targets, day))


def _compared(workspace: Workspace, day: Day, versions: Sequence[int]) -> dict[str, Any]:
    """Return what people would click of the lists of two releases, and by how much more of the second."""
    clicks = []
    for version in versions:
        Ledger(workspace.ledger).promote(find_release(workspace.releases, "city", version))
        with running_server(ServeOptions(home=workspace.root, port=0, serving_log=0.0)) as targets:
            clicks.append(asyncio.run(expected_clicks(targets, day)))
    more = clicks[1] - clicks[0]
    chosen = np.random.default_rng(1).integers(0, len(more), (_SAMPLES, len(more)))
    low, high = np.quantile(more[chosen].mean(axis=1), [0.025, 0.975])
    return {
        "clicks_before": round(float(clicks[0].mean()), 4),
        "clicks_after": round(float(clicks[1].mean()), 4),
        "gain": round(float(more.mean()), 4),
        "gain_interval": [round(float(low), 4), round(float(high), 4)],
    }


def _city(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    size = CitySize()
    workspace = _prepared(folder / "city", size)
    used = _used(workspace.root, Day(size, size.days, options.requests))
    _TOLD.print(f"{used.requests:,} answers, {used.clicks:,} clicks in {used.seconds:.0f} s")
    began = time.monotonic()
    learnt = _run("train", "--home", str(workspace.root), "--from-log")
    trained_s = time.monotonic() - began
    compared = _compared(workspace, Day(size, size.days + 1, options.next_day), (1, int(learnt["version"])))
    return {
        "requests": used.requests,
        "recomputed_equal": learnt["recomputed_equal"],
        "recomputed_different": learnt["recomputed_different"],
        "unchecked": learnt["unchecked"],
        "degraded": used.degraded,
        "failed_calls": used.failed,
        "reactions": used.reactions,
        "requests_a_second": round(used.requests / used.seconds, 1),
        "search_p50_ms": round(float(np.median(used.latency_ms)), 2),
        "search_p99_ms": round(float(np.quantile(used.latency_ms, 0.99)), 2),
        "from_log_s": round(trained_s, 1),
        **compared,
    }


def _killed(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    figures = loop_kill.run(make_shop(folder / "shop").root, options.seconds, events=options.events)
    told = asdict(figures)
    return {
        "lost_events": figures.lost_events,
        "duplicate_events": figures.duplicate_events,
        "wrong_offsets": figures.wrong_offsets,
        "acknowledged_events": figures.acknowledged_events,
        "kills": figures.kills,
        "restart_s": max(figures.restart_s.values()),
        "restart_by_kind_s": told["restart_s"],
    }


def _beside(script: str) -> dict[str, Any]:
    """Run another benchmark and return the figures that it ends with."""
    command = [sys.executable, str(Path(__file__).parent / script), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _click(_folder: Path, _options: argparse.Namespace) -> dict[str, Any]:
    return {f"click_{name}": value for name, value in _beside("loop_click.py").items()}


def _cost(_folder: Path, _options: argparse.Namespace) -> dict[str, Any]:
    figures = _beside("serve.py")
    return {name: figures[name] for name in ("log_cost", "log_us", "is_quiet")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all of it and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000, help="answers of the day that is learnt from")
    parser.add_argument("--next-day", type=int, default=5_000, help="requests that both releases rank")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long processes are killed")
    parser.add_argument("--events", type=int, default=1_000_000, help="events in the log before they are")
    parser.add_argument("--parts", default="city,kill,click,cost", help="which parts to run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    parts = {"city": _city, "kill": _killed, "click": _click, "cost": _cost}
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.parts.split(","):
            _TOLD.print(f"[bold]{name}")
            figures |= parts[name](Path(folder), options)
    table = Table("", "", title="the loop")
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)
    if options.json:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
