"""Arithmetic: each one correctly rounded float32 operation; NaN in, NaN out."""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.native.memory import floats_at, ints_at

__all__: list[str] = []

_PAIR: Final = (Kind.NUMBER, Kind.NUMBER)


@operator("add", _PAIR, Kind.NUMBER)
def add(n: int, p: int) -> None:
    """Sum, also written ``a + b``."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = a[j] + b[j]


@operator("divide", _PAIR, Kind.NUMBER)
def divide(n: int, p: int) -> None:
    """Quotient, also written ``a / b``; a zero divisor gives NaN, not infinity."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = a[j] / b[j] if b[j] != np.float32(0) else np.float32(np.nan)
