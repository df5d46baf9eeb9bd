"""What both servers of ``serve.py`` serve: a catalogue of 100,000 items, requests, and a forest of 500 trees.

136 model columns: the sixty definitions of ``sixty.py`` and 76 numbers of the item as they are. Everything is drawn
from fixed seeds, so that every process of the benchmark has the same world without handing it over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sixty import (
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

from searchrank.features import Evaluator, FeatureSet, Plan, Rows

__all__ = [
    "CANDIDATES",
    "ITEMS",
    "LEAVES",
    "MORE",
    "PACKED",
    "TREES",
    "WIDTH",
    "Asked",
    "Columns",
    "World",
    "compiled",
    "draw_asked",
    "draw_world",
    "evaluate",
    "item_id",
    "pack",
    "trained",
]

ITEMS: Final = 100_000
MORE: Final = 76
CANDIDATES: Final = 200
TREES: Final = 500
LEAVES: Final = 63
WIDTH: Final = 136
QUERIES: Final = 300
SHOWN: Final = 60
_PARAMETERS: Final = {
    "objective": "lambdarank",
    "num_leaves": LEAVES,
    "learning_rate": 0.05,
    "min_data_in_leaf": 20,
    "verbose": -1,
    "feature_fraction": 0.5,
    "num_threads": 1,  # more of them crawl as soon as anything else runs
    "seed": 1,
}

Floats = npt.NDArray[np.float32]

PACKED: Final = np.dtype(
    [
        ("numbers", "<f4", (20,)),
        ("more", "<f4", (MORE,)),
        ("vector", "<f4", (64,)),
        ("categories", "<i8", (6,)),
        ("words", "<i8", (8,)),
        ("place", "<f8", (2,)),
    ]
)
"""An item's row as the naive server keeps it: 768 bytes."""


@dataclass(frozen=True, slots=True)
class World:
    """The catalogue.

    Attributes:
        items: What the sixty definitions look at.
        more: ``(76, items)``, columns of the model as they are.
    """

    items: Table
    more: Floats


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: 200 distinct items to be ranked.

    Attributes:
        rows: Their rows in the catalogue, ``(200,)``.
        request: What came with them.
    """

    rows: npt.NDArray[np.int64]
    request: Request


def draw_world() -> World:
    """Draw the catalogue; the same every time."""
    rng = np.random.default_rng(11)
    items = draw(rng, ITEMS)
    more = rng.standard_normal((MORE, ITEMS), np.float32)
    more[:40] = np.exp(more[:40])
    more[rng.random(more.shape, np.float32) < 0.1] = np.nan
    return World(items, more)


def draw_asked(rng: np.random.Generator, candidates: int = CANDIDATES) -> Asked:
    """Draw one request."""
    return Asked(rng.choice(ITEMS, candidates, replace=False, shuffle=False), draw_request(rng))


def item_id(row: int) -> str:
    """Return the id of the item in a row of the catalogue."""
    return f"item-{row:06d}"


def pack(world: World) -> npt.NDArray[np.void]:
    """Return the catalogue as packed rows, ``(items,)``."""
    rows = np.zeros(ITEMS, PACKED)
    items = world.items
    rows["numbers"], rows["categories"], rows["more"] = items.numbers.T, items.categories.T, world.more.T
    rows["vector"], rows["words"], rows["place"] = items.vectors, items.words, items.places
    return rows


def compiled(width: int = WIDTH) -> Plan:
    """Return the plan of the first of the 136 columns."""
    return Plan.compile(FeatureSet.parse(feature_text("item", MORE)), read_fitted(fitted_text(MORE))[:width])


class Columns:
    """Computes the model's columns of a world's items."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._feature_set, self._evaluator = plan.feature_set, Evaluator(plan)
        records = fill(self._feature_set, "item", world.items)
        for number, values in enumerate(world.more):
            records[f"item.more_{number}"] = values
        self._block = self._evaluator.derive(np.concatenate([records, self._feature_set.item_encoder.missing()]))

    def of(self, requests: list[Request], rows: list[npt.NDArray[np.int64]]) -> Floats:
        """Return the columns of every request's items, ``(136, all)``."""
        asked = np.concatenate([fill_request(self._feature_set, request) for request in requests])
        numbers = np.repeat(np.arange(len(requests)), [len(part) for part in rows])
        flat = np.concatenate(rows)
        candidates = self._feature_set.candidate_encoder.missing(len(flat))
        return self._evaluator.evaluate(self._block, Rows(flat, asked, numbers, candidates))


def evaluate(world: World, plan: Plan, requests: list[Request], rows: list[npt.NDArray[np.int64]]) -> Floats:
    """Return the model's columns of every request's items once; see ``Columns``."""
    return Columns(world, plan).of(requests, rows)


def trained(
    world: World, announce: Callable[[str], None], leaves: int = LEAVES, *, trees: int = TREES, width: int = WIDTH
) -> Path:
    """Return the forest as LightGBM's text, trained once on the first columns and kept in the cache folder."""
    parameters = _PARAMETERS | {"num_leaves": leaves}
    columns, labels = _samples(world)
    columns = columns[:width]
    digest = hashlib.sha256(columns.tobytes() + labels.tobytes() + repr((trees, parameters)).encode()).hexdigest()
    path = _cache() / f"forest-{digest[:16]}.txt"
    if path.is_file():
        return path
    announce(f"training {trees} trees of {leaves} leaves, once")
    import lightgbm  # noqa: PLC0415 - two seconds that only the first run needs

    data = lightgbm.Dataset(columns.T, labels, group=np.full(QUERIES, SHOWN))
    booster = lightgbm.train(parameters, data, trees)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(booster.model_to_string(), encoding="utf-8")
    fresh.replace(path)
    return path


def _samples(world: World) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return training columns ``(136, n)`` and grades 0 to 4 by a hidden, partly nonlinear taste with noise."""
    rng = np.random.default_rng(12)
    requests = [draw_request(rng) for _ in range(QUERIES)]
    rows = [rng.choice(ITEMS, SHOWN, replace=False, shuffle=False) for _ in range(QUERIES)]
    columns = evaluate(world, compiled(), requests, rows)
    known = np.nan_to_num(columns.astype(np.float64))
    spread = known.std(axis=1, keepdims=True)
    scaled = (known - known.mean(axis=1, keepdims=True)) / np.where(spread == 0, 1, spread)
    weights = rng.normal(size=len(scaled)) * (rng.random(len(scaled)) < 0.5)
    pair = scaled[57:60]
    taste = weights @ scaled / 6 + np.sin(2 * scaled[0]) * scaled[70] + pair.sum(axis=0) * scaled[20] / 2
    taste += scaled[100] * scaled[101] + rng.normal(size=taste.shape)
    return columns, np.digitize(taste, np.quantile(taste, [0.5, 0.75, 0.9, 0.97]))


def _cache() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "searchrank"
    return Path(os.environ.get("SEARCHRANK_CACHE") or default) / "benchmarks"
