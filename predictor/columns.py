"""Wire columns into raw columns: each is checked against the input it names, whole columns at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import RequestError
from searchrank.features.inputs import MISSING_TIME, Input, InputType

if TYPE_CHECKING:
    from collections.abc import Callable

    from searchrank.v1 import ranking_pb2

__all__ = ["MAX_TEXT_BYTES", "decode"]

MAX_TEXT_BYTES: Final = 65_536

Raw: TypeAlias = Any  # what Encoder.encode takes: a numpy or Arrow array, or a list of texts
Validity: TypeAlias = npt.NDArray[np.bool_] | None


def decode(column: ranking_pb2.Column, declared: Input, *, rows: int, field: str) -> Raw:
    """Return a wire column as the raw column that ``Encoder.encode`` takes.

    Args:
        column: As sent.
        declared: The input that the column names.
        rows: Values the column must hold.
        field: What a refusal calls the column.

    Returns:
        ``rows`` values; a missing one is NaN, None or null as the type has it. A single number is a list.

    Raises:
        RequestError: When the kind of values, their number, the validity bitmap or a value is wrong.
    """
    wanted, decoder = _DECODERS[declared.type]
    sent = column.WhichOneof("values")
    if sent != wanted:
        raise RequestError(f"is of type {declared.type}, send {wanted} instead of {sent or 'nothing'}", field=field)
    return decoder(getattr(column, wanted), _Wanted(declared, rows, _validity(column.validity, rows, field), field))


class _Wanted:
    """What a column must be, and the words to refuse it with."""

    __slots__ = ("declared", "field", "rows", "validity")

    def __init__(self, declared: Input, rows: int, validity: Validity, field: str) -> None:
        self.declared = declared
        self.rows = rows
        self.validity = validity
        self.field = field

    def count(self, values: int, *, width: int = 1, what: str = "values") -> None:
        """Refuse another number of values than there are rows.

        Raises:
            RequestError: When the numbers differ.
        """
        if values != self.rows * width:
            each = f", {width} for each of {self.rows}" if width > 1 else ""
            raise RequestError(f"holds {values} {what}, expected {self.rows * width}{each}", field=self.field)

    def finite(self, values: npt.NDArray[Any], *, width: int = 1) -> None:
        """Refuse infinite numbers where the validity bitmap says present; NaN is a missing value.

        Raises:
            RequestError: When a present value is infinite.
        """
        infinite = np.isinf(values)
        if np.count_nonzero(infinite):
            rows = np.flatnonzero(infinite) // width
            present = rows if self.validity is None else rows[self.validity[rows]]
            if len(present):
                raise RequestError(f"value {present[0]} is infinite; send NaN for missing", field=self.field)

    @property
    def mask(self) -> pa.Array | None:
        """True where a value is missing, as Arrow constructors want it."""
        return None if self.validity is None else pa.array(~self.validity)


def _validity(bitmap: bytes, rows: int, field: str) -> Validity:
    if not bitmap:
        return None
    if len(bitmap) != (rows + 7) // 8:
        raise RequestError(f"validity is {len(bitmap)} bytes, {rows} values need {(rows + 7) // 8}", field=field)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), count=rows, bitorder="little")
    return bits.astype(np.bool_)


def _doubles(sent: ranking_pb2.DoubleColumn, wanted: _Wanted) -> Raw:
    if wanted.rows == 1 == len(sent.values):  # of a request: no array for a number
        value = sent.values[0]
        if math.isnan(value) or (wanted.validity is not None and not wanted.validity[0]):
            return [None]
        if not math.isinf(value):
            return [value]
    values = np.array(sent.values, np.float64)
    wanted.count(len(values))
    wanted.finite(values)
    if wanted.validity is not None:
        values[~wanted.validity] = np.nan
    return values


def _strings(sent: ranking_pb2.StringColumn, wanted: _Wanted) -> Raw:
    texts = list(sent.values)
    wanted.count(len(texts))
    _check_texts(texts, wanted)
    if wanted.validity is None:
        return texts
    return [text if there else None for text, there in zip(texts, wanted.validity.tolist(), strict=True)]


def _check_texts(texts: list[str], wanted: _Wanted) -> None:
    longest = max(map(len, texts), default=0)
    if longest * 4 > MAX_TEXT_BYTES and max(len(text.encode()) for text in texts) > MAX_TEXT_BYTES:
        raise RequestError(f"holds a text longer than {MAX_TEXT_BYTES:,} bytes", field=wanted.field)


def _times(sent: ranking_pb2.TimeColumn, wanted: _Wanted) -> Raw:
    values = np.array(sent.values, np.int64)
    wanted.count(len(values))
    if wanted.validity is not None:
        values[~wanted.validity] = MISSING_TIME
    return values


def _points(sent: ranking_pb2.PointColumn, wanted: _Wanted) -> Raw:
    values = np.array(list(sent.coordinates), np.float64)
    wanted.count(len(values), width=2, what="coordinates")
    wanted.finite(values, width=2)
    return _rows(values.reshape(-1, 2), wanted)


def _vectors(sent: ranking_pb2.VectorColumn, wanted: _Wanted) -> Raw:
    size = wanted.declared.size
    if sent.size != size:
        raise RequestError(f"vectors have size {sent.size}, expected {size}", field=wanted.field)
    values = np.array(list(sent.values), np.float32)
    wanted.count(len(values), width=size, what="numbers")
    wanted.finite(values, width=size)
    return _rows(values.reshape(-1, size), wanted)


def _rows(values: npt.NDArray[Any], wanted: _Wanted) -> Raw:
    """Return one row a value, a missing one NaN throughout."""
    if wanted.validity is not None:
        values[~wanted.validity] = np.nan
    return values


def _offsets(sent: list[int], members: int, wanted: _Wanted) -> pa.Array:
    offsets = np.array(sent, np.int64)
    wanted.count(len(offsets) - 1, what="values (one fewer than offsets)")
    if offsets[0] != 0 or offsets[-1] != members or (np.diff(offsets) < 0).any():
        raise RequestError(f"offsets must ascend from 0 to {members}, the number of members", field=wanted.field)
    return pa.array(offsets.astype(np.int32))


def _lists(sent: ranking_pb2.ListColumn, wanted: _Wanted) -> Raw:
    members = list(sent.members)
    _check_texts(members, wanted)
    offsets = _offsets(list(sent.offsets), len(members), wanted)
    return pa.ListArray.from_arrays(offsets, pa.array(members, pa.string()), mask=wanted.mask)


def _maps(sent: ranking_pb2.MapColumn, wanted: _Wanted) -> Raw:
    keys = list(sent.keys)
    values = np.array(sent.values, np.float32)
    if len(keys) != len(values):
        raise RequestError(f"holds {len(keys)} keys and {len(values)} values", field=wanted.field)
    _check_texts(keys, wanted)
    offsets = _offsets(list(sent.offsets), len(keys), wanted)
    return pa.MapArray.from_arrays(offsets, pa.array(keys, pa.string()), pa.array(values), mask=wanted.mask)


_DECODERS: Final[dict[InputType, tuple[str, Callable[[Any, _Wanted], Raw]]]] = {
    InputType.FLOAT: ("doubles", _doubles),
    InputType.SIGNAL: ("doubles", _doubles),
    InputType.CATEGORY: ("strings", _strings),
    InputType.TOKENS: ("strings", _strings),
    InputType.TIME: ("times", _times),
    InputType.POINT: ("points", _points),
    InputType.VECTOR: ("vectors", _vectors),
    InputType.LIST: ("lists", _lists),
    InputType.MAP: ("maps", _maps),
}
