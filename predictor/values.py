"""Python values into wire columns, for clients: the type of the values decides the kind of column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

import numpy as np

from searchrank.errors import RequestError
from searchrank.v1 import ranking_pb2

__all__ = ["Value", "column", "columns", "item_ids"]

Value = float | str | datetime | tuple[float, float] | Sequence[str] | Mapping[str, float] | None


def item_ids(ids: Sequence[str] | Sequence[int]) -> ranking_pb2.Ids:
    """Return ids for the wire: integers when the first one is an integer, else texts.

    Raises:
        RequestError: When the kinds are mixed.
    """
    try:
        if len(ids) and isinstance(ids[0], int | np.integer):
            return ranking_pb2.Ids(integers=ranking_pb2.IntegerIds(values=ids))  # type: ignore[arg-type]
        return ranking_pb2.Ids(strings=ranking_pb2.StringIds(values=ids))  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise RequestError(f"send either texts or 64-bit integers: {error}", field="ids") from error


def columns(values: Mapping[str, Sequence[Any]]) -> list[ranking_pb2.Column]:
    """Return one wire column per input name; see ``column``."""
    return [column(name, members) for name, members in values.items()]


def column(name: str, values: Sequence[Any]) -> ranking_pb2.Column:
    """Return one wire column.

    Args:
        name: Full name of the input.
        values: One for each candidate, None for missing: numbers; texts; aware datetimes; pairs ``(latitude,
            longitude)`` as tuples; arrays of numbers for vectors (or one 2-dimensional array); lists of texts;
            mappings from text to number.

    Raises:
        RequestError: When the values are of mixed or other types.
    """
    sent = ranking_pb2.Column(name=name)
    present = [value for value in values if value is not None]
    try:
        _FILLS[_kind(present)](sent, values, present)
    except (TypeError, ValueError, KeyError) as error:
        raise RequestError(f"values of mixed or unknown type: {error!r}", field=name) from error
    if len(present) < len(values):
        bits = np.array([value is not None for value in values], np.bool_)
        sent.validity = np.packbits(bits, bitorder="little").tobytes()
    return sent


def _kind(present: Sequence[Any]) -> str:
    value: Any = present[0] if len(present) else 0.0
    for kind, types in _TYPES.items():
        if isinstance(value, types):
            return kind
    return "vectors" if isinstance(value, np.ndarray) else "lists"


def _doubles(sent: ranking_pb2.Column, values: Sequence[Any], present: Sequence[Any]) -> None:
    filled = values if len(present) == len(values) else [float("nan") if v is None else v for v in values]
    sent.doubles.values.extend(np.asarray(filled, np.float64).tolist())


def _strings(sent: ranking_pb2.Column, values: Sequence[Any], present: Sequence[Any]) -> None:
    sent.strings.values.extend(values if len(present) == len(values) else ["" if v is None else v for v in values])


def _times(sent: ranking_pb2.Column, values: Sequence[Any], _present: Sequence[Any]) -> None:
    sent.times.values.extend(0 if v is None else _microseconds(v) for v in values)


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("a time needs a time zone, for instance datetime.now(UTC)")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + moment.microsecond


def _points(sent: ranking_pb2.Column, values: Sequence[Any], _present: Sequence[Any]) -> None:
    for value in values:
        latitude, longitude = (0.0, 0.0) if value is None else value
        sent.points.coordinates.extend((latitude, longitude))


def _vectors(sent: ranking_pb2.Column, values: Sequence[Any], present: Sequence[Any]) -> None:
    size = len(present[0])
    sent.vectors.size = size
    for value in values:
        numbers = np.zeros(size) if value is None else np.asarray(value, np.float32)
        if numbers.shape != (size,):
            raise ValueError(f"vectors of sizes {size} and {numbers.shape}")
        sent.vectors.values.extend(numbers.tolist())


def _offsets(values: Sequence[Any]) -> list[int]:
    return list(accumulate((0 if v is None else len(v) for v in values), initial=0))


def _lists(sent: ranking_pb2.Column, values: Sequence[Any], present: Sequence[Any]) -> None:
    for value in present:
        sent.lists.members.extend(value)
    sent.lists.offsets.extend(_offsets(values))


def _maps(sent: ranking_pb2.Column, values: Sequence[Any], present: Sequence[Any]) -> None:
    for value in present:
        sent.maps.keys.extend(value.keys())
        sent.maps.values.extend(value.values())
    sent.maps.offsets.extend(_offsets(values))


_TYPES: Final[dict[str, Any]] = {
    "doubles": (float, int, np.number),
    "strings": str,
    "times": datetime,
    "points": tuple,
    "maps": Mapping,
}
_FILLS: Final = {
    "doubles": _doubles,
    "strings": _strings,
    "times": _times,
    "points": _points,
    "vectors": _vectors,
    "lists": _lists,
    "maps": _maps,
}
