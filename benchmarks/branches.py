"""What do all branches cost together, beside the slowest of them alone, and what when one of them hangs?

A simulated city with every kind of branch that a project can configure, asked for what its people ask. A branch
``alone`` is asked as requests ask it; ``all`` asks every branch at once and fuses; ``in turn`` is the alternative, one
branch after the other on one thread. All take turns, query by query. The bound is 1.15 times what no orchestration can
undercut: the slowest branch, or all their processor time over all cores.

Then one branch hangs, each in turn, and ``Recall`` is asked with a deadline: the answer must come inside it, name the
branch, and hold what the others find without it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import numpy as np
import uvloop
from branches_city import asked_of, day_of, make_city

from predictor import pipeline
from predictor.answers import RecallResult
from predictor.query import recall_request
from predictor.serving import Serving
from predictor.surface import ServedSurface
from predictor.worker import SWITCH_SECONDS
from recall import Query, RecallConfig, Recaller
from recall.testing import HangingBranch

PLACES: Final = 100_000
QUERIES: Final = 400
WARM: Final = 50
LIMIT: Final = 200
ALLOWED: Final = 1.15
DEADLINE_SECONDS: Final = 0.1
BRANCHES: Final[dict[str, dict[str, Any]]] = {
    "lexical": {"fields": {"item.title": 2.0, "item.category_words": 2.0, "item.text": 1.0}, "quota": 150},
    "dense": {"vectors": "item.embedding", "input": "user.embedding", "quota": 100},
    "item_to_item": {"quota": 50},
    "preference": {"tags": {"item.category": {"user.ctr_by_category": 1.0, "user.favourites": 1.0}}, "quota": 50},
    "geo": {"quota": 50},
    "popular": {"quota": 50},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--home", type=Path, help="where the city is, or is put to be used again")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)  # as a worker does
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_city(options.home or Path(folder), options.places, configured())
        serving = Serving(workspace)
        serving.load()
        figures = uvloop.run(measure(serving.surface("places"), options.queries, WARM))
        serving.close()
    if options.json:
        print(json.dumps(figures))


def configured() -> dict[str, dict[str, Any]]:
    """Return the sections of those branches that this program has."""
    return {name: section for name, section in BRANCHES.items() if name in RecallConfig.model_fields}


async def measure(surface: ServedSurface, count: int, warm: int) -> dict[str, float | bool]:
    """Return the figures, and print them by branch."""
    requests, queries = await asked_of(surface, day_of(surface, count + warm))
    recaller = surface.recaller
    seconds, cpu = await _times(recaller, queries, warm)
    alone = {name: _p50(seconds[name]) for name in recaller.branches}
    slowest, spent = max(alone.values()), sum(_p50(cpu[name]) for name in recaller.branches)
    cores = len(os.sched_getaffinity(0))
    print(f"{count} queries, {len(surface.snapshot.catalogue):,} places, {cores} cores; p50\n")
    print(f"{'':14} {'alone ms':>9} {'cpu ms':>9}")
    for name in recaller.branches:
        print(f"{name:14} {alone[name]:9.3f} {_p50(cpu[name]):9.3f}")
    for name in sorted(set(RecallConfig.model_fields) - {"fusion", *recaller.branches}):
        print(f"{name:14} not measured: it has no section in BRANCHES")
    print(f"{'all':14} {_p50(seconds['all']):9.3f}\n{'in turn':14} {_p50(seconds['in turn']):9.3f}")
    bound = ALLOWED * max(slowest, spent / cores)
    print(f"{'bound':14} {bound:9.3f}\n")
    over, is_named = await _hung(surface, requests[warm : warm + 10])
    print(f"one hangs: {over:+.1f} ms over the deadline, named and the rest unchanged: {'yes' if is_named else 'NO'}")
    return {
        "slowest_ms": round(slowest, 4),
        "cpu_ms": round(spent, 4),
        "bound_ms": round(bound, 4),
        "total_ms": round(_p50(seconds["all"]), 4),
        "hung_over_deadline_ms": round(over, 2),
        "named": is_named,
    }


def _p50(seconds: list[float]) -> float:
    return float(np.median(seconds)) * 1e3


async def _times(
    recaller: Recaller, queries: list[Query], warm: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the wall time of each branch alone, of all at once and in turn, and the processor time of each branch."""
    single = {name: recaller.only([name]) for name in recaller.branches}
    named = {bounded.branch.name: bounded.branch for bounded in recaller.bounded}
    wall: dict[str, list[float]] = {name: [] for name in (*single, "all", "in turn")}
    cpu: dict[str, list[float]] = {name: [] for name in single}
    for query in queries:
        for name, taken in wall.items():
            start = perf_counter()
            if name == "in turn":
                recaller.retrieve(query, LIMIT)
            else:
                await single.get(name, recaller).ask(query, LIMIT, float("inf"))
            taken.append(perf_counter() - start)
        for name, branch in named.items():
            start = process_time()
            branch.retrieve(query, recaller.quotas[name])
            cpu[name].append(process_time() - start)
    return {name: taken[warm:] for name, taken in wall.items()}, {name: taken[warm:] for name, taken in cpu.items()}


async def _hung(surface: ServedSurface, requests: list[Any]) -> tuple[float, bool]:
    """Return by how many milliseconds the latest answer came too late, and whether coverage and lists were right."""
    overs, is_named = [], True
    for number, request in enumerate(requests):
        name = surface.recaller.branches[number % len(surface.recaller.branches)]
        others = [branch for branch in surface.recaller.branches if branch != name]
        hanging, stuck = _with_hanging(surface.recaller, name)
        expected = await _recall(surface, request, others)
        start = perf_counter()
        found = await _recall(replace(surface, recaller=stuck), request, ())
        overs.append((perf_counter() - start - DEADLINE_SECONDS) * 1e3)
        hanging.let_go()
        late = {part.branch for part in found.coverage.branches if part.outcome == "late"}
        is_named &= late == {name} and (found.ids, found.found_by) == (expected.ids, expected.found_by)
    return max(overs), is_named


def _with_hanging(recaller: Recaller, name: str) -> tuple[HangingBranch, Recaller]:
    """Return the same branches, of which one hangs."""
    branches = {bounded.branch.name: bounded.branch for bounded in recaller.bounded}
    hanging = HangingBranch(branches[name])
    return hanging, Recaller(list((branches | {name: hanging}).values()), recaller.quotas)


async def _recall(surface: ServedSurface, request: Any, branches: tuple[str, ...] | list[str]) -> RecallResult:
    asked = recall_request(request, branches)
    return RecallResult.of(await pipeline.find(surface, asked, DEADLINE_SECONDS))


if __name__ == "__main__":
    main()
