"""Times: ages, and the hour and weekday in a named zone. The machine's zone and zone database are never read.

Zones come from the ``tzdata`` package. A zone becomes a table of the moments from 1970 to 2100 at which its
offset from UTC changes; before and after, the first and the last offset hold.
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import MISSING_TIME, Kind
from searchrank.features.operator import ROW_SLOTS, Parameter, operator
from searchrank.native.kernel import inlined
from searchrank.native.memory import floats_at, ints_at

__all__ = ["zone_table"]

_SECOND_US: Final = 1_000_000
_HOUR_S: Final = 3_600
_HOUR_US: Final = _HOUR_S * _SECOND_US
_DAY_US: Final = 24 * _HOUR_US
_FAR_US: Final = 9.2e18  # longer differences do not fit an int64
_FIRST_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday, Monday is 0
_STEP_S: Final = 7 * 86_400  # no zone changes twice within a week
_END_S: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
_NAN: Final = np.float32(np.nan)


@functools.cache
def _zone_names() -> frozenset[str]:
    """Return every zone of the ``tzdata`` package."""
    return frozenset(importlib.resources.files("tzdata").joinpath("zones").read_text().split())


def _load(name: str) -> ZoneInfo:
    """Read one zone from the ``tzdata`` package."""
    path = importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@functools.lru_cache(maxsize=64)
def _table(name: str) -> npt.NDArray[np.int64]:
    zone = _load(name)

    def offset(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, zone).utcoffset()

    starts, offsets = [MISSING_TIME], [offset(0)]
    for week in range(0, _END_S, _STEP_S):
        low, high, before = week, week + _STEP_S, offsets[-1]
        if offset(high) == before:
            continue
        while high - low > _HOUR_S:
            middle = low + (high - low) // (2 * _HOUR_S) * _HOUR_S
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        if offset(high - 1) != before:  # most changes fall on an hour, this one does not
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
        starts.append(high * _SECOND_US)
        offsets.append(offset(high))
    microseconds = [int(o.total_seconds()) * _SECOND_US if o else 0 for o in offsets]
    table = np.array(starts + microseconds, dtype=np.int64)
    table.flags.writeable = False
    return table


def zone_table(value: object) -> npt.NDArray[np.int64]:
    """Return a zone's changes: their moments (UTC, microseconds), then as many offsets, shape ``(2m,)``.

    Args:
        value: IANA name, such as ``Asia/Shanghai``.

    Raises:
        ValueError: When there is no such zone; names the nearest.
    """
    if not isinstance(value, str):
        message = f"must name a zone, such as 'Asia/Shanghai', not {value!r}"
        raise ValueError(message)  # noqa: TRY004 a literal that a person wrote
    if value not in _zone_names():
        near = difflib.get_close_matches(value[:64], sorted(_zone_names()), n=1, cutoff=0.5)
        raise ValueError(f"there is no zone {value[:64]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return _table(value)


_ZONE: Final = Parameter(name="zone", default="UTC", prepare=zone_table, array=True)


@inlined
def _local(table: npt.NDArray[np.int64], count: int, moment: int) -> int:
    """Return a moment moved by the offset that holds at it; ``count`` is the number of changes."""
    start, left = 0, count
    while left > 1:
        half = left >> 1
        start += half if table[start + half] <= moment else 0
        left -= half
    return int(moment + table[count + start])


@operator("age_days", (Kind.TIME, Kind.TIME), Kind.NUMBER)
def age_days(n: int, p: int) -> None:
    """Days from the second time to the first, with fractions; NaN if one is missing.

    The difference is exact in microseconds, divided in float64, rounded once; NaN beyond 291,000 years.
    """
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), ints_at(row[2], n), ints_at(row[3], n)
    for j in range(n):
        far = abs(np.float64(a[j]) - np.float64(b[j])) > _FAR_US
        if far or a[j] == MISSING_TIME or b[j] == MISSING_TIME:
            out[j] = _NAN
        else:
            out[j] = np.float32(np.float64(a[j] - b[j]) / np.float64(_DAY_US))


@operator("hour_of_day", (Kind.TIME,), Kind.NUMBER, parameters=(_ZONE,))
def hour_of_day(n: int, p: int) -> None:
    """Hour of the day, 0 to 23, on the clocks of a zone; NaN if missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), ints_at(row[2], n)
    table, count = ints_at(row[3], row[4]), row[4] >> 1
    for j in range(n):
        moment = a[j] if a[j] != MISSING_TIME else 0
        hour = np.float32((_local(table, count, moment) // _HOUR_US) % 24)
        out[j] = hour if a[j] != MISSING_TIME else _NAN


@operator("day_of_week", (Kind.TIME,), Kind.NUMBER, parameters=(_ZONE,))
def day_of_week(n: int, p: int) -> None:
    """Day of the week, Monday 0 to Sunday 6, on the calendars of a zone; NaN if missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), ints_at(row[2], n)
    table, count = ints_at(row[3], row[4]), row[4] >> 1
    for j in range(n):
        moment = a[j] if a[j] != MISSING_TIME else 0
        day = np.float32((_local(table, count, moment) // _DAY_US + _FIRST_WEEKDAY) % 7)
        out[j] = day if a[j] != MISSING_TIME else _NAN
