"""Which library finds nearest vectors best, and what does our branch add to it?

200,000 unit vectors of 128 numbers around 2,000 centres, 500 queries of the same kind, one after the other on one
thread; recall@10 against a scan. Graphs are built alike (16 links, width 128) and searched alike (width 64). ``ours``
is the branch as requests ask it: from a vector to rows and scores. Contenders take turns, fifty queries each, in an
order drawn anew each time, after everybody was asked everything once. Then the branch under filters: a random share of
all vectors, and all vectors of a share of the centres (``correlated``), where most queries lie far from everything that
is allowed. hnswlib has no wheel and is absent.

Building takes a minute an index; ``--folder`` keeps them for the next run, ``--build`` builds and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ann_libraries import LIBRARIES, Floats, Ints, Search, exact
from timing import limit_threads

from recall import DenseBranch, DenseConfig, Query
from recall.dense.build import build_dense

K: Final = 10
TURN: Final = 50
"""Queries that a contender is asked before the next has its turn."""
SHARES: Final = (100.0, 10.0, 1.0, 0.1)
INPUT: Final = "request.vector"
OURS: Final = {
    name: DenseConfig(vectors="v.npz", input=INPUT, storage=storage)  # type: ignore[arg-type]
    for name, storage in (("ours", "f32"), ("ours_f16", "f16"), ("ours_i8", "i8"))
}
Figures = dict[str, Any]


@dataclass(frozen=True)
class Vectors:
    """What is searched.

    Attributes:
        stored: Shape ``(n, d)``, of length one.
        centre: Shape ``(n,)``, which one each belongs to.
        asked: Shape ``(q, d)``.
        nearest: Shape ``(q, 10)``, positions of the nearest of each.
    """

    stored: Floats
    centre: Ints
    asked: Floats
    nearest: Ints

    @classmethod
    def drawn(cls, n: int, d: int, centres: int, queries: int) -> Vectors:
        """Draw a set; the same arguments give the same one."""
        rng = np.random.default_rng(0)
        middles = rng.normal(size=(centres, d)).astype(np.float32)

        def draw(count: int) -> tuple[Floats, Ints]:
            which = rng.integers(0, centres, count)
            drawn = (middles[which] + 0.6 * rng.normal(size=(count, d))).astype(np.float32)
            return drawn / np.linalg.norm(drawn, axis=1, keepdims=True), which

        (stored, centre), (asked, _) = draw(n), draw(queries)
        return cls(stored, centre, asked, nearest(asked, stored))


def nearest(asked: Floats, stored: Floats) -> Ints:
    """Return the positions of the ten largest inner products of each, shape ``(q, 10)``; fewer of fewer vectors."""
    k = min(K, len(stored))
    parts = [vector @ stored.T for vector in asked]
    return np.array([np.argpartition(-scores, k - 1)[:k] for scores in parts]).reshape(len(asked), k)


def main() -> None:
    """Build what is missing, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keeps built indexes for the next run")
    parser.add_argument("--build", action="store_true", help="build what is missing, measure nothing")
    parser.add_argument("--small", action="store_true", help="4,500 vectors of 16 numbers")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    limit_threads()
    with tempfile.TemporaryDirectory() as temporary:
        figures = run(options.folder or Path(temporary), small=options.small, build_only=options.build)
    if options.json:
        print(json.dumps(figures))


def run(folder: Path, *, small: bool = False, build_only: bool = False) -> Figures:
    """Return all figures; the keys of ``--json``."""
    vectors = Vectors.drawn(4_500, 16, 45, 50) if small else Vectors.drawn(200_000, 128, 2_000, 500)
    folder = folder / ("small" if small else "whole")
    folder.mkdir(parents=True, exist_ok=True)
    built = {name: built_once(folder, name, vectors.stored) for name in (*LIBRARIES, *OURS)}
    if build_only:
        return built
    searches = {name: library.open(folder / name / "index") for name, library in LIBRARIES.items()}
    branches = {name: DenseBranch.open(folder / name, config) for name, config in OURS.items()}
    searches |= {name: searching(branch) for name, branch in branches.items()}
    times, found = taking_turns(searches | {"exact": exact(vectors.stored)}, vectors.asked)
    figures: Figures = {
        name: {
            "recall@10": recall(found[name], vectors.nearest),
            "p50_ms": milliseconds(times[name], 50),
            "p99_ms": milliseconds(times[name], 99),
            **built[name],
        }
        for name in searches
    }
    figures["exact_ms"] = milliseconds(times["exact"], 50)
    show(figures)
    ways = {name: filtered(branch, vectors) for name, branch in branches.items()}
    show_filtered(ways, figures)
    figures["filtered"] = {share: worse(told) for share, told in ways["ours"].items()}
    return figures


def built_once(folder: Path, name: str, stored: Floats) -> Figures:
    """Build an index unless it is there; return how long that took and what it holds."""
    place = folder / name
    told = place / "built.json"
    if not told.is_file():
        place.mkdir(exist_ok=True)
        start = time.perf_counter()
        if name in LIBRARIES:
            LIBRARIES[name].build(stored, place / "index")
        else:
            build_dense(place, OURS[name], np.arange(len(stored)), stored, len(stored))
        seconds = time.perf_counter() - start
        size = sum(file.stat().st_size for file in place.iterdir())
        told.write_text(json.dumps({"build_s": round(seconds, 1), "bytes_per_vector": round(size / len(stored))}))
    figures: Figures = json.loads(told.read_text())
    return figures


def searching(branch: DenseBranch, allowed: npt.NDArray[np.bool_] | None = None) -> Search:
    """Return what asks the branch as a request does."""
    return lambda vector: branch.retrieve(Query(given={INPUT: vector}, allowed=allowed), K).rows


def taking_turns(searches: Mapping[str, Search], asked: Floats) -> tuple[dict[str, list[float]], dict[str, list[Ints]]]:
    """Ask everybody everything twice: first uncounted, then in turns, in an order drawn anew each time."""
    rng, names = np.random.default_rng(1), list(searches)
    times: dict[str, list[float]] = {name: [] for name in names}
    found: dict[str, list[Ints]] = {name: [] for name in names}
    for search in searches.values():
        for vector in asked:
            search(vector)
    for at in range(0, len(asked), TURN):
        for place in rng.permutation(len(names)):
            name = names[place]
            for vector in asked[at : at + TURN]:
                seconds, rows = timed(searches[name], vector)
                times[name].append(seconds)
                found[name].append(rows)
    return times, found


def timed(search: Search, vector: Floats) -> tuple[float, Ints]:
    """Return how long a search took, and what it found."""
    start = time.perf_counter()
    rows = search(vector)
    return time.perf_counter() - start, rows


def recall(found: list[Ints], wanted: Ints) -> float:
    """Return which share of what is wanted was found."""
    hits = sum(len(np.intersect1d(rows, best)) for rows, best in zip(found, wanted, strict=True))
    return round(hits / wanted.size, 4)


def filtered(branch: DenseBranch, vectors: Vectors) -> dict[str, dict[str, Figures]]:
    """Return recall and time for each share that is allowed, random and correlated."""
    told: dict[str, dict[str, Figures]] = {}
    for share in SHARES:
        for name, allowed in kept(vectors, share / 100):
            places = np.flatnonzero(allowed)
            wanted = places[nearest(vectors.asked[:FILTERED], vectors.stored[places])]
            times, found = taking_turns({name: searching(branch, allowed)}, vectors.asked[:FILTERED])
            figures = {"recall@10": recall(found[name], wanted), "p50_ms": milliseconds(times[name], 50)}
            told.setdefault(f"{share:g}", {})[name] = figures
    return told


FILTERED: Final = 200
"""Queries that are asked under each filter."""


def kept(vectors: Vectors, share: float) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yield what is allowed: a random share, and the vectors of a share of the centres."""
    yield "random", np.random.default_rng(2).random(len(vectors.stored)) < share
    yield "correlated", vectors.centre < max(1, round((vectors.centre.max() + 1) * share))


def worse(ways: Mapping[str, Figures]) -> Figures:
    """Return the lower recall and the longer time."""
    return {
        "recall@10": min(told["recall@10"] for told in ways.values()),
        "p50_ms": max(told["p50_ms"] for told in ways.values()),
    }


def milliseconds(times: list[float], percentile: float) -> float:
    """Return a percentile of seconds."""
    return round(float(np.percentile(times, percentile)) * 1e3, 4)


def show(figures: Mapping[str, Any]) -> None:
    """Print the table of contenders."""
    best = min(told["p50_ms"] for name, told in figures.items() if name in LIBRARIES and told["recall@10"] >= 0.99)
    print(f"{'':12}{'recall@10':>10}{'p50 ms':>9}{'p99 ms':>9}{'over best':>11}{'build s':>9}{'bytes':>7}")
    for name, told in figures.items():
        if name != "exact_ms":
            print(
                f"{name:12}{told['recall@10']:>10.4f}{told['p50_ms']:>9.3f}{told['p99_ms']:>9.3f}"
                f"{told['p50_ms'] / best:>10.2f}x{told['build_s']:>9.1f}{told['bytes_per_vector']:>7}"
            )
    print(f"{'exact':12}{1:>10.4f}{figures['exact_ms']:>9.3f}\n")


def show_filtered(ways: Mapping[str, Mapping[str, Mapping[str, Figures]]], figures: Figures) -> None:
    """Print the table of filters."""
    print(f"{'':12}{'allowed %':>10}{'':>12}{'recall@10':>10}{'p50 ms':>9}{'of exact':>9}{'of all':>8}")
    for name, shares in ways.items():
        for share, kinds in shares.items():
            for kind, told in kinds.items():
                scan, whole = told["p50_ms"] / figures["exact_ms"], told["p50_ms"] / figures[name]["p50_ms"]
                print(
                    f"{name:12}{share:>10}{kind:>12}{told['recall@10']:>10.4f}{told['p50_ms']:>9.3f}"
                    f"{scan:>9.2f}{whole:>8.2f}"
                )


if __name__ == "__main__":
    main()
