"""What the log refuses, and where: every complaint names the column and the first bad row."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from searchrank.events.kinds import check_kinds
from searchrank.events.schema import CORE, INPUT_ROOTS, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_ID_BYTES", "MAX_VALUE", "conform"]

MAX_ID_BYTES: Final = 128

_FIRST_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC)
MAX_VALUE: Final = 1e9
_CORE: Final = {field.name: field.type for field in CORE}
_REQUIRED: Final = frozenset(REQUIRED_COLUMNS)
_ID_COLUMNS: Final = ("event_id", "request_id", "user_id", "linked_id", "session_id", "item_id")


def conform(table: pa.Table, extra: Mapping[str, pa.DataType], *, strict: bool) -> pa.Table:
    """Return the events checked and cast, ids in NFC.

    Args:
        table: Events as handed in; columns may be in any order, optional ones may be absent.
        extra: Types of the input columns that are known already.
        strict: Whether input columns outside ``extra`` are refused; otherwise they are taken as they come.

    Returns:
        The core columns in their order, then those input columns that hold a value.

    Raises:
        DataError: When a column is unknown, missing or of a wrong type, or a required value is null, or an id
            is empty or longer than ``MAX_ID_BYTES``, or a reserved kind lacks what it must say.
    """
    types = _types(table, extra, strict=strict)
    given = {name: _column(table, name, types[name]) for name in types if name in table.column_names}
    given = {name: column for name, column in given.items() if column.null_count < len(column) or name in _REQUIRED}
    given |= {name: _composed(given[name]) for name in _ID_COLUMNS if name in given}
    _check_values(given)
    fields = [*CORE, *(pa.field(name, types[name]) for name in given if name not in _CORE)]
    columns = [given[f.name] if f.name in given else pa.nulls(table.num_rows, f.type) for f in fields]
    result = pa.table(columns, schema=pa.schema(fields))
    check_kinds(result)
    return result


def _types(table: pa.Table, extra: Mapping[str, pa.DataType], *, strict: bool) -> dict[str, pa.DataType]:
    """Return the type of every column, and refuse those that no event has.

    Raises:
        DataError: When a column is unknown, there twice, or required and missing.
    """
    types = _CORE | dict(extra)
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for number, name in enumerate(names) if name in names[:number])
        raise DataError("there are two columns of this name", field=twice)
    for name in names:
        if name in types:
            continue
        if strict or not name.startswith(INPUT_ROOTS):
            raise DataError(f"unknown event column; known are {', '.join(types)}", field=name)
        if not pa.types.is_null(table.schema.field(name).type):  # all null says nothing of what will come
            types[name] = table.schema.field(name).type
    for name in REQUIRED_COLUMNS:
        if name not in names:
            raise DataError("this column is required in every event", field=name)
    return types


def _column(table: pa.Table, name: str, wanted: pa.DataType) -> pa.ChunkedArray:
    column = table.column(name)
    if not _castable(column.type, wanted):
        raise DataError(f"the type is {column.type}, it must be {wanted}", field=name)
    try:
        column.validate(full=True)
        return column if column.type.equals(wanted) else column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"a value does not fit {wanted}: {error}", field=name) from error


def _composed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts in NFC, so that those who join by id need not know of normal forms."""
    if pc.all(pc.string_is_ascii(texts)).as_py() in {True, None}:
        return texts
    encoded = texts.combine_chunks().dictionary_encode()
    words = [unicodedata.normalize("NFC", text) for text in encoded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(words, texts.type).take(encoded.indices)])


def _castable(given: pa.DataType, wanted: pa.DataType) -> bool:
    if given.equals(wanted) or pa.types.is_null(given):
        return True
    if pa.types.is_dictionary(given):
        given = given.value_type
    if pa.types.is_string(wanted):
        return bool(pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_string_view(given))
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(given))
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_integer(given) or pa.types.is_floating(given))
    if pa.types.is_nested(wanted):
        return bool(pa.types.is_nested(given))
    return False


def _check_values(columns: Mapping[str, pa.ChunkedArray]) -> None:
    for name in REQUIRED_COLUMNS:
        if columns[name].null_count:
            raise DataError(f"row {_first(pc.is_null(columns[name]))} is null", field=name)
    for name in (name for name in ("kind", *_ID_COLUMNS) if name in columns):
        lengths = pc.binary_length(columns[name])
        bounds = pc.min_max(lengths).as_py()
        if bounds["max"] is not None and bounds["max"] > MAX_ID_BYTES:
            row = _first(pc.greater(lengths, MAX_ID_BYTES))
            raise DataError(
                f"row {row} has {lengths[row].as_py()} bytes of UTF-8, at most {MAX_ID_BYTES} are allowed",
                field=name,
            )
        if bounds["min"] == 0:
            row = _first(pc.equal(lengths, 0))
            raise DataError(f"row {row} is an empty string; leave it null when there is none", field=name)
    for name in (name for name in ("event_time", "arrival_time") if name in columns):
        _check_times(columns[name], name)
    if "value" in columns:
        _check_sums(columns["value"])


def _check_sums(values: pa.ChunkedArray) -> None:
    row = _first(pc.greater(pc.abs(values), MAX_VALUE))
    if row >= 0:
        raise DataError(
            f"row {row} is {values[row].as_py():g}; at most {MAX_VALUE:.0e} either way can be summed exactly, "
            "use a larger unit",
            field="value",
        )


def _check_times(column: pa.ChunkedArray, name: str) -> None:
    """Refuse times that no calendar has, mostly another unit's; an append-only log would never be rid of them.

    Raises:
        DataError: When there is one.
    """
    first, last = (pa.scalar(moment, column.type) for moment in (_FIRST_TIME, _LAST_TIME))
    wrong = pc.or_(pc.less(column, first), pc.greater(column, last))
    row = _first(wrong)
    if row >= 0:
        micros = column[row].cast(pa.int64()).as_py()
        raise DataError(f"row {row} lies outside the years 1 to 9999: {micros} microseconds since 1970", field=name)


def _first(mask: pa.ChunkedArray) -> int:
    return int(pc.index(mask, value=True).as_py())
