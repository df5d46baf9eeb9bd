"""What a conversion gives: values, and which rows could not be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Converted", "Mask", "both", "fine", "texts_of"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Converted:
    """Values, and which rows could not be read.

    Attributes:
        values: Null where there is no value or it could not be read.
        bad: (n,) whether a row has a value that could not be read.
        wanted: What was expected there, in words.
    """

    values: pa.Array
    bad: Mask
    wanted: str = ""


def fine(values: pa.Array) -> Converted:
    """Return values that could all be read."""
    return Converted(values, np.zeros(len(values), np.bool_))


def texts_of(array: pa.Array) -> pa.Array:
    """Return values as text: whole numbers without a point, dates as ISO 8601, lists as they print."""
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_floating(kind):
        return _float_texts(array)
    if pa.types.is_nested(kind):
        return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def _float_texts(array: pa.Array) -> pa.Array:
    """Return ``7`` for 7.0: tables with gaps keep whole numbers as floats."""
    known = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    values = known.fill_null(0.5).to_numpy(zero_copy_only=False).astype(np.float64)
    whole = (values == np.floor(values)) & (np.abs(values) < 2**53)
    as_int = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pa.array(whole), as_int, known.cast(pa.string()))


def both(left: pa.Array, right: pa.Array) -> Mask:
    """Return where both hold; unknown is no."""
    known = pc.fill_null(pc.and_(left, right), fill_value=False)
    return np.asarray(known.to_numpy(zero_copy_only=False), np.bool_)
