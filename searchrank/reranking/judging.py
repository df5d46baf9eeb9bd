"""What another ordering would have earned, from lists that were varied by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

__all__ = ["Judged", "judge"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """An estimate of a mean reward.

    Attributes:
        value: By inverse propensity scoring (Horvitz and Thompson 1952): unbiased.
        error: Its standard error.
        normalized: By self-normalised weights (Swaminathan and Joachims 2015): less spread, a little biased.
        effective: How many unweighted samples would tell as much.
    """

    value: float
    error: float
    normalized: float
    effective: float


def judge(rewards: Floats, logged: Floats, wanted: Floats) -> Judged:
    """Estimate what an ordering earns on average, from what others showed.

    Args:
        rewards: Shape ``(n,)``, what came of each sample: an item at its place, or a list.
        logged: Shape ``(n,)``, the probability with which it was shown, over 0 to 1: of a list, the product of its
            propensities.
        wanted: Shape ``(n,)``, the probability with which the ordering in question would have shown it.

    Raises:
        DataError: When lengths differ, there is nothing, or a probability is none.
    """
    if not rewards.shape == logged.shape == wanted.shape or rewards.ndim != 1 or not len(rewards):
        raise DataError(f"shapes {rewards.shape}, {logged.shape}, {wanted.shape}; give one value a sample to each")
    if not ((logged > 0) & (logged <= 1)).all():
        raise DataError("a logged propensity is over 0 and at most 1; leave out what was not logged", field="logged")
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise DataError("a probability is from 0 to 1", field="wanted")
    weights = wanted / logged
    gains = weights * rewards
    total, squares = weights.sum(), np.square(weights).sum()
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("nan")
    return Judged(
        value=float(gains.mean()),
        error=error,
        normalized=float(gains.sum() / total) if total > 0 else float("nan"),
        effective=float(total**2 / squares) if squares > 0 else 0.0,
    )
