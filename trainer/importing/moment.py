"""Times as people write them, into UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.importing.column import UNITS, Column
from trainer.importing.converted import Converted, Mask, both, fine, texts_of
from trainer.importing.quantity import read_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EARLIEST_US", "LATEST_US", "better_unit", "read_time"]

EARLIEST_US: Final = 631_152_000_000_000
"""The beginning of 1990; what people have in their tables is hardly older."""
LATEST_US: Final = 4_102_444_800_000_000
"""The beginning of 2100."""

_OFFSET: Final = r"[0-9]:[0-9]{2}(:[0-9.]+)? ?(Z|[+-][0-9]{2}:?[0-9]{2})$"
_US: Final = pa.timestamp("us")
_FIRST: Final = -62_135_596_800_000_000  # the year 1
_LAST: Final = 253_402_214_400_000_000  # the last day of the year 9999
_UTC: Final = pa.timestamp("us", "UTC")


def better_unit(number: float, unit: int) -> str:
    """Return the unit that puts a number between 1990 and 2100; empty when none does, or the given one.

    Args:
        number: As in the file.
        unit: Microseconds in the unit that it was taken for.
    """
    fitting = [name for name, factor in UNITS.items() if EARLIEST_US < number * factor < LATEST_US]
    return fitting[0] if fitting and UNITS[fitting[0]] != unit else ""


def read_time(column: Column, given: Sequence[pa.Array]) -> Converted:
    """Return moments; a text without an offset is of the column's zone, or UTC."""
    found = _read(column, given)
    micros = found.values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    outside = (micros < _FIRST) | (micros > _LAST)
    if not outside.any():
        return found
    values = pa.array(
        np.where(outside, 0, micros), mask=outside | found.values.is_null().to_numpy(zero_copy_only=False)
    )
    return Converted(values.cast(_UTC), found.bad | outside, "a time in the years 1 to 9999")


def _read(column: Column, given: Sequence[pa.Array]) -> Converted:
    array = given[0]
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return fine(_in_zone(array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False), column.zone))
    if column.unit:
        return _counted_time(column, array)
    texts = texts_of(array)
    if column.format:
        moments = pc.strptime(texts, format=column.format, unit="us", error_is_null=True)
        bad = both(texts.is_valid(), moments.is_null())
        return Converted(_in_zone(moments, column.zone), bad, f"a time as {column.format}")
    return _iso_time(column, texts)


def _counted_time(column: Column, array: pa.Array) -> Converted:
    """Return times given as a number of seconds or parts of them since 1970."""
    if pa.types.is_integer(array.type):
        numbers = Converted(array.cast(pa.int64()), np.zeros(len(array), np.bool_))
        micros = numbers.values.to_numpy(zero_copy_only=False)
    else:
        numbers = read_numbers(texts_of(array) if not pa.types.is_floating(array.type) else array)
        micros = numbers.values.to_numpy(zero_copy_only=False)
    absent = numbers.values.is_null().to_numpy(zero_copy_only=False) | ~np.isfinite(micros.astype(np.float64))
    bad = numbers.bad | (np.abs(np.where(absent, 0, micros).astype(np.float64)) * column.unit >= 2.0**62)
    counted = np.where(absent | bad, 0, micros)
    whole = np.round(counted * column.unit) if counted.dtype.kind == "f" else counted.astype(np.int64) * column.unit
    values = pa.array(whole.astype(np.int64), mask=absent | bad).cast(_UTC)
    return Converted(values, bad, "a number since 1970")


def _iso_time(column: Column, texts: pa.Array) -> Converted:
    """Return times of ISO 8601; one with an offset says its own zone."""
    wanted = "a time such as 2024-01-31 18:00:00 (for a number say unit:, for another order format:)"
    own = pc.fill_null(pc.match_substring_regex(texts, _OFFSET), fill_value=False)
    if pc.any(own).as_py():
        there, bad_there = _parsed(pc.if_else(own, texts, pa.scalar(None, pa.string())), _UTC)
        here, bad_here = _parsed(pc.if_else(own, pa.scalar(None, pa.string()), texts), _US)
        return Converted(pc.coalesce(there, _in_zone(here, column.zone)), bad_there | bad_here, wanted)
    moments, bad = _parsed(texts, _US)
    return Converted(_in_zone(moments, column.zone), bad, wanted)


def _parsed(texts: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """Return times and which texts are none, looking at single texts only when a column does not parse as a whole."""
    try:
        return texts.cast(kind), np.zeros(len(texts), np.bool_)
    except pa.ArrowInvalid:
        encoded = texts.dictionary_encode()
        each = [_parsed_one(text, kind) for text in encoded.dictionary]
        table = pa.array([*each, None], kind)
        codes = encoded.indices.fill_null(len(each))
        moments = table.take(codes)
        return moments, both(texts.is_valid(), moments.is_null())


def _parsed_one(text: pa.Scalar, kind: pa.DataType) -> Any:
    try:
        return text.cast(kind).as_py()
    except pa.ArrowInvalid:
        return None


def _in_zone(moments: pa.Array, zone: str) -> pa.Array:
    """Return moments in UTC; those without a zone are of this one. An hour that is there twice is the first of them."""
    if moments.type.tz is not None:
        return moments.cast(_UTC)
    if not zone:
        return moments.cast(_UTC)
    return pc.assume_timezone(moments, zone, ambiguous="earliest", nonexistent="latest").cast(_UTC)
