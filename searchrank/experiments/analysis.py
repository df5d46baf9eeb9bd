"""Did it help, and was the split fair: ratios clustered by unit, their difference, and the sample-ratio test.

Only what needs no library: a normal distribution and a chi-square of few degrees of freedom have closed forms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Z95", "Difference", "Ratio", "chi_square_tail", "difference", "ratio", "sample_ratio"]

Z95: Final = 1.959963984540054
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums over units, such as clicks by shown items.

    Attributes:
        value: The ratio; NaN without a denominator.
        error: Its standard error; NaN with fewer than two units.
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval."""
        return self.value - Z95 * self.error, self.value + Z95 * self.error


@dataclass(frozen=True, slots=True)
class Difference:
    """A treatment's ratio minus the control's.

    Attributes:
        value: The difference, in the ratio's own unit.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p: Two-sided p-value of no difference; NaN when it cannot be told.
    """

    value: float
    low: float
    high: float
    p: float


def ratio(numerators: Floats, denominators: Floats) -> Ratio:
    """Return a ratio of sums with its standard error by the delta method (Deng et al., KDD 2018).

    Units are independent, what one unit does is not: the variance is that of ``y - R x`` over units.

    Args:
        numerators: Shape ``(units,)``, such as clicks of each unit.
        denominators: Shape ``(units,)``, such as items shown to each unit.
    """
    n, total = len(denominators), float(denominators.sum())
    if not total:
        return Ratio(math.nan, math.nan)
    value = float(numerators.sum()) / total
    if n < 2:
        return Ratio(value, math.nan)
    residuals = numerators - value * denominators
    error = math.sqrt(float(residuals @ residuals) / (n - 1) * n) / total
    return Ratio(value, error)


def difference(control: Ratio, treatment: Ratio) -> Difference:
    """Return how a treatment differs from the control, which has other units."""
    value = treatment.value - control.value
    error = math.hypot(control.error, treatment.error)
    p = math.erfc(abs(value) / error / math.sqrt(2.0)) if error > 0.0 else math.nan
    return Difference(value, value - Z95 * error, value + Z95 * error, p)


def sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Return the p-value that units were split by these weights (chi-square); small means that some got lost.

    Args:
        counts: Units of each arm.
        weights: What each arm should get, relative; arms of weight 0 are left out.
    """
    pairs = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight > 0]
    units, whole = sum(count for count, _ in pairs), sum(weight for _, weight in pairs)
    if len(pairs) < 2 or not units:
        return math.nan
    statistic = sum((count - units * weight / whole) ** 2 / (units * weight / whole) for count, weight in pairs)
    return chi_square_tail(statistic, len(pairs) - 1)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return how likely a chi-square of so many degrees of freedom exceeds a value.

    The upper incomplete gamma function by its recurrence ``Q(a + 1, x) = Q(a, x) + x^a e^-x / gamma(a + 1)``
    (DLMF 8.8.6), from ``Q(1/2, x) = erfc(sqrt(x))`` or ``Q(1, x) = e^-x``.
    """
    x = statistic / 2.0
    if x <= 0.0:
        return 1.0
    a = 0.5 if freedom % 2 else 1.0
    tail = math.erfc(math.sqrt(x)) if freedom % 2 else math.exp(-x)
    while a < freedom / 2.0:
        tail += math.exp(a * math.log(x) - x - math.lgamma(a + 1.0))
        a += 1.0
    return min(tail, 1.0)
