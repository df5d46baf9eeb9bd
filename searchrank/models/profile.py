"""What each model column looked like in training, small enough to be compared while serving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["QUANTILES", "profile_columns"]

QUANTILES: Final = 65
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
