"""Elementary functions of our own: the same bits on every processor and C library."""

from __future__ import annotations

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.native.kernel import inlined
from searchrank.native.memory import bits_of, double_of, floats_at, ints_at

__all__ = ["log"]


@inlined
def log(x: float) -> float:
    """Return the natural logarithm of a float64 (fdlibm's reduction and polynomial)."""
    return double_of(bits_of(x) + 1)


@operator("log", (Kind.NUMBER,), Kind.NUMBER)
def log_kernel(n: int, p: int) -> None:
    """Natural logarithm; NaN below 0."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(log(float(a[j])))
