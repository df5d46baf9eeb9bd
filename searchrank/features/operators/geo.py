"""Distances on the earth, a sphere of the mean radius (IUGG)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.features.operators.trigonometry import asin, near_cos, near_sin
from searchrank.native.kernel import inlined
from searchrank.native.memory import doubles_at, floats_at, ints_at, square_root

__all__: list[str] = []

_DIAMETER_KM: Final = 2 * 6371.0088
_RADIAN: Final = math.pi / 180


@inlined
def _distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the distance of two places given in degrees."""
    north = near_sin((latitude - other_latitude) * (0.5 * _RADIAN))
    east = near_sin((longitude - other_longitude) * (0.5 * _RADIAN))
    parallels = near_cos(latitude * _RADIAN) * near_cos(other_latitude * _RADIAN)
    square = north * north + parallels * (east * east)
    return _DIAMETER_KM * asin(square_root(min(square, 1.0)))


@operator("haversine_km", (Kind.POINT, Kind.POINT), Kind.NUMBER)
def haversine_km(n: int, p: int) -> None:
    """Great-circle distance of two points in kilometres; NaN if either is missing.

    Haversine formula in float64, rounded once; NaN for a latitude beyond 90 or a longitude beyond 720.
    """
    row = ints_at(p, ROW_SLOTS)
    out, rows, others = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[7], n)
    for j in range(n):
        a, b = doubles_at(row[2] + rows[j] * row[3], 2), doubles_at(row[5] + others[j] * row[6], 2)
        latitudes = abs(a[0]) <= 90.0 and abs(b[0]) <= 90.0
        longitudes = abs(a[1]) <= 720.0 and abs(b[1]) <= 720.0
        if latitudes and longitudes:
            out[j] = np.float32(_distance_km(a[0], a[1], b[0], b[1]))
        else:
            out[j] = np.float32(np.nan)
