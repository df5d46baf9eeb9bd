"""How fast are sixty feature definitions, beside numpy and polars doing the same work in the same run?

Run as ``python benchmarks/features.py [--rows N] [--json]``. All contenders compute all sixty definitions of
``sixty.py`` on the same rows, one thread each, from columns in the form they like best; making that form (records,
arrays, a frame) is not timed for anybody. Before anything is timed, numpy and polars are compared with ours: NaN in
the same places, numbers within 1e-5 of each other relatively or 1e-6 absolutely, else the benchmark ends with status 1.

A request is 200 rows. ``ours``: every definition is computed for every candidate. ``ours, served``: the rows are items
of a catalogue; fifty definitions depend on the item alone and were computed at ingest. ``ours, pair part``: the ten
definitions that look at the request. Offline, the same plan runs over many rows of one request in chunks, each
contender with the chunk it is fastest with (polars eagerly, which beat lazy frames at both sizes). ``load_ms``: from
the text of a feature file never seen before, and the fitted inputs, to an evaluator that is ready.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from time import perf_counter

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table as RichTable
from sixty import (
    DEFINITIONS,
    Request,
    Table,
    draw,
    draw_request,
    feature_text,
    fill,
    fill_request,
    fitted_text,
    read_fitted,
)
from sixty_numpy import run_numpy
from sixty_polars import expressions, matrix, to_frame
from timing import Timing, interleaved, limit_threads

from searchrank.features import Evaluator, FeatureSet, Plan, Rows
from searchrank.native import ensure_built

Floats = npt.NDArray[np.float32]
Records = npt.NDArray[np.void]

ROWS = 200
REQUESTS = 16
ITEMS = 100_000
OFFLINE_ROWS = 200_000
CHUNKS = {"ours": 4_096, "numpy": 16_384, "polars": 65_536}
RELATIVE, ABSOLUTE = 1e-5, 1e-6


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, measure, print."""
    options = _options(arguments)
    ensure_built(Console(stderr=True).print)
    rng = np.random.default_rng(20_240_501)
    cases = [_Case.draw(rng, ROWS) for _ in range(REQUESTS)]
    differing = _compare(cases[0]) + _compare(_Case.draw(rng, 20_000))
    if differing:
        Console(stderr=True).print("\n".join(differing))
        return 1
    load, online = _load(), _online(rng, cases, options.seconds)
    offline = _offline(rng, options.rows)
    if "numba" in sys.modules:
        Console(stderr=True).print("numba was imported: loading a definition must compile nothing")
        return 1
    _show(online, offline, load)
    if options.json:
        print(json.dumps(_figures(online, offline, load)))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows computed offline by each contender")
    parser.add_argument("--seconds", type=float, default=8.0, help="time for the measurement of one request")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser.parse_args(arguments)


def load_evaluator(text: str, fitted: str) -> Evaluator:
    """Return an evaluator from the texts of a feature file and of fitted inputs."""
    return Evaluator(Plan.compile(FeatureSet.parse(text), read_fitted(fitted)))


@dataclass(frozen=True, slots=True)
class _Case:
    """The rows of one request in every contender's form."""

    table: Table
    request: Request
    frame: pl.DataFrame
    expressions: list[pl.Expr]

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int) -> _Case:
        table, request = draw(rng, n), draw_request(rng)
        return cls(table, request, to_frame(table), list(expressions(request).values()))

    def rows(self, feature_set: FeatureSet) -> Rows:
        nowhere = np.zeros(len(self.table), np.int64)
        request = fill_request(feature_set, self.request)
        return Rows(nowhere, request, nowhere, fill(feature_set, "candidate", self.table))

    def numpy(self) -> Floats:
        return run_numpy(self.table, self.request, np.empty((len(DEFINITIONS), len(self.table)), np.float32))

    def polars(self) -> pl.DataFrame:
        return self.frame.select(self.expressions)


def _compare(case: _Case) -> list[str]:
    """Return in words where numpy or polars have other values than ours."""
    evaluator = load_evaluator(feature_text("candidate"), fitted_text())
    feature_set = evaluator.plan.feature_set
    ours = evaluator.evaluate(evaluator.derive(feature_set.item_encoder.missing()), case.rows(feature_set))
    told = []
    for name, values in {"numpy": case.numpy(), "polars": matrix(case.polars())}.items():
        same = np.isclose(ours, values, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
        for column in np.flatnonzero(~same.all(axis=1)):
            row = int(np.flatnonzero(~same[column])[0])
            pair = f"ours {ours[column, row]!r}, {name} {values[column, row]!r}"
            told.append(f"f{column} ({DEFINITIONS[column].family}) differs in {(~same[column]).sum()} rows: {pair}")
    return told


def _load(texts: int = 40) -> Timing:
    """Time loading files that were never seen before."""
    fitted, seconds = fitted_text(), []
    for number in range(texts):
        text = feature_text("candidate", low=0.1 + number / 1_000)
        began = perf_counter()
        load_evaluator(text, fitted)
        seconds.append(perf_counter() - began)
    return Timing.of(seconds)


def _online(rng: np.random.Generator, cases: list[_Case], seconds: float) -> dict[str, Timing]:
    evaluator = load_evaluator(feature_text("candidate"), fitted_text())
    contenders: dict[str, Callable[[], object]] = {
        "ours": _turns([_sent(evaluator, case) for case in cases]),
        "ours, served": _served(rng, cases, fitted_text()),
        "ours, pair part": _served(rng, cases, _pair_part()),
        "numpy": _turns([case.numpy for case in cases]),
        "polars": _turns([case.polars for case in cases]),
    }
    return interleaved(contenders, seconds=seconds)


def _turns(calls: Sequence[Callable[[], object]]) -> Callable[[], object]:
    """Return a call that does the next request at each turn."""
    following = cycle(calls)

    def call() -> object:
        return next(following)()

    return call


def _sent(evaluator: Evaluator, case: _Case) -> Callable[[], object]:
    """Return a request whose columns all come with the candidates."""
    feature_set = evaluator.plan.feature_set
    block, rows = evaluator.derive(feature_set.item_encoder.missing()), case.rows(feature_set)
    return lambda: evaluator.evaluate(block, rows)


def _served(rng: np.random.Generator, cases: list[_Case], fitted: str) -> Callable[[], object]:
    """Return requests for random items of a catalogue whose item block is there."""
    evaluator = load_evaluator(feature_text("item"), fitted)
    feature_set = evaluator.plan.feature_set
    items = np.concatenate([fill(feature_set, "item", draw(rng, ITEMS)), feature_set.item_encoder.missing()])
    block, nowhere = evaluator.derive(items), np.zeros(ROWS, np.int64)
    candidates = feature_set.candidate_encoder.missing(ROWS)
    asked = [
        Rows(rng.integers(0, ITEMS, ROWS), fill_request(feature_set, case.request), nowhere, candidates)
        for case in cases
        for _ in range(REQUESTS)
    ]
    return _turns([lambda rows=rows: evaluator.evaluate(block, rows) for rows in asked])  # type: ignore[misc]


def _pair_part() -> str:
    inputs = json.loads(fitted_text())
    return json.dumps([part for part, definition in zip(inputs, DEFINITIONS, strict=True) if definition.is_pair])


def _offline(rng: np.random.Generator, rows: int) -> dict[str, Timing]:
    """Time passes over rows that fill no cache; the seconds are those of a row."""
    case = _Case.draw(rng, min(rows, OFFLINE_ROWS))
    n = len(case.table)
    passes = max(1, -(-rows // n))
    contenders = {"ours": _chunks_of_ours(case), "numpy": _chunks_of_numpy(case), "polars": _chunks_of_polars(case)}
    times = interleaved(contenders, seconds=0, least=passes)
    return {name: Timing(t.median / n, t.low / n, t.high / n, t.rounds) for name, t in times.items()}


def _cuts(n: int, chunk: int) -> list[tuple[int, int]]:
    return [(start, min(n, start + chunk)) for start in range(0, n, chunk)]


def _chunks_of_ours(case: _Case) -> Callable[[], object]:
    evaluator = load_evaluator(feature_text("candidate"), fitted_text())
    feature_set = evaluator.plan.feature_set
    block, rows = evaluator.derive(feature_set.item_encoder.missing()), case.rows(feature_set)
    cuts = _cuts(len(rows), CHUNKS["ours"])

    def run() -> None:
        for start, stop in cuts:
            evaluator.evaluate(block, rows.part(start, stop))

    return run


def _chunks_of_numpy(case: _Case) -> Callable[[], object]:
    cuts = _cuts(len(case.table), CHUNKS["numpy"])

    def run() -> None:
        for start, stop in cuts:
            out = np.empty((len(DEFINITIONS), stop - start), np.float32)
            run_numpy(case.table.part(start, stop), case.request, out)

    return run


def _chunks_of_polars(case: _Case) -> Callable[[], object]:
    cuts = _cuts(len(case.table), CHUNKS["polars"])

    def run() -> None:
        for start, stop in cuts:
            case.frame.slice(start, stop - start).select(case.expressions)

    return run


def _show(online: Mapping[str, Timing], offline: Mapping[str, Timing], load: Timing) -> None:
    console = Console()
    table = RichTable(title=f"{len(DEFINITIONS)} definitions, {ROWS} rows, one thread", title_justify="left")
    for heading in ("", "median us", "10 %", "99 %", "numpy / this"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, t in online.items():
        ratio = f"{online['numpy'].median / t.median:.2f}"
        table.add_row(name, f"{t.median * 1e6:,.0f}", f"{t.low * 1e6:,.0f}", f"{t.high * 1e6:,.0f}", ratio)
    console.print(table)
    table = RichTable(title="offline, one thread", title_justify="left")
    for heading in ("", "rows a second", "rows a chunk", "numpy / this"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, t in offline.items():
        ratio = f"{offline['numpy'].median / t.median:.2f}"
        table.add_row(name, f"{1 / t.median:,.0f}", f"{CHUNKS[name]:,}", ratio)
    console.print(table)
    console.print(
        f"A new feature file is ready after {load.median * 1e3:.1f} ms (median of {load.rounds} texts), 0 functions "
        f"compiled. numpy and polars express all {len(DEFINITIONS)} and agree with ours on all of them."
    )


def _figures(online: Mapping[str, Timing], offline: Mapping[str, Timing], load: Timing) -> dict[str, float | int]:
    return {
        "ours_us": round(online["ours"].median * 1e6, 1),
        "ours_served_us": round(online["ours, served"].median * 1e6, 1),
        "ours_pair_us": round(online["ours, pair part"].median * 1e6, 1),
        "numpy_us": round(online["numpy"].median * 1e6, 1),
        "polars_us": round(online["polars"].median * 1e6, 1),
        "offline_rows_per_s": round(1 / offline["ours"].median),
        "numpy_offline_rows_per_s": round(1 / offline["numpy"].median),
        "polars_offline_rows_per_s": round(1 / offline["polars"].median),
        "load_ms": round(load.median * 1e3, 2),
        "compiled_functions": 0,
        "definitions": len(DEFINITIONS),
        "polars_definitions": len(DEFINITIONS),
    }


if __name__ == "__main__":
    limit_threads()
    sys.exit(main())
