"""Points and vectors: several numbers that are one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trainer.importing.converted import Converted, texts_of
from trainer.importing.quantity import read_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.importing.column import Column

__all__ = ["read_point", "read_vector"]


def read_point(column: Column, given: Sequence[pa.Array]) -> Converted:
    """Return points of two columns, or of one that holds both."""
    parts = _numbers_beside(column, given, 2)
    latitude, longitude = (part.values.fill_null(np.nan).to_numpy(zero_copy_only=False) for part in parts)
    absent = np.isnan(latitude) | np.isnan(longitude)
    with np.errstate(invalid="ignore"):
        outside = (np.abs(latitude) > 90) | (np.abs(longitude) > 180)
    bad = parts[0].bad | parts[1].bad | outside
    flat = np.stack([latitude, longitude], axis=1).reshape(-1)
    made = pa.FixedSizeListArray.from_arrays(pa.array(flat), 2, mask=pa.array(absent | bad))
    return Converted(made, bad, "a latitude from -90 to 90 and a longitude from -180 to 180, in this order")


def read_vector(column: Column, given: Sequence[pa.Array]) -> Converted:
    """Return vectors of several columns, or of one that holds them."""
    if len(given) == 1:
        return _vector_of_one(column, given[0])
    parts = _numbers_beside(column, given, len(given))
    matrix = np.stack([part.values.fill_null(np.nan).to_numpy(zero_copy_only=False) for part in parts], axis=1)
    bad = np.logical_or.reduce([part.bad for part in parts])
    absent = bad | ~np.isfinite(matrix).all(axis=1)
    flat = pa.array(matrix.reshape(-1).astype(np.float32))
    return Converted(pa.FixedSizeListArray.from_arrays(flat, len(given), mask=pa.array(absent)), bad, "numbers")


def _vector_of_one(column: Column, array: pa.Array) -> Converted:
    """Return vectors that one column holds, as lists or as text; the first one says how long they are."""
    lists = array.to_pylist() if pa.types.is_nested(array.type) else _split(array, column.sep or ",")
    size = next((len(one) for one in lists if one), 1)
    made = [_floats(one, size) for one in lists]
    bad = np.fromiter((one is not None and v is None for one, v in zip(lists, made, strict=True)), np.bool_, len(lists))
    return Converted(pa.array(made, pa.list_(pa.float32(), size)), bad, f"{size} numbers")


def _floats(parts: Sequence[Any] | None, size: int) -> list[float] | None:
    if parts is None or len(parts) != size:
        return None
    try:
        return [float(part) for part in parts]
    except (TypeError, ValueError):
        return None


def _split(array: pa.Array, sep: str) -> list[list[str] | None]:
    return [None if t is None else t.strip("[]() ").split(sep) for t in texts_of(array).to_pylist()]


def _numbers_beside(column: Column, given: Sequence[pa.Array], count: int) -> list[Converted]:
    """Return the numbers of several columns, or the parts of one."""
    if len(given) == count:
        return [read_numbers(array) for array in given]
    array = given[0]
    parts = array.to_pylist() if pa.types.is_nested(array.type) else _split(array, column.sep or ",")
    wrong = np.fromiter((one is not None and len(one) != count for one in parts), np.bool_, len(parts))
    texts = [
        pa.array([None if one is None or len(one) != count else str(one[k]).strip() for one in parts], pa.string())
        for k in range(count)
    ]
    return [Converted(c.values, c.bad | wrong, c.wanted) for c in map(read_numbers, texts)]
