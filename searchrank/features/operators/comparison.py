"""Comparisons and logic: 1 for true, 0 for false, NaN for unknown.

A comparison with a missing value is unknown. ``both``, ``either`` and ``negation`` take any number but 0 as
true and follow Kleene's logic of three values: what one operand settles alone is known even when the other is
missing.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.native.memory import floats_at, ints_at

__all__: list[str] = []

_PAIR: Final = (Kind.NUMBER, Kind.NUMBER)
_CATEGORIES: Final = (Kind.CATEGORY, Kind.CATEGORY)
_NAN: Final = np.float32(np.nan)
_YES: Final = np.float32(1)
_NO: Final = np.float32(0)


@operator("less", _PAIR, Kind.NUMBER, truth=True)
def less(n: int, p: int) -> None:
    """1 if a is below b, also written ``a < b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] < b[j] else _NO
        out[j] = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else known


@operator("less_equal", _PAIR, Kind.NUMBER, truth=True)
def less_equal(n: int, p: int) -> None:
    """1 if a is at most b, also written ``a <= b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] <= b[j] else _NO
        out[j] = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else known


@operator("greater", _PAIR, Kind.NUMBER, truth=True)
def greater(n: int, p: int) -> None:
    """1 if a is above b, also written ``a > b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] > b[j] else _NO
        out[j] = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else known


@operator("greater_equal", _PAIR, Kind.NUMBER, truth=True)
def greater_equal(n: int, p: int) -> None:
    """1 if a is at least b, also written ``a >= b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] >= b[j] else _NO
        out[j] = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else known


@operator("equal", _PAIR, Kind.NUMBER, truth=True)
def equal(n: int, p: int) -> None:
    """1 if the two are equal, also written ``a == b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] == b[j] else _NO
        out[j] = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else known


@operator("not_equal", _PAIR, Kind.NUMBER, truth=True)
def not_equal(n: int, p: int) -> None:
    """1 if the two differ, also written ``a != b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] != b[j] else _NO
        out[j] = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else known


@operator("equal", _CATEGORIES, Kind.NUMBER, truth=True)
def equal_category(n: int, p: int) -> None:
    """1 if the two categories are the same, also written ``a == b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), ints_at(row[2], n), ints_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] == b[j] else _NO
        out[j] = _NAN if a[j] == 0 or b[j] == 0 else known


@operator("not_equal", _CATEGORIES, Kind.NUMBER, truth=True)
def not_equal_category(n: int, p: int) -> None:
    """1 if the two categories differ, also written ``a != b``; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), ints_at(row[2], n), ints_at(row[3], n)
    for j in range(n):
        known = _YES if a[j] != b[j] else _NO
        out[j] = _NAN if a[j] == 0 or b[j] == 0 else known


@operator("both", _PAIR, Kind.NUMBER, truth=True)
def both(n: int, p: int) -> None:
    """Logical and, also written ``a and b``: 0 if either is 0, else NaN if either is missing, else 1."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        unsettled = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else _YES
        out[j] = _NO if a[j] == _NO or b[j] == _NO else unsettled


@operator("either", _PAIR, Kind.NUMBER, truth=True)
def either(n: int, p: int) -> None:
    """Logical or, also written ``a or b``: 1 if either is true, else NaN if either is missing, else 0."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        unsettled = _NAN if math.isnan(a[j]) or math.isnan(b[j]) else _NO
        # a size above 0 is true and known: NaN compares false
        out[j] = _YES if abs(a[j]) > _NO or abs(b[j]) > _NO else unsettled


@operator("negation", (Kind.NUMBER,), Kind.NUMBER, truth=True)
def negation(n: int, p: int) -> None:
    """Logical not, also written ``not a``: 1 for 0, 0 for any other number, NaN if missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        known = _YES if a[j] == _NO else _NO
        out[j] = _NAN if math.isnan(a[j]) else known
