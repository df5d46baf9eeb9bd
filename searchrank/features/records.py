"""Raw values into records: the one place where strings become hashes and missing values meet their policy.

Offline tables, request contexts and candidate columns all pass through ``encode``, so a value has the same bits
wherever it came from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import DataError
from searchrank.features.inputs import MISSING_TIME, Input, InputType, layout
from searchrank.features.text import MISSING_HASH, hash_text, hash_texts, tokenize

__all__ = ["Column", "Encoder", "arrow_type", "encode"]

Column = Any
"""An Arrow array, a numpy array (NaN is missing) or a Python sequence (None is missing)."""
Cells = npt.NDArray[Any]

FEW: Final = 8
_FARTHEST: Final = np.array([90.0, 180.0])  # degrees of latitude and of longitude
_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)

_ARROW: Final[dict[InputType, pa.DataType]] = {
    InputType.FLOAT: pa.float64(),
    InputType.SIGNAL: pa.float64(),
    InputType.CATEGORY: pa.string(),
    InputType.TOKENS: pa.string(),
    InputType.TIME: pa.timestamp("us", tz="UTC"),
    InputType.POINT: pa.list_(pa.float64(), 2),
    InputType.LIST: pa.list_(pa.string()),
    InputType.MAP: pa.map_(pa.string(), pa.float32()),
}


def arrow_type(item: Input) -> pa.DataType:
    """Return the Arrow type in which an input's raw values are stored and exchanged."""
    if item.type is InputType.VECTOR:
        return pa.list_(pa.float32(), item.size)
    return _ARROW[item.type]


class Encoder:
    """Encodes raw columns of fixed inputs into records; made once, used for one row or a million."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self.inputs = {item.name: item for item in inputs}
        self.layout = layout(inputs)
        self._missing = np.zeros(1, self.layout)
        for item in inputs:
            _ENCODERS[item.type](item, self._missing[item.name], pa.nulls(1, arrow_type(item)))
        self._missing_bytes = self._missing.tobytes()

    def missing(self, rows: int = 1) -> npt.NDArray[np.void]:
        """Return records in which every value is missing, their policies applied."""
        if rows == 1 and self.layout.itemsize:  # of a request; four times as fast as copying field by field
            return np.ndarray(1, self.layout, bytearray(self._missing_bytes))
        return np.repeat(self._missing, rows)

    def encode(self, columns: Mapping[str, Column], rows: int) -> npt.NDArray[np.void]:
        """Encode raw columns into records.

        Args:
            columns: Raw values by input name: Arrow arrays, numpy arrays (NaN is missing) or Python sequences (None
                is missing). An input without a column is missing in every row; other names are not looked at.
            rows: Length of every column.

        Returns:
            Records of ``layout``, shape ``(rows,)``, missing policies applied.

        Raises:
            DataError: When a column has another length or type than declared; ``field`` names the input.
        """
        records = self.missing(rows)
        self.write(records, columns)
        return records

    def write(self, records: npt.NDArray[np.void], columns: Mapping[str, Column]) -> None:
        """Write raw columns over the cells of records; other inputs keep what they have.

        Raises:
            DataError: As ``encode``.
        """
        for name, column in columns.items():
            item = self.inputs.get(name)
            if item is None:
                continue
            if len(column) != len(records):
                raise DataError(f"{len(column)} values for {len(records)} rows", field=name)
            _ENCODERS[item.type](item, records[name], column)


def encode(inputs: Sequence[Input], columns: Mapping[str, Column], rows: int) -> npt.NDArray[np.void]:
    """Encode raw columns into records once; see ``Encoder.encode``.

    Raises:
        DataError: When a column has another length or type than declared.
    """
    return Encoder(inputs).encode(columns, rows)


def _as_arrow(item: Input, column: Column) -> pa.Array:
    """Return the column in the declared Arrow type.

    Raises:
        DataError: When it cannot be.
    """
    wanted = arrow_type(item)
    try:
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if not isinstance(column, pa.Array):
            return pa.array(column, type=wanted, from_pandas=isinstance(column, np.ndarray))
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return column if column.type == wanted else column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ValueError, TypeError) as error:
        raise DataError(f"expected {item.type} ({wanted}): {error}", field=item.name) from error


def _number(item: Input, value: float | None) -> float | None:
    """Return what one number is stored as; None: it needs the care of ``_numbers``."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return math.nan if item.missing is None else item.missing  # type: ignore[return-value]
    return value if -_FLOAT32_MAX <= value <= _FLOAT32_MAX else None


def _numbers(item: Input, out: Cells, column: Column) -> None:
    if isinstance(column, list) and len(column) == 1 == len(out) and isinstance(column[0], float | None):
        one = _number(item, column[0])
        if one is not None:
            out[0] = one
            return
    if isinstance(column, np.ndarray) and column.dtype.kind in "fi":
        values = column.astype(np.float64)
    else:
        values = _as_arrow(item, column).to_numpy(zero_copy_only=False).astype(np.float64)
    if values.shape != out.shape:
        raise DataError(f"expected one number a row, got shape {values.shape}", field=item.name)
    absent = np.isnan(values)
    with np.errstate(over="ignore"):
        out[:] = values
    out[absent] = np.float32(np.nan) if item.missing is None else item.missing


def _categories(item: Input, out: Cells, column: Column) -> None:
    if isinstance(column, list) and all(isinstance(v, str) for v in column):
        out[:] = hash_text(column[0]) if len(column) == 1 else hash_texts(column)
        return
    encoded = _as_arrow(item, column).dictionary_encode()
    table = np.append(_hash_all(encoded.dictionary), _policy_hash(item))
    codes = encoded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
    out[:] = table[codes]


def _hash_all(texts: pa.Array) -> npt.NDArray[np.int64]:
    return hash_texts(texts.to_pylist())


def _policy_hash(item: Input) -> int:
    return hash_text(item.missing) if isinstance(item.missing, str) else MISSING_HASH


def _times(item: Input, out: Cells, column: Column) -> None:
    if isinstance(column, np.ndarray) and column.dtype == np.int64:
        out[:] = column
        return
    array = _as_arrow(item, column)
    out[:] = array.cast(pa.int64()).fill_null(MISSING_TIME).to_numpy(zero_copy_only=False)


def _fixed(item: Input, out: Cells, column: Column) -> None:
    """Fill points and vectors: a missing row is NaN throughout; a numpy array has one row each.

    Raises:
        DataError: When a row holds more or fewer numbers than declared.
    """
    if isinstance(column, np.ndarray) and column.shape == out.shape:
        out[:] = column
        if item.type is InputType.POINT:
            _check_points(item, out)
        return
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not (isinstance(array, pa.Array) and pa.types.is_list(array.type)):  # Parquet keeps lists of any length alone
        array = _as_arrow(item, array)
    width = out.shape[1]
    out[array.is_null().to_numpy(zero_copy_only=False)] = np.nan
    known = array.drop_null()
    lengths = known.value_lengths().to_numpy(zero_copy_only=False)
    if (lengths != width).any():
        raise DataError(f"expected {width} numbers a row, found {lengths[lengths != width][0]}", field=item.name)
    present = array.is_valid().to_numpy(zero_copy_only=False)
    out[present] = known.flatten().to_numpy(zero_copy_only=False).astype(out.dtype).reshape(-1, width)
    if item.type is InputType.POINT:
        _check_points(item, out)


def _check_points(item: Input, out: Cells) -> None:
    wrong = (np.abs(out) > _FARTHEST).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        latitude, longitude = out[row]
        raise DataError(
            f"row {row} is ({latitude}, {longitude}); a point is (latitude -90..90, longitude -180..180) in degrees",
            field=item.name,
        )


def _few_tokens(item: Input, out: Cells, texts: Sequence[str]) -> None:
    """Fill the tokens of a request's text or two without a detour through Arrow."""
    counts, values = out["count"], out["values"]
    values[:] = 0
    for row, text in enumerate(texts):
        hashes = [hash_text(token) for token in tokenize(text)[: item.limit]]
        counts[row] = len(hashes)
        values[row, : len(hashes)] = hashes


def _tokens(item: Input, out: Cells, column: Column) -> None:
    if isinstance(column, list) and len(column) <= FEW and all(isinstance(v, str) for v in column):
        _few_tokens(item, out, column)
        return
    first = next((v for v in column if v is not None), None) if not isinstance(column, pa.Array) else None
    if isinstance(first, list | tuple) or (isinstance(column, pa.Array) and pa.types.is_list(column.type)):
        _lists(item, out, column)
        return
    encoded = _as_arrow(item, column).dictionary_encode()
    tokens = [hash_texts(tokenize(text)[: item.limit]) for text in encoded.dictionary.to_pylist()]
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.concatenate([*tokens, np.empty(0, np.int64)])
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    valid = encoded.is_valid().to_numpy(zero_copy_only=False)
    if not tokens:
        offsets, lengths = np.zeros(1, np.int64), np.zeros(1, np.int64)
    _fill_list(item, out, starts=offsets[codes], lengths=lengths[codes], valid=valid, values=flat)


def _lists(item: Input, out: Cells, column: Column) -> None:
    wanted = pa.list_(pa.string())
    array = column if isinstance(column, pa.Array) and column.type == wanted else None
    if isinstance(column, list | tuple) and any(isinstance(v, str) for v in column):
        raise DataError("expected a list of strings in each row, got one string", field=item.name)
    if array is None:
        try:
            raw = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            array = raw.cast(wanted) if isinstance(raw, pa.Array) else pa.array(raw, type=wanted)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise DataError(f"expected a list of strings: {error}", field=item.name) from error
    values = _text_hashes(array.values)
    starts, lengths = _extents(array)
    _fill_list(item, out, starts=starts, lengths=lengths, valid=_validity(array), values=values)


def _text_hashes(texts: pa.Array) -> npt.NDArray[np.int64]:
    encoded = texts.dictionary_encode()
    table = np.append(_hash_all(encoded.dictionary), MISSING_HASH)
    codes: npt.NDArray[np.int64] = encoded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
    return table[codes]


def _extents(array: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    offsets = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    return offsets[:-1], np.diff(offsets)


def _validity(array: pa.Array) -> npt.NDArray[np.bool_]:
    valid: npt.NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _fill_list(  # noqa: PLR0913 (the parts of one list column)
    item: Input,
    out: Cells,
    *,
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    valid: npt.NDArray[np.bool_],
    values: npt.NDArray[np.int64],
) -> None:
    counts = np.where(valid, np.minimum(lengths, item.limit), -1)
    place = np.arange(item.limit)
    inside = place < counts[:, None]
    out["values"][:] = 0
    out["values"][inside] = values[(starts[:, None] + place)[inside]]
    out["count"] = np.where(counts < 0, 0, counts) if item.missing == () else counts


def _maps(item: Input, out: Cells, column: Column) -> None:
    array = _as_arrow(item, column)
    starts, lengths = _extents(array)
    keys = _text_hashes(array.keys)
    values = array.items.to_numpy(zero_copy_only=False).astype(np.float32)
    valid = _validity(array)
    for row in np.flatnonzero(lengths > 0):
        part = slice(starts[row], starts[row] + lengths[row])
        last = {int(k): v for k, v in zip(keys[part], values[part], strict=True)}
        kept = np.array(sorted(list(last)[: item.limit]), np.int64)
        out["keys"][row, : len(kept)] = kept
        out["values"][row, : len(kept)] = [last[int(k)] for k in kept]
        out["count"][row] = len(kept)
    empty = valid & (lengths == 0)
    out["count"][empty] = 0
    out["count"][~valid] = 0 if item.missing == () else -1


_ENCODERS: Final[dict[InputType, Callable[[Input, Cells, Column], None]]] = {
    InputType.FLOAT: _numbers,
    InputType.SIGNAL: _numbers,
    InputType.CATEGORY: _categories,
    InputType.TOKENS: _tokens,
    InputType.TIME: _times,
    InputType.POINT: _fixed,
    InputType.VECTOR: _fixed,
    InputType.LIST: _lists,
    InputType.MAP: _maps,
}
