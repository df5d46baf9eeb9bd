"""Raw values of many answers, joined into one Arrow column of the declared type: whole columns, no object a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.features.inputs import MISSING_TIME, Input, InputType
from searchrank.features.records import arrow_type

__all__ = ["join"]

Parts = Sequence[Any]


def join(item: Input, parts: Parts) -> pa.Array:
    """Return raw columns, one after another, in the Arrow type of their input.

    Args:
        item: The input that all of them are of.
        parts: Each an Arrow array, a numpy array (a missing value is NaN throughout, of times ``MISSING_TIME``) or a
            list (a missing value is None).

    Returns:
        As long as all parts together; a missing value is null.
    """
    if not parts:
        return pa.array([], arrow_type(item))
    if all(isinstance(part, np.ndarray) for part in parts) and item.type in _FROM_NUMPY:
        return _FROM_NUMPY[item.type](item, np.concatenate(parts))
    if all(isinstance(part, list) for part in parts):
        return pa.array(list(chain.from_iterable(parts)), arrow_type(item))
    return pa.concat_arrays([_arrow(item, part) for part in parts])


def _arrow(item: Input, part: Any) -> pa.Array:
    if isinstance(part, np.ndarray) and item.type in _FROM_NUMPY:
        return _FROM_NUMPY[item.type](item, part)
    if isinstance(part, pa.Array):
        return part if part.type == arrow_type(item) else part.cast(arrow_type(item))
    return pa.array(part, arrow_type(item), from_pandas=isinstance(part, np.ndarray))


def _numbers(_item: Input, values: npt.NDArray[Any]) -> pa.Array:
    return pa.array(values.astype(np.float64, copy=False), from_pandas=True)


def _times(item: Input, values: npt.NDArray[Any]) -> pa.Array:
    missing = values == MISSING_TIME
    return pa.array(values, pa.int64(), mask=missing if missing.any() else None).cast(arrow_type(item))


def _rows(item: Input, values: npt.NDArray[Any]) -> pa.Array:
    """Return one fixed-size list a row."""
    wanted = arrow_type(item)
    missing = np.isnan(values).all(axis=1)
    flat = pa.array(np.ascontiguousarray(values).ravel(), wanted.value_type)
    return pa.FixedSizeListArray.from_arrays(flat, type=wanted, mask=pa.array(missing) if missing.any() else None)


_FROM_NUMPY: Final[dict[InputType, Callable[[Input, npt.NDArray[Any]], pa.Array]]] = {
    InputType.FLOAT: _numbers,
    InputType.SIGNAL: _numbers,
    InputType.TIME: _times,
    InputType.POINT: _rows,
    InputType.VECTOR: _rows,
}
