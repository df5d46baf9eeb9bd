"""Ratios of counts, plain and smoothed."""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, Parameter, operator
from searchrank.features.operators.parameters import finite, positive
from searchrank.native.memory import double_of, floats_at, ints_at

__all__: list[str] = []

_PAIR: Final = (Kind.NUMBER, Kind.NUMBER)


@operator("ratio", _PAIR, Kind.NUMBER)
def ratio(n: int, p: int) -> None:
    """Share ``a / b`` of two counts; NaN when there is nothing to divide by (b = 0) or either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = a[j] / b[j] if b[j] != np.float32(0) else np.float32(np.nan)


@operator(
    "smooth_ratio",
    _PAIR,
    Kind.NUMBER,
    parameters=(Parameter(name="prior", prepare=finite), Parameter(name="strength", prepare=positive)),
)
def smooth_ratio(n: int, p: int) -> None:
    """Ratio drawn towards a prior, ``(a + prior * strength) / (b + strength)``; NaN if either is missing.

    Computed in float64 and rounded once; ``b = -strength`` gives NaN.
    """
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    strength = double_of(row[5])
    evidence = double_of(row[4]) * strength
    for j in range(n):
        below = np.float64(b[j]) + strength
        out[j] = np.float32((np.float64(a[j]) + evidence) / below) if below != 0.0 else np.float32(np.nan)
