"""Arithmetic: each one correctly rounded float32 operation; NaN in, NaN out.

Signed zeros are those of IEEE 754; where two equal operands compete, the first is kept, as Python's ``min``
and ``max`` do.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, Parameter, operator
from searchrank.features.operators.parameters import finite
from searchrank.native.memory import double_of, floats_at, ints_at, square_root

__all__: list[str] = []

_ONE: Final = (Kind.NUMBER,)
_PAIR: Final = (Kind.NUMBER, Kind.NUMBER)
_NAN: Final = np.float32(np.nan)
_ZERO: Final = np.float32(0)
_WHOLE: Final = np.float32(2**23)  # from here on every float32 is a whole number


@operator("add", _PAIR, Kind.NUMBER)
def add(n: int, p: int) -> None:
    """Sum, also written ``a + b``."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = a[j] + b[j]


@operator("subtract", _PAIR, Kind.NUMBER)
def subtract(n: int, p: int) -> None:
    """Difference, also written ``a - b``."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = a[j] - b[j]


@operator("multiply", _PAIR, Kind.NUMBER)
def multiply(n: int, p: int) -> None:
    """Product, also written ``a * b``."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = a[j] * b[j]


@operator("divide", _PAIR, Kind.NUMBER)
def divide(n: int, p: int) -> None:
    """Quotient, also written ``a / b``; a zero divisor gives NaN, not infinity."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = a[j] / b[j] if b[j] != _ZERO else _NAN


@operator("negate", _ONE, Kind.NUMBER)
def negate(n: int, p: int) -> None:
    """The number with its sign turned, also written ``-a``."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = -a[j]


@operator("absolute", _ONE, Kind.NUMBER)
def absolute(n: int, p: int) -> None:
    """The number without its sign."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = abs(a[j])


@operator("minimum", _PAIR, Kind.NUMBER)
def minimum(n: int, p: int) -> None:
    """The smaller number; NaN if either is NaN."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        least = min(a[j], b[j])
        out[j] = _NAN if math.isnan(b[j]) else least


@operator("maximum", _PAIR, Kind.NUMBER)
def maximum(n: int, p: int) -> None:
    """The larger number; NaN if either is NaN."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        most = max(a[j], b[j])
        out[j] = _NAN if math.isnan(b[j]) else most


def _ordered(low: float, high: float) -> None:
    if low > high:
        raise ValueError(f"low must not be above high: {low:g} > {high:g}")


@operator(
    "clip",
    _ONE,
    Kind.NUMBER,
    parameters=(Parameter(name="low", prepare=finite), Parameter(name="high", prepare=finite)),
    check=_ordered,
)
def clip(n: int, p: int) -> None:
    """The number, or the bound it lies beyond; bounds are rounded to float32."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    low, high = np.float32(double_of(row[3])), np.float32(double_of(row[4]))
    for j in range(n):
        out[j] = min(max(a[j], low), high)


@operator("sqrt", _ONE, Kind.NUMBER)
def sqrt(n: int, p: int) -> None:
    """Square root; NaN below 0."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(square_root(float(a[j])))


@operator("floor", _ONE, Kind.NUMBER)
def floor(n: int, p: int) -> None:
    """Largest whole number that is not greater; a result of 0 has the sign +, infinities stay."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        x = a[j]
        toward_zero = np.float32(np.int32(x))
        whole = toward_zero - np.float32(1) if toward_zero > x else toward_zero
        out[j] = whole if abs(x) < _WHOLE else x
