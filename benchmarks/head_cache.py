"""What does the head-query cache save when a request is asked again, and what does looking into it cost when it is not?

Run as ``python benchmarks/head_cache.py [--requests N] [--json]``: in one process, the world of ``serve.py``, 200
candidates, 136 columns, 500 trees. Every request is ranked by a surface without a cache, by one with, and by that one
again; the first two take turns in going first. Times are CPU of the thread, from the decoded request to the response.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import thread_time_ns

import numpy as np
from rich.console import Console
from rich.table import Table
from serve_load import rank_request
from serve_ours import make_workspace
from serve_world import draw_asked, draw_world, trained
from timing import limit_threads

from predictor import pipeline
from predictor.head_cache import HeadCache
from predictor.serving import Serving
from predictor.surface import ServedSurface
from searchrank.v1 import ranking_pb2

WARM = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000, help="distinct requests")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    world = draw_world()
    with tempfile.TemporaryDirectory(prefix="searchrank-cache-") as folder:
        model = trained(world, Console(stderr=True).print)
        serving = Serving(make_workspace(Path(folder), world, model))
        serving.load()
        rng = np.random.default_rng(5)
        requests = [rank_request(draw_asked(rng)) for _ in range(WARM + options.requests)]
        times = asyncio.run(measure(serving.surface("items"), requests))[:, WARM:]
        serving.close()
    plain, missed, hit = (float(np.median(part)) / 1e3 for part in times)
    figures = {
        "without_us": round(plain, 1),
        "miss_us": round(missed, 1),
        "hit_us": round(hit, 1),
        "look_us": round(float(np.median(times[1] - times[0])) / 1e3, 1),
        "saved_us": round(float(np.median(times[0] - times[2])) / 1e3, 1),
        "requests": options.requests,
    }
    _show(figures)
    if options.json:
        print(json.dumps(figures))
    return 0


async def measure(surface: ServedSurface, requests: Sequence[bytes]) -> np.ndarray:
    """Return nanoseconds without a cache, on a miss and on a hit, shape (3, requests).

    Args:
        surface: What is asked.
        requests: Distinct ``Rank`` requests as they are sent.

    Raises:
        SystemExit: When an answer from the cache is another.
    """
    surface = replace(surface, trial=None)  # it keeps surfaces of its own
    cached = replace(surface, cache=HeadCache(surface.plan, len(requests)))
    times = np.zeros((3, len(requests)))
    gc.disable()
    for number, sent in enumerate(requests):
        request = ranking_pb2.RankRequest.FromString(sent)
        turns = [(0, surface), (1, cached)]
        answers = {}
        for place, one in (*turns[:: 1 if number % 2 else -1], (2, cached)):
            began = thread_time_ns()
            answers[place] = await pipeline.rank(one, request, None)
            times[place, number] = thread_time_ns() - began
        if len({(tuple(one.order), tuple(one.scores)) for one in answers.values()}) > 1:
            raise SystemExit("a cached answer differs")
    gc.enable()
    return times


def _show(figures: dict[str, float]) -> None:
    table = Table(title="Rank of 200 candidates, microseconds of CPU, medians")
    for heading in ("", "all of it", "against no cache"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("without a cache", f"{figures['without_us']:.0f}", "")
    table.add_row("asked for the first time", f"{figures['miss_us']:.0f}", f"{figures['look_us']:+.0f}")
    table.add_row("asked again", f"{figures['hit_us']:.0f}", f"{-figures['saved_us']:+.0f}")
    Console().print(table)


if __name__ == "__main__":
    limit_threads()
    raise SystemExit(main())
