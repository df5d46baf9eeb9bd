"""How long does it take to find the nearest items by cells, beside measuring the distance to all of them?

Places of a country: a tenth of them anywhere, the rest in 40 cities. Both find the same 50 items, which is checked.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from recall import GeoBranch, GeoConfig, Query
from recall.branch import rank
from recall.geo.branch import build_geo
from recall.geo.distance import kilometres

COUNT = 50


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(f"{'places':>10}{'build s':>9}{'cells p50 ms':>14}{'p99':>8}{'scan p50 ms':>13}{'ratio':>8}")
    figures = {}
    for places in options.places:
        told = measure(places, options.queries)
        figures[str(places)] = told
        ratio = told["scan_p50_ms"] / told["p50_ms"]
        print(
            f"{places:>10,}{told['build_s']:>9.1f}{told['p50_ms']:>14.3f}{told['p99_ms']:>8.3f}"
            f"{told['scan_p50_ms']:>13.2f}{ratio:>8.1f}"
        )
    if options.json:
        print(json.dumps(figures))


def country(places: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return so many points, shape ``(places, 2)``, degrees."""
    cities = np.column_stack([random.uniform(22, 45, 40), random.uniform(80, 125, 40)])
    points = cities[random.integers(0, 40, places)] + random.normal(0, 0.1, (places, 2))
    far = random.random(places) < 0.1
    points[far] = np.column_stack([random.uniform(20, 50, far.sum()), random.uniform(75, 130, far.sum())])
    return points


def measure(places: int, queries: int) -> dict[str, float]:
    """Build, ask, compare with a scan, and return times.

    Raises:
        RuntimeError: When the two find different items.
    """
    random = np.random.default_rng(0)
    points = country(places, random)
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        build_geo(Path(folder), GeoConfig(), points)
        built = perf_counter() - start
        branch = GeoBranch.open(Path(folder), GeoConfig())
    ours, scans = [], []
    for place in country(queries, random):
        query = Query(given={"request.location": place})
        start = perf_counter()
        found = branch.retrieve(query, COUNT)
        ours.append(perf_counter() - start)
        start = perf_counter()
        scanned = rank(np.arange(places), 0.0 - kilometres(place, points), COUNT, Query())
        scans.append(perf_counter() - start)
        if found.rows.tolist() != scanned.rows.tolist():
            raise RuntimeError(f"another list than a scan's at {place.tolist()}")
    return {
        "build_s": round(built, 2),
        "p50_ms": round(float(np.median(ours)) * 1e3, 4),
        "p99_ms": round(float(np.quantile(ours, 0.99)) * 1e3, 4),
        "scan_p50_ms": round(float(np.median(scans)) * 1e3, 4),
    }


if __name__ == "__main__":
    main()
