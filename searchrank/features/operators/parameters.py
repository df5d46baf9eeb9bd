"""Constants that operators take: checked when a definition is read, refused with a message for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_EDGES", "ascending_edges", "finite", "positive", "whole_number"]

MOST_EDGES: Final = 65_536


def finite(value: object) -> float:
    """Return a finite number as a float64.

    Raises:
        ValueError: When it is not a number, or not finite.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ValueError(f"must be a number, not {value!r}")  # noqa: TRY004 a literal that a person wrote
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def positive(value: object) -> float:
    """Return a finite number above 0.

    Raises:
        ValueError: When it is not one.
    """
    number = finite(value)
    if number <= 0:
        raise ValueError(f"must be greater than 0, not {number:g}")
    return number


def whole_number(low: int, high: int) -> Callable[[object], float]:
    """Return a check that accepts whole numbers from ``low`` to ``high``, both included."""

    def prepare(value: object) -> float:
        number = finite(value)
        if not number.is_integer() or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {number:g}")
        return number

    return prepare


def ascending_edges(value: object) -> npt.NDArray[np.float32]:
    """Return bucket edges as float32, each rounded down, so that ``edge < x`` stays true to the float64 edge.

    Args:
        value: One number, or 1 to ``MOST_EDGES`` strictly ascending finite numbers.

    Raises:
        ValueError: When there are none or too many, or they do not ascend.
    """
    listed = value if isinstance(value, (list, tuple, np.ndarray)) else [value]
    if not 1 <= len(listed) <= MOST_EDGES:
        raise ValueError(f"must hold 1 to {MOST_EDGES:,} edges, not {len(listed):,}")
    edges = np.array([finite(edge) for edge in listed], dtype=np.float64)
    if np.any(np.diff(edges) <= 0):
        raise ValueError("edges must ascend and be distinct")
    with np.errstate(over="ignore"):
        nearest = edges.astype(np.float32)
        lower = np.nextafter(nearest, np.float32(-np.inf))
    return np.ascontiguousarray(np.where(nearest.astype(np.float64) > edges, lower, nearest))
