"""How long does a forest take beside LightGBM and ONNX Runtime, and do random models get LightGBM's very bits?

Run as ``python benchmarks/forest.py [--fuzz N] [--leaves N ...] [--json]``. The forest of ``serve_world.py``, 500 trees
of 63 leaves over 136 columns, scores 100, 200 and 1,000 rows on one thread; every contender reads the float32 values in
the order it likes best, others at each turn. ONNX Runtime takes part where ``onnxruntime`` and ``onnxmltools`` are
installed. Before that, ``--fuzz`` random models of all kinds are trained and their scores compared with LightGBM's raw
ones; a model our engine refuses is counted, not hidden. One differing bit ends the benchmark with status 1.
``prebinned_ms`` is null: scoring columns that were binned beforehand does not exist yet.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
from forest_models import KINDS, Drawn, differing, draw_model
from rich.console import Console
from rich.table import Table
from serve_world import LEAVES, TREES, World, compiled, draw_asked, draw_world, evaluate, trained
from timing import Timing, interleaved, limit_threads

from searchrank.errors import DataError
from searchrank.models import Forest
from searchrank.native import ensure_built

ROWS = (100, 200, 1000)
BLOCKS = 8
NAMES = {"lightgbm": "LightGBM", "onnxruntime": "ONNX Runtime", "ours": "ours"}

Floats = npt.NDArray[np.float32]
Times = Mapping[str, Timing]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, measure, print."""
    options = _options(arguments)
    console = Console(stderr=True)
    ensure_built(console.print)
    fuzz = _Fuzz()
    for seed in range(options.fuzz):
        fuzz.add(draw_model(seed))
    world = draw_world()
    columns = _columns(world)
    rows = {}
    table: dict[int, dict[str, Timing]] = {}
    for leaves in [LEAVES, *options.leaves]:
        text = trained(world, console.print, leaves).read_text(encoding="utf-8")
        whole = np.ascontiguousarray(columns.T)
        fuzz.differing += differing(Drawn(text, whole, frozenset()), Forest.parse(text))
        if leaves == LEAVES:
            rows = {n: _times(text, columns, n, options.seconds) for n in ROWS}
        else:
            table[leaves] = _times(text, columns, 200, options.seconds)
    _show(rows, table, fuzz)
    if options.json:
        print(json.dumps(_figures(rows, table, fuzz)))
    return 1 if fuzz.differing else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fuzz", type=int, default=2_000, help="random models to compare")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each number of rows")
    parser.add_argument("--leaves", type=int, nargs="*", default=[], help="further forests, 200 rows, by leaves a tree")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser.parse_args(arguments)


@dataclass(slots=True)
class _Fuzz:
    """What became of the random models.

    Attributes:
        models: Number of them.
        scores: Raw scores compared.
        differing: Scores that differ in a bit.
        refused: Models that the engine refuses, by its message.
        native: Models that it scores.
        kinds: Native models of each kind.
        wrong: Differing scores of each kind.
    """

    models: int = 0
    scores: int = 0
    differing: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    native: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, drawn: Drawn) -> None:
        """Compare one model."""
        self.models += 1
        try:
            forest = Forest.parse(drawn.text)
        except DataError as error:
            self.refused[str(error).partition(": ")[0].partition(" is ")[2] or str(error)] += 1
            return
        self.native += 1
        self.scores += forest.classes * len(drawn.rows)
        self.kinds.update(drawn.kinds)
        found = differing(drawn, forest)
        self.differing += found
        self.wrong.update(dict.fromkeys(drawn.kinds, found))


def _columns(world: World) -> Floats:
    """Return the model's columns of real requests, ``(136, 8 * 1000)``."""
    rng = np.random.default_rng(21)
    asked = [draw_asked(rng) for _ in range(BLOCKS * ROWS[-1] // 200)]
    return evaluate(world, compiled(), [each.request for each in asked], [each.rows for each in asked])


def _times(text: str, columns: Floats, rows: int, seconds: float) -> dict[str, Timing]:
    """Time all contenders on blocks of so many rows."""
    parts = [columns[:, k * rows : (k + 1) * rows] for k in range(BLOCKS)]
    flat = [np.ascontiguousarray(part.T) for part in parts]
    booster, forest = lightgbm.Booster(model_str=text), Forest.parse(text)
    contenders = {
        "lightgbm": _turns(lambda block: booster.predict(block, raw_score=True, num_threads=1), flat),
        "ours": _turns(forest.score, [np.ascontiguousarray(part) for part in parts]),
    }
    if _onnx_installed():
        contenders["onnxruntime"] = _turns(_onnx(booster, columns.shape[0]), flat)
    return interleaved(contenders, seconds=seconds)


def _turns(call: Callable[[Floats], object], blocks: Sequence[Floats]) -> Callable[[], object]:
    """Return a call that takes the next block at each turn."""
    following = cycle(blocks)
    return lambda: call(next(following))


def _onnx_installed() -> bool:
    return all(find_spec(name) is not None for name in ("onnxruntime", "onnxmltools"))


def _onnx(booster: lightgbm.Booster, width: int) -> Callable[[Floats], object]:
    """Return ONNX Runtime's scoring of the same trees, one thread."""
    import onnxruntime  # noqa: PLC0415 - may not be installed
    from onnxmltools import convert_lightgbm  # noqa: PLC0415
    from onnxmltools.convert.common.data_types import FloatTensorType  # noqa: PLC0415

    model = convert_lightgbm(booster, initial_types=[("x", FloatTensorType([None, width]))])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [session.get_outputs()[0].name]
    return lambda block: session.run(names, {"x": block})


def _show(rows: Mapping[int, Times], table: Mapping[int, Times], fuzz: _Fuzz) -> None:
    console = Console()
    for title, part in ((f"{TREES} trees of {LEAVES} leaves, by rows", rows), ("200 rows, by leaves", table)):
        if part:
            console.print(_timings(f"{title}, one thread, median ms", part))
    shown = Table(title=f"{fuzz.models:,} random models, {fuzz.scores:,} raw scores", title_justify="left")
    for heading in ("native models that have", "models", "differing bits"):
        shown.add_column(heading, justify="left" if heading.startswith("native") else "right")
    for kind in KINDS:
        if kind != "linear":
            shown.add_row(kind, f"{fuzz.kinds[kind]:,}", f"{fuzz.wrong[kind]:,}")
    shown.add_row("any", f"{fuzz.native:,}", f"{fuzz.differing:,}")
    console.print(shown)
    for reason, count in fuzz.refused.items():
        console.print(f"refused: {count} ({reason})")


def _timings(title: str, part: Mapping[int, Times]) -> Table:
    shown = Table(title=title, title_justify="left")
    shown.add_column("")
    for name in (*NAMES.values(), "LightGBM / ours", "ONNX Runtime / ours"):
        shown.add_column(name, justify="right")
    for number, times in part.items():
        shown.add_row(f"{number:,}", *_cells(times))
    return shown


def _cells(times: Times) -> Iterator[str]:
    for name in NAMES:
        yield f"{times[name].median * 1e3:.2f}" if name in times else "not installed"
    for name in ("lightgbm", "onnxruntime"):
        yield f"{times[name].median / times['ours'].median:.1f}" if name in times else "-"


def _figures(rows: Mapping[int, Times], table: Mapping[int, Times], fuzz: _Fuzz) -> dict[str, Any]:
    def line(times: Times) -> dict[str, float | None]:
        known = {f"{name}_ms": round(times[name].median * 1e3, 3) if name in times else None for name in NAMES}
        return {**known, "prebinned_ms": None}

    return {
        "rows": {str(number): line(times) for number, times in rows.items()},
        "leaves": {str(number): line(times) for number, times in table.items()},
        "differing_bits": fuzz.differing,
        "fuzz_models": fuzz.models,
        "native_models": fuzz.native,
        "fuzz_scores": fuzz.scores,
        "native_by_kind": {kind: fuzz.kinds[kind] for kind in KINDS},
        "refused": dict(fuzz.refused),
    }


if __name__ == "__main__":
    limit_threads()
    sys.exit(main())
