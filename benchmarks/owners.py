"""What does it cost to restrict candidates to the items of ten thousand owners, each a posting list of a hundred?

Run as ``python benchmarks/owners.py [--owners N] [--items K] [--json]``. The catalogue holds the items of a quarter
more owners than are asked for. Every contender takes the hashes of the owners asked for and gives one truth a catalogue
row, as recall wants it; all must be equal. ``sorted_union_ms``: the lists put together and made unique. ``scatter_ms``:
every list marks its rows. ``roaring_ms``: one roaring bitmap an owner, united by pyroaring (null where it is not
installed). ``run_length_ms``: every owner's runs of rows, counted where they begin and end. ``ours_ms``: what a filter
such as ``item.shop in request.shops`` asks. ``scattered``: the catalogue lists items in any order; ``grouped``: owner
by owner.

Then the same filter is sent with searches of a surface that knows what is popular, scattered: ``search_ms`` with and
``plain_ms`` without it, from the bytes of the request to those of the answer, in process; ``filter_ms`` is the stage's
own time, and ``share`` that of ``search_ms``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from owners_world import make_world, name
from rich.console import Console
from rich.table import Table
from timing import interleaved, limit_threads

from predictor import pipeline
from predictor.query import Query, search_request
from predictor.serving import Serving
from predictor.surface import ServedSurface
from recall.filtering import YES, Members
from searchrank.features import hash_texts
from searchrank.features.hash_table import HashTable
from searchrank.v1 import ranking_pb2

SPARE: Final = 0.25
WARM: Final = 3  # searches that number the owners and fill caches
FILTER: Final = "item.shop in request.shops"
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Union = Callable[[], Bools]


class Postings:
    """What contenders keep of a catalogue: for each owner its rows, ascending."""

    def __init__(self, owners: Ints, hashes: Ints) -> None:
        """Take the number of each row's owner, and the hash of each owner."""
        self.rows = len(owners)
        self.members = Members(hashes[owners])
        self._table = HashTable.build(hashes)
        order = np.argsort(owners, kind="stable")
        self._lists = np.split(order, np.searchsorted(owners[order], np.arange(1, len(hashes))))
        self._runs = [_runs(rows) for rows in self._lists]
        self._bitmaps: list[Any] = []
        if find_spec("pyroaring"):
            from pyroaring import BitMap  # noqa: PLC0415 - an alternative that need not be installed

            self._bitmaps = [BitMap(rows.astype(np.uint32)) for rows in self._lists]

    def contenders(self, asked: Ints) -> dict[str, Union]:
        """Return every way to unite the lists of some owners."""
        ways: dict[str, Union] = {
            "sorted_union": lambda: self._sorted_union(asked),
            "scatter": lambda: self._scatter(asked),
            "run_length": lambda: self._run_length(asked),
            "ours": lambda: self.members.truths(asked) == YES,
        }
        return ways | ({"roaring": lambda: self._roaring(asked)} if self._bitmaps else {})

    def _of(self, parts: Sequence[Any], asked: Ints) -> list[Any]:
        return [parts[number] for number in self._table.rows(asked).tolist()]

    def _marked(self, rows: npt.NDArray[Any]) -> Bools:
        marks = np.zeros(self.rows, np.bool_)
        marks[rows] = True
        return marks

    def _sorted_union(self, asked: Ints) -> Bools:
        return self._marked(np.unique(np.concatenate(self._of(self._lists, asked))))

    def _scatter(self, asked: Ints) -> Bools:
        return self._marked(np.concatenate(self._of(self._lists, asked)))

    def _roaring(self, asked: Ints) -> Bools:
        bitmaps = self._of(self._bitmaps, asked)
        return self._marked(np.asarray(type(bitmaps[0]).union(*bitmaps).to_array()))

    def _run_length(self, asked: Ints) -> Bools:
        runs = np.concatenate(self._of(self._runs, asked), axis=1)
        begun, ended = (np.bincount(edge, minlength=self.rows + 1) for edge in runs)
        marks: Bools = np.cumsum(begun - ended)[: self.rows] > 0
        return marks


def _runs(rows: Ints) -> Ints:
    """Return where runs of consecutive rows begin, and behind what they end, shape (2, runs)."""
    edges = np.flatnonzero(np.diff(rows) != 1) + 1
    return np.array([rows[np.r_[0, edges]], rows[np.r_[edges - 1, len(rows) - 1]] + 1])


def united(owners: int, items: int, *, grouped: bool, seconds: float) -> dict[str, float | None]:
    """Return the median milliseconds of every contender.

    Raises:
        SystemExit: When two of them differ.
    """
    rng = np.random.default_rng(3)
    there = owners + max(1, int(SPARE * owners))
    numbers = np.arange(there).repeat(items)
    hashes = hash_texts([name(number) for number in range(there)])
    postings = Postings(numbers if grouped else rng.permutation(numbers), hashes)
    ways = postings.contenders(rng.permutation(hashes)[:owners])
    expected = ways["scatter"]()
    if int(expected.sum()) != owners * items or any(not np.array_equal(way(), expected) for way in ways.values()):
        raise SystemExit("contenders differ")
    times = interleaved(ways, seconds=seconds, least=5)
    names = ("sorted_union", "scatter", "roaring", "run_length", "ours")
    return {f"{one}_ms": round(times[one].median * 1e3, 4) if one in times else None for one in names}


async def searched(surface: ServedSurface, owners: int, rounds: int) -> dict[str, float]:
    """Return the milliseconds of a search with and without the filter, and the filter's part."""
    rng = np.random.default_rng(4)
    there = owners + max(1, int(SPARE * owners))
    plain = search_request(Query(surface="shops", limit=20)).SerializeToString()
    spent: dict[str, list[float]] = {"plain": [], "search": [], "filter": []}
    for _ in range(rounds + WARM):
        shops = [name(shop) for shop in rng.permutation(there)[:owners].tolist()]
        asked = Query(surface="shops", limit=20, filter=FILTER, context={"request.shops": shops})
        _, seconds = await _search(surface, plain)
        spent["plain"].append(seconds)
        answer, seconds = await _search(surface, search_request(asked).SerializeToString())
        spent["search"].append(seconds)
        spent["filter"].append(_filter_seconds(answer))
    figures = {f"{what}_ms": round(median(seconds[WARM:]) * 1e3, 3) for what, seconds in spent.items()}
    return figures | {"share": round(figures["filter_ms"] / figures["search_ms"], 3)}


async def _search(surface: ServedSurface, sent: bytes) -> tuple[ranking_pb2.SearchResponse, float]:
    """Return an answer and the seconds that it took."""
    began = perf_counter()
    answer = await pipeline.search(surface, ranking_pb2.SearchRequest.FromString(sent), None)
    answer.SerializeToString()
    return answer, perf_counter() - began


def _filter_seconds(answer: ranking_pb2.SearchResponse) -> float:
    """Return the time of the filter.

    Raises:
        SystemExit: When it was not asked of the whole catalogue, or nothing was found.
    """
    if not answer.coverage.filtering.exact or not answer.ids.strings.values:
        raise SystemExit(f"the filter was not asked of the catalogue: {answer.coverage}")
    return sum(part.elapsed_us for part in answer.coverage.stages if part.stage == "filter") / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--owners", type=int, default=10_000, help="owners asked for")
    parser.add_argument("--items", type=int, default=100, help="items of each owner")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each layout")
    parser.add_argument("--rounds", type=int, default=30, help="searches of each kind")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    owners, items = options.owners, options.items
    layouts = {"scattered": False, "grouped": True}
    figures: dict[str, Any] = {"owners": owners, "items": items}
    for layout, grouped in layouts.items():
        figures[layout] = united(owners, items, grouped=grouped, seconds=options.seconds)
    with tempfile.TemporaryDirectory(prefix="searchrank-owners-") as folder:
        serving = Serving(make_world(Path(folder), owners + max(1, int(SPARE * owners)), items))
        serving.load()
        figures |= asyncio.run(searched(serving.surface("shops"), owners, options.rounds))
        serving.close()
    _show(figures)
    if options.json:
        print(json.dumps(figures))
    return 0


def _show(figures: dict[str, Any]) -> None:
    title = f"{figures['owners']:,} lists of {figures['items']:,}, median ms"
    table = Table("", "scattered", "grouped", title=title)
    for one in figures["scattered"]:
        cells = [figures[layout][one] for layout in ("scattered", "grouped")]
        table.add_row(one.removesuffix("_ms"), *("-" if cell is None else f"{cell:.3f}" for cell in cells))
    console = Console()
    console.print(table)
    with_it, without, stage = (figures[one] for one in ("search_ms", "plain_ms", "filter_ms"))
    said = (
        f"a search {with_it:.2f} ms, {stage:.2f} of them the filter ({figures['share']:.0%}); {without:.2f} without it"
    )
    console.print(said, highlight=False)


if __name__ == "__main__":
    limit_threads()
    raise SystemExit(main())
