"""Where a score turns: the values of one column that are worth trying when asking what would change an order."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.models.forest import Forest
from searchrank.models.linear import Linear
from searchrank.models.scorer import Scorer

__all__ = ["turning_points"]

Floats = npt.NDArray[np.float32]

_ULPS: Final = 3
_NONE: Final[Floats] = np.empty(0, np.float32)


def turning_points(scorer: Scorer, column: int, value: float, gap: float) -> Floats:
    """Return values of a column, one of which is the nearest that changes a score by some amount, if any does.

    A forest's score is the same between two thresholds: of each stretch the value nearest to the present one is given.
    A weighted sum is solved; the values beside the solution stand for its rounding.

    Args:
        scorer: The model.
        column: Which of its columns, from 0.
        value: The present value; NaN: missing, which is as far from any value as from another.
        gap: By how much the score must change, in one direction or the other; of no matter to a forest.

    Returns:
        Finite float32 values; none for other kinds of models, and for a column that is not looked at.
    """
    if isinstance(scorer, Forest):
        return _of_forest(scorer, column, value)
    if isinstance(scorer, Linear):
        return _of_linear(scorer.weights[column], value, gap)
    return _NONE


def _of_forest(forest: Forest, column: int, value: float) -> Floats:
    thresholds, codes = forest.splits(column)
    up_to = thresholds.astype(np.float32)
    up_to = np.where(up_to > thresholds, np.nextafter(up_to, np.float32(-np.inf)), up_to)
    beyond = np.nextafter(up_to, np.float32(np.inf))
    nearest = np.where(thresholds < value, up_to, beyond)
    points = np.concatenate([up_to, beyond]) if np.isnan(value) else nearest
    zero = [0.0] if len(thresholds) else []  # may count as missing
    other = [codes[-1] + 1] if len(codes) else []
    found = np.concatenate([points, zero, codes, other]).astype(np.float32)
    return np.unique(found[np.isfinite(found)])


def _of_linear(weight: float, value: float, gap: float) -> Floats:
    if not weight:
        return _NONE
    step, start = gap / weight, 0.0 if np.isnan(value) else value
    points = []
    with np.errstate(over="ignore"):
        both = np.array([start - step, start + step]).astype(np.float32)
        for solved in both[np.isfinite(both)]:
            below = above = solved
            points.append(solved)
            for _ in range(_ULPS):
                below, above = np.nextafter(below, np.float32(-np.inf)), np.nextafter(above, np.float32(np.inf))
                points += [below, above]
    found = np.array(points, np.float32)
    return np.unique(found[np.isfinite(found)])
