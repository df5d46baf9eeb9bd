"""How long does a feature that a running server never saw take to be live, and does anybody wait for it meanwhile?

A worker's own parts run here in one process: the loop, the watcher of the ledger, the loading thread. Each round writes
a release with sixty definitions never seen before and promotes it. ``load_ms`` is from text to a bound evaluator,
``ready_ms`` the whole load, proof by golden rows included, ``lag_ms`` how late a timer of one millisecond was at worst
while it ran (median of rounds), beside the same without any load. ``compiled_functions`` is the proof that nothing was
compiled: numba is not even imported.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa
import uvloop
from rich.console import Console
from rich.table import Table

from predictor.serving import Serving
from predictor.testing import make_shop, promote
from predictor.worker import SWITCH_SECONDS
from searchrank.features import Evaluator, FeatureSet, FittedInput, Plan
from searchrank.models import ReleaseDraft, profile_columns, write_release
from searchrank.workspace import Workspace

DEFINITIONS = 60
TICK = 0.001


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        figures = uvloop.run(_measure(make_shop(Path(folder) / "shop"), options.rounds))
    table = Table(title=f"{DEFINITIONS} new definitions on a running server, {options.rounds} rounds, medians")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.2f}")
    Console().print(table)
    if options.json:
        print(json.dumps(figures))
    return int(figures["compiled_functions"] != 0)


async def _measure(workspace: Workspace, rounds: int) -> dict[str, float]:
    serving = Serving(workspace)
    serving.load()
    loads: list[float] = []
    readies: list[float] = []
    lags: list[float] = []
    quiet: list[float] = []
    for number in range(rounds):
        texts = _definitions(workspace, number)
        folder = _release(workspace, texts)
        began = perf_counter()
        Evaluator(_plan(texts))
        loads.append(perf_counter() - began)
        quiet.append(await _lag(asyncio.sleep(median(readies) if readies else 0.05)))
        promote(workspace, folder)
        began = perf_counter()
        lags.append(await _lag(asyncio.to_thread(serving.load)))
        readies.append(perf_counter() - began)
        if serving.surface("shop").release.folder != folder:
            raise RuntimeError("the release was not taken")
    serving.close()
    return {
        "load_ms": median(loads) * 1e3,
        "ready_ms": median(readies) * 1e3,
        "lag_ms": median(lags) * 1e3,
        "worst_lag_ms": max(lags) * 1e3,
        "quiet_lag_ms": median(quiet) * 1e3,
        "compiled_functions": int("numba" in sys.modules),
    }


async def _lag(work: Awaitable[object]) -> float:
    """Return how late a timer was at worst, seconds, until some work was done."""
    task = asyncio.ensure_future(work)
    worst = 0.0
    while not task.done():
        began = perf_counter()
        await asyncio.sleep(TICK)
        worst = max(worst, perf_counter() - began - TICK)
    await task
    return worst


def _definitions(workspace: Workspace, number: int) -> str:
    text = workspace.features.read_text(encoding="utf-8")
    lines = [
        f"  new_{k}: clip(log1p(item.price + {number + 1}) * candidate.eta_min / {k + 1}, 0, {number + k + 1})"
        for k in range(DEFINITIONS)
    ]
    return text + "\n".join(lines) + "\n"


def _plan(texts: str) -> Plan:
    return Plan.compile(FeatureSet.parse(texts), _inputs())


def _inputs() -> tuple[FittedInput, ...]:
    return tuple(FittedInput(f"new_{k}", f"new_{k}", ()) for k in range(DEFINITIONS))


def _release(workspace: Workspace, texts: str) -> Path:
    columns = [f"new_{k}" for k in range(DEFINITIONS)]
    values = np.tile(np.linspace(0.0, 1.0, 8, dtype=np.float32), (DEFINITIONS, 1))
    draft = ReleaseDraft(
        name="taste",
        feature_set=FeatureSet.parse(texts),
        inputs=_inputs(),
        model=json.dumps({"weights": [1.0] * DEFINITIONS}),
        scorer="linear",
        golden=pa.table({"item.price": np.linspace(1.0, 50.0, 200), "candidate.eta_min": np.linspace(0.0, 9.0, 200)}),
        profile=profile_columns(columns, values),
    )
    return write_release(workspace.releases, draft)


if __name__ == "__main__":
    raise SystemExit(main())
