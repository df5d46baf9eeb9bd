"""Raw columns of a file into the types of a workspace, whole columns at a time; what does not convert is masked out.

A conversion returns the values and a mask of the rows it could not read; a missing value is null and no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.importing.column import Column, Conversion
from trainer.importing.converted import Converted, fine, texts_of
from trainer.importing.moment import read_time
from trainer.importing.quantity import read_number
from trainer.importing.shape import read_point, read_vector

__all__ = ["convert"]

_TEXTUAL: Final = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_null)


def convert(column: Column, raw: Mapping[str, pa.Array], rows: int, missing: Sequence[str]) -> Converted:
    """Convert the values of one column.

    Args:
        column: How.
        raw: Columns of the file; one that is not there is missing throughout.
        rows: Number of rows.
        missing: Texts that mean that there is no value.
    """
    if column.constant is not None:
        return fine(pa.repeat(pa.scalar(column.constant, column.arrow), rows))
    given = [_plain(raw.get(name, pa.nulls(rows)), missing) for name in column.sources]
    found = _CONVERSIONS[column.conversion](column, given)
    if column.arrow is None or found.values.type == column.arrow:
        return found
    return _narrowed(found, column.arrow)


def _narrowed(found: Converted, kind: pa.DataType) -> Converted:
    """Return values in a narrower type; numbers that are not whole do not fit an integer."""
    if not pa.types.is_integer(kind):
        return Converted(found.values.cast(kind), found.bad, found.wanted)
    values = found.values.fill_null(0).to_numpy(zero_copy_only=False)
    bad = found.bad | ~((values == np.floor(values)) & (np.abs(values) < 2**31))
    absent = bad | found.values.is_null().to_numpy(zero_copy_only=False)
    return Converted(pa.array(np.where(bad, 0, values).astype(np.int64), mask=absent).cast(kind), bad, "a whole number")


def _plain(array: Any, missing: Sequence[str]) -> pa.Array:
    """Return a column without dictionaries and views, texts trimmed, null where it means nothing."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if any(is_it(kind) for is_it in _TEXTUAL):
        array = array.cast(pa.string())
    if not pa.types.is_string(array.type):
        return array
    array = pc.utf8_trim_whitespace(array)
    nothing = pc.is_in(array, pa.array(["", *missing], pa.string()))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), array)


def _text(_column: Column, given: Sequence[pa.Array]) -> Converted:
    texts = [texts_of(array) for array in given]
    if len(texts) == 1:
        return fine(texts[0])
    joined = pc.utf8_trim_whitespace(
        pc.binary_join_element_wise(*texts, " ", null_handling="replace", null_replacement="")
    )
    joined = pc.replace_substring_regex(joined, " +", " ")
    return fine(pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined))


def _category(column: Column, given: Sequence[pa.Array]) -> Converted:
    words = _lowered(column, texts_of(given[0]))
    if not column.values:
        return fine(words)
    at = pc.index_in(words, pa.array(list(column.values), pa.string()))
    named = pa.array([str(value) for value in column.values.values()], pa.string()).take(at)
    return fine(pc.coalesce(named, words))


def _lowered(column: Column, words: pa.Array) -> pa.Array:
    return pc.utf8_lower(words) if column.lower else words


def _list(column: Column, given: Sequence[pa.Array]) -> Converted:
    array = given[0]
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type):
        lists = array.cast(pa.list_(pa.string()))
    elif column.sep:
        lists = pc.split_pattern(texts_of(array), column.sep)
    else:
        words = texts_of(array)
        lists = pc.split_pattern(words, "\x00")  # one member
    offsets = lists.offsets.to_numpy().astype(np.int64)
    members = pc.utf8_trim_whitespace(lists.values)
    kept = pc.fill_null(pc.not_equal(members, ""), fill_value=False)
    counts = np.concatenate([[0], np.cumsum(kept.to_numpy(zero_copy_only=False))])
    made = pa.ListArray.from_arrays(
        pa.array(counts[offsets].astype(np.int32)),
        _lowered(column, members.filter(kept)),
        mask=lists.is_null(),
    )
    return fine(made)


_CONVERSIONS: Final[Mapping[Conversion, Callable[[Column, Sequence[pa.Array]], Converted]]] = {
    Conversion.TEXT: _text,
    Conversion.CATEGORY: _category,
    Conversion.NUMBER: read_number,
    Conversion.LIST: _list,
    Conversion.TIME: read_time,
    Conversion.POINT: read_point,
    Conversion.VECTOR: read_vector,
}
