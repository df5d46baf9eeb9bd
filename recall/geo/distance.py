"""Kilometres between points of the earth."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["is_place", "kilometres"]

Points = npt.NDArray[np.float64]
_RADIUS_KM: Final = 6371.0088  # mean radius, IUGG


def is_place(points: Points) -> npt.NDArray[np.bool_]:
    """Return which points ``(…, 2)`` of latitude and longitude in degrees are on the earth; NaN is not."""
    return np.asarray((np.abs(points[..., 0]) <= 90.0) & (np.abs(points[..., 1]) <= 720.0), np.bool_)


def kilometres(place: Points, others: Points) -> npt.NDArray[np.float32]:
    """Return the great-circle distances from a point ``(2,)`` to others ``(n, 2)``; NaN if either is none.

    The haversine formula in float64, rounded once, as the operator ``haversine_km`` has it.
    """
    there = is_place(others) & is_place(place)
    (latitude, longitude), theirs = np.radians(place), np.radians(np.where(there[:, None], others, 0.0))
    if not is_place(place):
        return np.full(len(others), np.nan, np.float32)
    square = np.sin((theirs[:, 0] - latitude) / 2) ** 2
    square = square + np.cos(latitude) * np.cos(theirs[:, 0]) * np.sin((theirs[:, 1] - longitude) / 2) ** 2
    return np.where(there, 2 * _RADIUS_KM * np.arcsin(np.sqrt(np.minimum(square, 1.0))), np.nan).astype(np.float32)
