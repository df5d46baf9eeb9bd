"""Raw columns of single changes into one Arrow column over all of them, null where a change says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from searchrank.features.inputs import MISSING_TIME, Input, InputType
from searchrank.features.records import arrow_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["scatter"]


def scatter(pieces: Sequence[tuple[int, Any]], declared: Input, rows: int) -> pa.Array:
    """Return one input's column.

    Args:
        pieces: Row and raw column of length 1, as ``predictor.columns.decode`` gives it; rows ascend.
        declared: The input.
        rows: Length of the column.

    Returns:
        Length ``rows``, of the input's Arrow type; null where there is no piece and where its value is missing.
    """
    wanted = arrow_type(declared)
    values = _JOINS[declared.type]([raw for _, raw in pieces], declared).cast(wanted)
    if len(pieces) == rows:
        return values
    places = np.full(rows, -1, np.int64)
    places[[row for row, _ in pieces]] = np.arange(len(pieces))
    return values.take(pa.array(places, mask=places < 0))


def _numbers(pieces: list[Any], _declared: Input) -> pa.Array:
    return pa.array([value for piece in pieces for value in piece], pa.float64())


def _texts(pieces: list[Any], _declared: Input) -> pa.Array:
    return pa.array([text for piece in pieces for text in piece], pa.string())


def _times(pieces: list[Any], _declared: Input) -> pa.Array:
    values = np.concatenate(pieces)
    return pa.array(values, mask=values == MISSING_TIME)


def _places(pieces: list[Any], declared: Input) -> pa.Array:
    values = np.concatenate(pieces)
    missing = pa.array(np.isnan(values).all(axis=1))
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), type=arrow_type(declared), mask=missing)


def _joined(pieces: list[Any], _declared: Input) -> pa.Array:
    return pa.concat_arrays(pieces)


_JOINS: Final[dict[InputType, Callable[[list[Any], Input], pa.Array]]] = {
    InputType.FLOAT: _numbers,
    InputType.SIGNAL: _numbers,
    InputType.CATEGORY: _texts,
    InputType.TOKENS: _texts,
    InputType.TIME: _times,
    InputType.POINT: _places,
    InputType.VECTOR: _places,
    InputType.LIST: _joined,
    InputType.MAP: _joined,
}
