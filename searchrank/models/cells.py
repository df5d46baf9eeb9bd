"""Record cells as Arrow columns and back, for values whose strings are gone: what a statistic lists are hashes.

The *stored* type of a kind; where it differs from ``arrow_type``, a golden column may have either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.features import Input, Kind, arrow_type
from searchrank.features.inputs import MISSING_TIME
from searchrank.features.text import MISSING_HASH

__all__ = ["fill_cells", "is_stored", "read_cells", "stored_type"]

Cells = npt.NDArray[Any]


def stored_type(item: Input) -> pa.DataType:
    """Return the Arrow type of an input's cells: strings are int64 hashes."""
    match item.kind:
        case Kind.CATEGORY:
            return pa.int64()
        case Kind.LIST:
            return pa.list_(pa.int64())
        case Kind.MAP:
            return pa.map_(pa.int64(), pa.float32())
        case _:
            return arrow_type(item)


def is_stored(item: Input, kind: pa.DataType) -> bool:
    """Return whether a column of this type holds cells, not raw values."""
    return bool(kind == stored_type(item) and kind != arrow_type(item))


def read_cells(item: Input, cells: Cells) -> pa.Array:
    """Return one field of encoded records as a column of the stored type.

    Args:
        item: The input.
        cells: ``records[item.name]``.
    """
    match item.kind:
        case Kind.NUMBER:
            return pa.array(cells.astype(np.float64), from_pandas=True)
        case Kind.CATEGORY:
            return pa.array(cells.copy(), mask=cells == MISSING_HASH)
        case Kind.TIME:
            return pa.array(cells.copy(), mask=cells == MISSING_TIME).cast(arrow_type(item))
        case Kind.POINT | Kind.VECTOR:
            return pa.FixedSizeListArray.from_arrays(pa.array(cells.reshape(-1)), cells.shape[1])
        case Kind.LIST | Kind.MAP:
            return _read_members(item, cells)


def _read_members(item: Input, cells: Cells) -> pa.Array:
    counts = np.maximum(cells["count"], 0)
    inside = np.arange(item.limit) < counts[:, None]
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    offsets = pa.array(ends, mask=np.append(cells["count"] < 0, False))
    if item.kind is Kind.LIST:
        return pa.ListArray.from_arrays(offsets, pa.array(cells["values"][inside]))
    keys, values = pa.array(cells["keys"][inside]), pa.array(cells["values"][inside])
    return pa.MapArray.from_arrays(offsets, keys, values)


def fill_cells(item: Input, out: Cells, column: pa.Array) -> None:
    """Put a column of the stored type back into records; policies were applied before it was stored.

    Args:
        item: A category, list or map input.
        out: ``records[item.name]``.
        column: What ``read_cells`` returned.
    """
    if item.kind is Kind.CATEGORY:
        out[:] = column.fill_null(MISSING_HASH).to_numpy(zero_copy_only=False)
        return
    offsets = column.offsets.to_numpy(zero_copy_only=False)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    counts = np.where(valid, np.minimum(np.diff(offsets), item.limit), -1)
    inside = np.arange(item.limit) < counts[:, None]
    source = (offsets[:-1, None] + np.arange(item.limit))[inside]
    parts = {"values": column.values} if item.kind is Kind.LIST else {"keys": column.keys, "values": column.items}
    for name, members in parts.items():
        out[name][:] = 0
        out[name][inside] = members.to_numpy(zero_copy_only=False)[source]
    out["count"] = counts
