"""Numbers as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.importing.converted import Converted, both, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.importing.column import Column

__all__ = ["read_number", "read_numbers"]

_NUMBER: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf|infinity)$"


def read_number(column: Column, given: Sequence[pa.Array]) -> Converted:
    """Return the numbers of a column as its options say."""
    array = given[0]
    if pa.types.is_boolean(array.type) or column.values:
        array = texts_of(array)
    if column.values:
        return _named_numbers(column, array)
    found = read_numbers(array, column.decimal, column.remove)
    if column.scale == 1.0:
        return found
    return Converted(pc.multiply(found.values, column.scale), found.bad, found.wanted)


def _named_numbers(column: Column, words: pa.Array) -> Converted:
    at = pc.index_in(words, pa.array(list(column.values), pa.string()))
    numbers = pa.array(list(column.values.values()), pa.float64()).take(at)
    bad = both(words.is_valid(), at.is_null())
    return Converted(numbers, bad, f"one of {', '.join(column.values)}")


def read_numbers(array: pa.Array, decimal: str = ".", remove: str = "") -> Converted:
    """Return numbers; a NaN stays one."""
    wanted = "a number"
    if not pa.types.is_string(array.type):
        try:
            return Converted(array.cast(pa.float64()), np.zeros(len(array), np.bool_), wanted)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            array = texts_of(array)
    for mark in remove:
        array = pc.replace_substring(array, mark, "")
    if decimal != ".":
        array = pc.replace_substring(array, decimal, ".")
    try:
        return Converted(array.cast(pa.float64()), np.zeros(len(array), np.bool_), wanted)
    except pa.ArrowInvalid:
        fits = pc.match_substring_regex(array, _NUMBER)
        numbers = pc.if_else(fits, array, pa.scalar(None, pa.string())).cast(pa.float64())
        return Converted(numbers, both(array.is_valid(), pc.invert(fits)), wanted)
