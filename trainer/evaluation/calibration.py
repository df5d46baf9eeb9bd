"""Whether predicted probabilities come true: bins of equal mass, their error, and the ratio of sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from searchrank.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from trainer.evaluation.ranking import Floats, Integers

__all__ = ["Calibration", "calibration"]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Predicted probabilities beside what happened, bin by bin.

    Attributes:
        predicted: (b,) mean prediction of each bin, rising.
        observed: (b,) share of rows that came true.
        rows: (b,) rows of each bin.
    """

    predicted: Floats
    observed: Floats
    rows: Integers

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of a row's bin from what happened (Naeini, AAAI 2015)."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.rows))

    @property
    def ratio(self) -> float:
        """Sum of the predictions over the number that came true: above 1 promises too much; NaN when nothing did."""
        happened = float(self.observed @ self.rows)
        return float(self.predicted @ self.rows) / happened if happened > 0 else float("nan")


def calibration(predictions: npt.ArrayLike, outcomes: npt.ArrayLike, bins: int = 10) -> Calibration:
    """Compare predictions with outcomes in bins of about as many rows each; equal predictions share a bin.

    Args:
        predictions: (n,) probabilities.
        outcomes: (n,) above 0 when it came true.
        bins: Most bins.

    Raises:
        DataError: When there is nothing, the lengths differ, or a prediction is no probability.
    """
    chance = np.asarray(predictions, np.float64)
    true = (np.asarray(outcomes, np.float64) > 0).astype(np.float64)
    if chance.ndim != 1 or chance.shape != true.shape or not len(chance) or bins < 1:
        raise DataError(f"{chance.shape} predictions and {true.shape} outcomes in {bins} bins; give one of each a row")
    if not ((chance >= 0) & (chance <= 1)).all():
        raise DataError("a probability is from 0 to 1; scores that are none are not calibrated", field="predictions")
    order = np.argsort(chance)  # equal ones may lie in any order: sums over a bin are of sorted values
    chance, true = chance[order], true[order]
    edges = np.unique(chance[(np.arange(1, bins) * len(chance)) // bins])
    index = np.searchsorted(edges, chance, side="right")
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    rows = np.diff(np.append(starts, len(chance)))
    return Calibration(np.add.reduceat(chance, starts) / rows, np.add.reduceat(true, starts) / rows, rows)
