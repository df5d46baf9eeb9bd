"""How long does a forest take beside LightGBM and ONNX Runtime, and do random models get LightGBM's very bits?

Run as ``python benchmarks/forest.py [--fuzz N] [--leaves N ...] [--json]``. Forests of 500 trees over the 136 columns
of ``serve_world.py`` score 100, 200 and 1,000 rows on one thread. The others read float32 rows, ours reads
float32 columns; *pre-binned* reads, as a server does of columns that depend on the item alone, records of items that
were binned beforehand, found by item number. The order of the contenders is drawn anew at each turn. A second forest
has 16 categories of 200 values among its columns; ONNX Runtime has no such splits. ONNX Runtime takes part where
``onnx`` and ``onnxruntime`` are installed.

Before that, ``--fuzz`` random models of all kinds are trained and their scores, from floats and from bins, compared
with LightGBM's raw ones. One differing bit ends the benchmark with status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt
from forest_fuzz import Fuzz
from forest_models import Drawn, differing, differing_binned, draw_model
from forest_onnx import installed, onnx_scoring
from rich.console import Console
from rich.table import Table
from serve_world import LEAVES, TREES, World, compiled, draw_asked, draw_world, evaluate, trained
from timing import Timing, interleaved, limit_threads

from searchrank.models import Forest
from searchrank.native import ensure_built

ROWS: Final = (100, 200, 1000)
OTHERS: Final = (15, 31, 127, 255, 1000)
BLOCKS: Final = 8
NAMES: Final = {"lightgbm": "LightGBM", "onnxruntime": "ONNX Runtime", "ours": "ours", "prebinned": "pre-binned"}
RATIOS: Final = (("lightgbm", "ours"), ("lightgbm", "prebinned"), ("onnxruntime", "ours"))
CATEGORIES: Final = 16
CODES: Final = 200

Floats = npt.NDArray[np.float32]
Times = Mapping[str, Timing]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, measure, print."""
    options = _options(arguments)
    console = Console(stderr=True)
    ensure_built(console.print)
    fuzz = Fuzz()
    for seed in range(options.fuzz):
        fuzz.add(draw_model(seed))
    world = draw_world()
    columns = _columns(world)
    tables: dict[str, dict[int, Times]] = {}
    for leaves in [LEAVES, *options.leaves]:
        text = trained(world, console.print, leaves).read_text(encoding="utf-8")
        tables[str(leaves)] = _measured(text, columns, fuzz, options.seconds)
    if options.categories:
        coded, text = _categorical(columns)
        tables["categories"] = _measured(text, coded, fuzz, options.seconds)
    _show(tables, fuzz)
    if options.json:
        print(json.dumps(_figures(tables, fuzz)))
    return 1 if fuzz.differing else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fuzz", type=int, default=2_000, help="random models to compare")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each forest and number of rows")
    parser.add_argument("--leaves", type=int, nargs="*", default=OTHERS, help=f"leaves a tree, beside {LEAVES}")
    parser.add_argument("--categories", action=argparse.BooleanOptionalAction, default=True, help="a forest with some")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser.parse_args(arguments)


def _columns(world: World) -> Floats:
    """Return the model's columns of real requests, ``(136, 8 * 1000)``."""
    rng = np.random.default_rng(21)
    asked = [draw_asked(rng) for _ in range(BLOCKS * ROWS[-1] // 200)]
    return evaluate(world, compiled(), [each.request for each in asked], [each.rows for each in asked])


def _categorical(columns: Floats) -> tuple[Floats, str]:
    """Return the columns with the first ones as categories, and a forest that takes them for such."""
    rng = np.random.default_rng(22)
    coded = columns.copy()
    for column in coded[:CATEGORIES]:
        ranks = np.argsort(np.argsort(np.nan_to_num(column) + rng.normal(size=len(column)) * 1e-6))
        column[:] = rng.permutation(CODES)[ranks * CODES // len(column)]
        column[rng.random(len(column)) < 0.02] = np.nan
    effects = rng.normal(size=(CATEGORIES, CODES))
    known = np.nan_to_num(coded[:CATEGORIES]).astype(np.int64)
    taste = np.take_along_axis(effects, known, axis=1).sum(axis=0)
    taste += np.nan_to_num(columns[70]) * 0.1 + rng.normal(size=taste.shape)
    chosen = {"objective": "regression", "num_leaves": LEAVES, "min_data_in_leaf": 5, "verbose": -1, "seed": 1}
    data = lightgbm.Dataset(np.ascontiguousarray(coded.T), taste, categorical_feature=list(range(CATEGORIES)))
    return coded, lightgbm.train(chosen, data, TREES).model_to_string()


def _measured(text: str, columns: Floats, fuzz: Fuzz, seconds: float) -> dict[int, Times]:
    """Compare a forest's scores to the bit and time all contenders on blocks of rows."""
    forest, drawn = Forest.parse(text), Drawn(text, np.ascontiguousarray(columns.T), frozenset())
    fuzz.differing += differing(drawn, forest) + differing_binned(drawn, forest)
    return {rows: _times(text, forest, columns, rows, seconds) for rows in ROWS}


def _times(text: str, forest: Forest, columns: Floats, rows: int, seconds: float) -> Times:
    rng = np.random.default_rng(rows)
    numbers = [rng.choice(columns.shape[1], rows, replace=False) for _ in range(BLOCKS)]
    parts = [np.ascontiguousarray(columns[:, block]) for block in numbers]
    flat = [np.ascontiguousarray(part.T) for part in parts]
    booster, binned = lightgbm.Booster(model_str=text), forest.binned(range(len(columns)))
    items, nothing = binned.prepare(columns), np.empty((0, rows), np.float32)
    contenders = {
        "lightgbm": _turns(lambda block: booster.predict(block, raw_score=True, num_threads=1), flat),
        "ours": _turns(forest.score, parts),
        "prebinned": _turns(lambda block: binned.score(nothing, items, block), numbers),
    }
    onnx = onnx_scoring(text) if installed() else None
    if onnx is not None:
        contenders["onnxruntime"] = _turns(onnx, flat)
    return interleaved(contenders, seconds=seconds)


def _turns(call: Callable[[Any], object], blocks: Sequence[Any]) -> Callable[[], object]:
    """Return a call that takes the next block at each turn."""
    following = cycle(blocks)
    return lambda: call(next(following))


def _show(tables: Mapping[str, Mapping[int, Times]], fuzz: Fuzz) -> None:
    console = Console(width=120)
    shown = Table(title=f"{TREES} trees, 136 columns, one thread, median ms", title_justify="left")
    for name in ("leaves", "rows", *NAMES.values(), *(f"{NAMES[a]} / {NAMES[b]}" for a, b in RATIOS)):
        shown.add_column(name, justify="right")
    for forest, by_rows in tables.items():
        label = f"{LEAVES}, {CATEGORIES} categories" if forest == "categories" else forest
        for rows, times in by_rows.items():
            shown.add_row(label, f"{rows:,}", *_cells(times))
    console.print(shown)
    console.print(fuzz.table())


def _cells(times: Times) -> Iterator[str]:
    for name in NAMES:
        yield f"{times[name].median * 1e3:.2f}" if name in times else "-"
    for slow, fast in RATIOS:
        yield f"{times[slow].median / times[fast].median:.1f}" if slow in times else "-"


def _figures(tables: Mapping[str, Mapping[int, Times]], fuzz: Fuzz) -> dict[str, Any]:
    def lines(by_rows: Mapping[int, Times]) -> dict[str, dict[str, float | None]]:
        return {
            str(rows): {f"{n}_ms": round(times[n].median * 1e3, 3) if n in times else None for n in NAMES}
            for rows, times in by_rows.items()
        }

    return {
        "rows": lines(tables[str(LEAVES)]),
        "leaves": {name: lines(by_rows) for name, by_rows in tables.items() if name not in {str(LEAVES), "categories"}},
        "categories": lines(tables.get("categories", {})),
        "differing_bits": fuzz.differing,
        "fuzz_models": fuzz.models,
        "native_models": fuzz.native,
        "library_models": fuzz.library,
        "fuzz_scores": fuzz.scores,
        "native_by_kind": dict(fuzz.kinds),
    }


if __name__ == "__main__":
    limit_threads()
    sys.exit(main())
