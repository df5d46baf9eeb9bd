"""Buckets of a number, counted by edges."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, Parameter, operator
from searchrank.features.operators.parameters import ascending_edges
from searchrank.native.kernel import inlined
from searchrank.native.memory import floats_at, ints_at

__all__ = ["edges_below"]

_NAN: Final = np.float32(np.nan)


@inlined
def edges_below(edges: npt.NDArray[np.float32], count: int, x: np.float32) -> int:
    """Return how many of ``count >= 1`` ascending edges lie below x; 0 for NaN (bisection)."""
    start, left = 0, count
    while left > 1:
        half = left >> 1
        start += half if edges[start + half - 1] < x else 0
        left -= half
    return start + (1 if edges[start] < x else 0)


@operator(
    "bucket",
    (Kind.NUMBER,),
    Kind.NUMBER,
    parameters=(Parameter(name="edges", prepare=ascending_edges, array=True),),
)
def bucket(n: int, p: int) -> None:
    """Number of edges below the value, so that bucket i holds ``edges[i-1] < x <= edges[i]``; NaN stays."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    edges, count = floats_at(row[3], row[4]), row[4]
    for j in range(n):
        below = np.float32(edges_below(edges, count, a[j]))
        out[j] = _NAN if math.isnan(a[j]) else below
