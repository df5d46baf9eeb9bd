"""How far a mean over queries may be off: percentile bootstrap over queries (Efron 1979), seeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

__all__ = ["Interval", "bootstrap", "paired_bootstrap"]

_CELLS: Final = 4_000_000  # draws held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: Mean of the sample; NaN for no queries.
        low: Lower end.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


def bootstrap(values: npt.ArrayLike, *, resamples: int = 1000, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Return the mean of a metric and its interval under resampling of queries.

    Args:
        values: (q,) one value a query; NaN (a query without relevant rows) is left out.
        resamples: Number of resamples.
        confidence: Probability mass of the interval.
        seed: Same seed, same interval.

    Returns:
        The interval; all NaN when no query has a value.

    Raises:
        DataError: When ``resamples`` or ``confidence`` makes no interval.
    """
    if resamples < 1 or not 0.0 < confidence < 1.0:
        raise DataError(f"{resamples} resamples at confidence {confidence} make no interval")
    sample = np.asarray(values, np.float64)
    sample = sample[~np.isnan(sample)]
    if not len(sample):
        return Interval(float("nan"), float("nan"), float("nan"))
    means = _resampled_means(sample, resamples, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(sample.mean()), float(low), float(high))


def paired_bootstrap(
    ours: npt.ArrayLike,
    theirs: npt.ArrayLike,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the mean difference ``ours - theirs`` over the same queries and its interval.

    A query in which either has no value (NaN) is left out. Arguments as in ``bootstrap``.

    Raises:
        DataError: When the two are not values of the same queries.
    """
    left, right = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if left.shape != right.shape:
        raise DataError(f"{left.shape} and {right.shape} values cannot be paired: they are not of the same queries")
    return bootstrap(left - right, resamples=resamples, confidence=confidence, seed=seed)


def _resampled_means(
    sample: npt.NDArray[np.float64], resamples: int, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return the mean of each resample, shape (resamples,), holding a bounded number of draws at once."""
    means = np.empty(resamples)
    step = max(1, _CELLS // len(sample))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = generator.integers(0, len(sample), size=(count, len(sample)))
        means[start : start + count] = sample[drawn].mean(axis=1)
    return means
