"""Random raw tables of the hostile kind: NaN, missing, unseen categories, empty lists, non-ASCII, extreme numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from searchrank.features import FeatureSet, Input, InputType, arrow_type, hash_text

__all__ = ["Tables", "draw", "read", "write"]

PAIRS_A_REQUEST: Final = 50

_EXTREMES: Final = (
    0.0,
    -0.0,
    1e-45,
    -1e-40,
    3.4e38,
    -3.4e38,
    float("inf"),
    float("-inf"),
    float("nan"),
    1e-35,
    0.5,
    3.0,
)
_WORDS: Final = (
    *("tea", "Tea", "thé", "the\u0301", "老灯笼", "火锅", "hot pot", "", " ", "ﬁsh", "straße", "İstanbul", "🍜 ramen"),
    *("none", "a b c d e f g h i j", "naïve", "Ω≈ç", "\u200bzero width"),
)


@dataclass(frozen=True, slots=True)
class Tables:
    """Raw rows: items, requests, and pairs of them.

    Attributes:
        items: ``item_id`` and item.* columns.
        requests: request-scope columns.
        pairs: ``item`` (row of ``items``; the number of items means unknown), ``request`` and candidate columns.
    """

    items: pa.Table
    requests: pa.Table
    pairs: pa.Table


def draw(feature_set: FeatureSet, pairs: int, *, seed: int = 11) -> Tables:
    """Draw tables of ``pairs`` pairs."""
    rng = np.random.default_rng(seed)
    items, requests = max(20, pairs // 20), max(3, pairs // PAIRS_A_REQUEST)
    item_columns = _columns(rng, feature_set.item_inputs, items)
    item_columns["item_id"] = pa.array([f"item-{k}" for k in range(items)])
    columns = _columns(rng, feature_set.candidate_inputs, pairs)
    columns["item"] = pa.array(rng.integers(0, items + 1, pairs))
    columns["request"] = pa.array(np.sort(rng.integers(0, requests, pairs)))
    return Tables(
        pa.table(item_columns), pa.table(_columns(rng, feature_set.request_inputs, requests)), pa.table(columns)
    )


def write(tables: Tables, folder: Path) -> None:
    """Write the tables as Parquet."""
    for name in ("items", "requests", "pairs"):
        table: pa.Table = getattr(tables, name)
        types = [pa.list_(t.value_type) if pa.types.is_fixed_size_list(t) else t for t in table.schema.types]
        pq.write_table(
            pa.table([c.cast(t) for c, t in zip(table.columns, types, strict=True)], table.column_names),
            folder / f"{name}.parquet",
        )


def read(folder: Path) -> Tables:
    """Read what ``write`` wrote."""
    return Tables(*(pq.read_table(folder / f"{name}.parquet") for name in ("items", "requests", "pairs")))


def _columns(rng: np.random.Generator, inputs: tuple[Input, ...], rows: int) -> dict[str, pa.Array]:
    return {i.name: pa.array(_values(rng, i, rows), arrow_type(i)) for i in inputs if not i.training_only}


def _values(rng: np.random.Generator, item: Input, rows: int) -> list[Any]:
    absent = rng.random(rows) < 0.1
    values = _present(rng, item, rows)
    return [None if gone else value for gone, value in zip(absent, values, strict=True)]


def _present(rng: np.random.Generator, item: Input, rows: int) -> list[Any]:  # noqa: PLR0911 (one for each type)
    match item.type:
        case InputType.FLOAT | InputType.SIGNAL:
            return _numbers(rng, rows)
        case InputType.CATEGORY | InputType.TOKENS:
            return _texts(rng, rows)
        case InputType.TIME:
            return [int(v) for v in rng.integers(0, 4_000_000_000_000_000, rows)]
        case InputType.POINT:
            return list(np.stack([rng.uniform(-90, 90, rows), rng.uniform(-180, 180, rows)], axis=1).tolist())
        case InputType.VECTOR:
            vectors = rng.normal(size=(rows, item.size))
            vectors[rng.random(rows) < 0.05] = 0.0
            return list(vectors.tolist())
        case InputType.LIST:
            texts = _texts(rng, rows * 8)
            return [texts[8 * k : 8 * k + n] for k, n in enumerate(rng.integers(0, 9, rows))]
        case InputType.MAP:
            texts, numbers = _texts(rng, rows * 8), _numbers(rng, rows * 8)
            pairs = list(zip(texts, numbers, strict=True))
            return [_one_a_key(pairs[8 * k : 8 * k + n]) for k, n in enumerate(rng.integers(0, 9, rows))]


def _one_a_key(pairs: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the last pair of each key: a wire map, made from a mapping, cannot repeat one in another spelling."""
    return list({hash_text(key): (key, value) for key, value in pairs}.values())


def _numbers(rng: np.random.Generator, rows: int) -> list[float]:
    values = rng.normal(size=rows) * 10.0 ** rng.uniform(-3, 4, rows)
    extreme = rng.random(rows) < 0.1
    values[extreme] = rng.choice(_EXTREMES, int(extreme.sum()))
    return [float(v) for v in values]


def _texts(rng: np.random.Generator, rows: int) -> list[str]:
    known = rng.integers(0, len(_WORDS), rows)
    unseen = rng.random(rows) < 0.1
    return [f"unseen {k}" if new else _WORDS[w] for k, (w, new) in enumerate(zip(known, unseen, strict=True))]
