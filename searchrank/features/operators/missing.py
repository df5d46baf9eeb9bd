"""Missing values: seen, replaced, chosen between. A missing value never turns into a number by itself."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from searchrank.features.inputs import MISSING_TIME, Kind
from searchrank.features.operator import ROW_SLOTS, SIZE_SLOT, operator
from searchrank.native.memory import doubles_at, floats_at, ints_at

__all__: list[str] = []

_NAN: Final = np.float32(np.nan)
_YES: Final = np.float32(1)
_NO: Final = np.float32(0)


@operator("coalesce", (Kind.NUMBER, Kind.NUMBER), Kind.NUMBER)
def coalesce(n: int, p: int) -> None:
    """The first number unless it is missing, then the second."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = b[j] if math.isnan(a[j]) else a[j]


@operator("where", (Kind.NUMBER, Kind.NUMBER, Kind.NUMBER), Kind.NUMBER)
def where(n: int, p: int) -> None:
    """The second number if the first is not 0, the third if it is 0; NaN if the first is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, condition = floats_at(row[1], n), floats_at(row[2], n)
    a, b = floats_at(row[3], n), floats_at(row[4], n)
    for j in range(n):
        chosen = b[j] if condition[j] == _NO else a[j]
        out[j] = _NAN if math.isnan(condition[j]) else chosen


@operator("is_missing", (Kind.NUMBER,), Kind.NUMBER, truth=True)
def is_missing_number(n: int, p: int) -> None:
    """1 if the value is missing, else 0."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = _YES if math.isnan(a[j]) else _NO


@operator("is_missing", (Kind.CATEGORY,), Kind.NUMBER, truth=True)
def is_missing_category(n: int, p: int) -> None:
    """1 if the value is missing, else 0."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), ints_at(row[2], n)
    for j in range(n):
        out[j] = _YES if a[j] == 0 else _NO


@operator("is_missing", (Kind.TIME,), Kind.NUMBER, truth=True)
def is_missing_time(n: int, p: int) -> None:
    """1 if the value is missing, else 0."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), ints_at(row[2], n)
    for j in range(n):
        out[j] = _YES if a[j] == MISSING_TIME else _NO


@operator("is_missing", (Kind.LIST,), Kind.NUMBER, truth=True)
def is_missing_list(n: int, p: int) -> None:
    """1 if the list is missing, 0 if it is there, even when empty."""
    row = ints_at(p, ROW_SLOTS)
    out, rows = floats_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        out[j] = _YES if ints_at(row[2] + rows[j] * row[3], 1)[0] < 0 else _NO


@operator("is_missing", (Kind.MAP,), Kind.NUMBER, truth=True)
def is_missing_map(n: int, p: int) -> None:
    """1 if the map is missing, 0 if it is there, even when empty."""
    row = ints_at(p, ROW_SLOTS)
    out, rows = floats_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        out[j] = _YES if ints_at(row[2] + rows[j] * row[3], 1)[0] < 0 else _NO


@operator("is_missing", (Kind.POINT,), Kind.NUMBER, truth=True)
def is_missing_point(n: int, p: int) -> None:
    """1 if latitude or longitude is missing, else 0."""
    row = ints_at(p, ROW_SLOTS)
    out, rows = floats_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        point = doubles_at(row[2] + rows[j] * row[3], 2)
        out[j] = _YES if math.isnan(point[0]) or math.isnan(point[1]) else _NO


@operator("is_missing", (Kind.VECTOR,), Kind.NUMBER, truth=True)
def is_missing_vector(n: int, p: int) -> None:
    """1 if the vector is NaN throughout, else 0."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, size = floats_at(row[1], n), ints_at(row[4], n), row[SIZE_SLOT]
    for j in range(n):
        vector = floats_at(row[2] + rows[j] * row[3], size)
        absent = _YES
        for i in range(size):
            if not math.isnan(vector[i]):
                absent = _NO
                break
        out[j] = absent
