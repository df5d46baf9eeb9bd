"""``profile.arrow``: what the model's columns looked like in training, and what served rows looked like.

The first rows describe the training matrix. Rows with a ``source`` describe raw inputs and model columns of rows as a
surface would have served them (``likeness.py``): ``recalled`` by its branches, or ``sent`` by callers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.models.likeness import Column, Likeness
from searchrank.models.manifest import PROFILE

__all__ = ["QUANTILES", "RECALLED", "SENT", "profile_columns", "read_likenesses", "read_profile", "with_likenesses"]

QUANTILES: Final = 65
RECALLED: Final = "recalled"
SENT: Final = "sent"
_SCHEMA: Final = pa.schema(
    [
        ("column", pa.string()),
        ("count", pa.int64()),
        ("missing_share", pa.float64()),
        ("min", pa.float64()),
        ("max", pa.float64()),
        ("mean", pa.float64()),
        ("quantiles", pa.list_(pa.float64())),
    ]
)


_LIKENESS: Final = pa.schema(
    [
        ("column", pa.string()),
        ("source", pa.string()),
        ("edges", pa.list_(pa.float64())),
        ("values", pa.list_(pa.int64())),
        ("bins", pa.list_(pa.int64())),
        ("is_whole", pa.bool_()),
        ("shares", pa.list_(pa.float64())),
        ("low", pa.list_(pa.float64())),
        ("high", pa.list_(pa.float64())),
    ]
)


def with_likenesses(profile: pa.Table, likenesses: Mapping[str, Likeness]) -> pa.Table:
    """Add what served rows looked like to ``profile_columns``, by how they were found."""
    rows = [column.to_json() | {"source": s} for s, likeness in likenesses.items() for column in likeness.columns]
    return pa.concat_tables([profile, pa.Table.from_pylist(rows, schema=_LIKENESS)], promote_options="default")


def read_likenesses(folder: Path) -> dict[str, Likeness]:
    """Return what served rows looked like to the training of a release; nothing in releases that did not ask.

    Raises:
        ArrowInvalid: When the file is no table; a release that was opened has proved that it is one.
    """
    with pa.OSFile(str(folder / PROFILE)) as file, pa.ipc.open_file(file) as reader:
        table = reader.read_all()
    if "source" not in table.column_names:
        return {}
    found: dict[str, list[Column]] = {}
    for row in table.filter(pc.is_valid(table.column("source"))).to_pylist():
        found.setdefault(row["source"], []).append(Column.from_json(row))
    return {source: Likeness(columns) for source, columns in found.items()}


def profile_columns(names: Sequence[str], columns: npt.NDArray[np.float32]) -> pa.Table:
    """Describe a training matrix.

    Args:
        names: Name of each column.
        columns: Shape ``(f, n)``; NaN is missing.

    Returns:
        A row per column: ``column``, ``count`` (rows), ``missing_share`` (0 to 1), ``min``, ``max`` and ``mean`` of
        the known values (null when there is none) and ``quantiles``, the ``QUANTILES`` values at shares 0, 1/64, … 1.
    """
    rows = [_describe(name, column) for name, column in zip(names, columns, strict=True)]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def read_profile(folder: Path) -> pa.Table:
    """Return what the training matrix of a release looked like, by its folder; see ``profile_columns``."""
    with pa.memory_map(str(folder / PROFILE)) as source:
        table = pa.ipc.open_file(source).read_all()
    return table if "source" not in table.column_names else table.filter(pc.is_null(table.column("source")))


def _describe(name: str, column: npt.NDArray[np.float32]) -> dict[str, object]:
    known = column[~np.isnan(column)].astype(np.float64)
    share = 1.0 - known.size / column.size if column.size else 0.0
    row: dict[str, object] = {"column": name, "count": column.size, "missing_share": share}
    if known.size:
        places = np.linspace(0.0, 1.0, QUANTILES)
        quantiles = np.quantile(known, places, method="inverted_cdf")
        row |= {"min": float(known.min()), "max": float(known.max()), "quantiles": quantiles.tolist()}
        with np.errstate(invalid="ignore"):  # infinities of both signs have no mean
            row |= {"mean": float(known.mean())}
    return row
