"""Distances on the earth, a sphere of the mean radius (IUGG)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.features.operators.trigonometry import asin, cos, sin
from searchrank.native.kernel import inlined
from searchrank.native.memory import doubles_at, floats_at, ints_at

__all__: list[str] = []

_DIAMETER_KM: Final = 2 * 6371.0088
_RADIAN: Final = math.pi / 180


@inlined
def _is_known(latitude: float, longitude: float) -> bool:
    """Return whether degrees are there and name a place."""
    return abs(latitude) <= 90.0 and abs(longitude) <= 720.0


@operator("haversine_km", (Kind.POINT, Kind.POINT), Kind.NUMBER)
def haversine_km(n: int, p: int) -> None:
    """Great-circle distance of two points in kilometres; NaN if either is missing.

    Haversine formula in float64, rounded once; NaN for a latitude beyond 90 or a longitude beyond 720.
    """
    row = ints_at(p, ROW_SLOTS)
    out, rows, others = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[7], n)
    for j in range(n):
        a, b = doubles_at(row[2] + rows[j] * row[3], 2), doubles_at(row[5] + others[j] * row[6], 2)
        if _is_known(a[0], a[1]) and _is_known(b[0], b[1]):
            north = sin((a[0] - b[0]) * (0.5 * _RADIAN))
            east = sin((a[1] - b[1]) * (0.5 * _RADIAN))
            square = north * north + cos(a[0] * _RADIAN) * cos(b[0] * _RADIAN) * (east * east)
            out[j] = np.float32(_DIAMETER_KM * asin(math.sqrt(min(square, 1.0))))
        else:
            out[j] = np.float32(np.nan)
