"""How long does it take to find what is near to each item, and in how much memory?

Clicks are generated: a fiftieth as many people as clicks, a hundredth as many items; few people click much, few items
are clicked much, and seven clicks of ten fall into a person's own of 200 tastes. Each method runs in a process of its
own. ``product`` is the usual way, scipy's product of the sparse matrix with itself, block by block: the pairs alone,
without choosing the nearest. Memory is what a method takes beyond the clicks.
"""

from __future__ import annotations

import argparse
import json
import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recall.behaviour.ease import ease
from recall.behaviour.graph import Graph
from recall.behaviour.nearest import cosine, swing
from recall.behaviour.neighbours import Neighbours
from recall.interaction import Interactions
from searchrank.features.history import EventColumns

Ints = npt.NDArray[np.int64]

CLICKS: Final = 1_000_000
FULL: Final = 10_000_000
METHODS: Final = ("cosine", "swing", "ease", "product")
NEIGHBOURS: Final = 50
_TASTES: Final = 200
_ITEMS: Final = {CLICKS: 3_000, FULL: 10_000}  # that take part in EASE


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} clicks")
    parser.add_argument("--clicks", type=int, default=CLICKS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    clicks = FULL if options.full else options.clicks
    print(f"{clicks:,} clicks, {clicks // 50:,} people, {clicks // 100:,} items\n\n{'':10}seconds    memory MB")
    figures: dict[str, object] = {"clicks": clicks}
    for method in options.methods:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, megabytes = pool.submit(measure, method, clicks).result()
        figures[method] = {"seconds": seconds, "memory_mb": megabytes}
        print(f"{method:10}{seconds:7.1f}{megabytes:13,.0f}", flush=True)
    if options.json:
        print(json.dumps(figures))


def generate(clicks: int, seed: int = 1) -> Interactions:
    """Draw clicks."""
    people, items = clicks // 50, clicks // 100
    draw = np.random.default_rng(seed)
    activity = np.cumsum(draw.lognormal(0, 1, people))
    user = np.minimum(np.searchsorted(activity / activity[-1], draw.random(clicks)), people - 1)
    own = _ranked(draw, items // _TASTES, clicks) * _TASTES + draw.integers(0, _TASTES, people)[user]
    row = np.where(draw.random(clicks) < 0.7, own, _ranked(draw, items, clicks))
    none = np.zeros(clicks, np.int64)
    events = EventColumns(
        kinds=("click",),
        kind=none.astype(np.int32),
        known_time=np.arange(clicks),
        user=user + 1,
        item=row + 1,
        query=none,
        value=np.full(clicks, np.nan),
    )
    return Interactions(events, row, items)


def _ranked(draw: np.random.Generator, count: int, size: int) -> Ints:
    """Draw numbers below a count, small ones often."""
    shares = np.cumsum((np.arange(count) + 10.0) ** -0.8)
    return np.minimum(np.searchsorted(shares / shares[-1], draw.random(size)), count - 1)


def measure(method: str, clicks: int) -> tuple[float, float]:
    """Return seconds and megabytes of one method."""
    interactions = generate(clicks)
    before, start = _peak(), perf_counter()
    graph = Graph.of(interactions)
    if method == "product":
        _product(graph)
    else:
        nearest = {
            "cosine": lambda: cosine(graph, NEIGHBOURS, _nobody),
            "swing": lambda: swing(graph, NEIGHBOURS, _nobody, 1.0),
            "ease": lambda: ease(graph, NEIGHBOURS, _nobody, 100.0, _ITEMS.get(clicks, 1_000)),
        }[method]()
        Neighbours.of(nearest, NEIGHBOURS)
    return perf_counter() - start, _peak() - before


def _product(graph: Graph) -> None:
    shape = (len(graph.user_ends) - 1, graph.size)
    by_user = sparse.csr_array((np.ones(len(graph.items), np.float32), graph.items, graph.user_ends), shape=shape)
    by_item = by_user.T.tocsr()
    for first in range(0, graph.size, 1_000):
        by_item[first : first + 1_000] @ by_user


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _nobody(_done: int, _total: int) -> None:
    """Be told how far a build has come."""


if __name__ == "__main__":
    main()
