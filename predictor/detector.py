"""Looks at shares again and again and says when one has left its bounds, without crying wolf for looking often.

For each bound it keeps a mixture of e-detectors of Shiryaev-Roberts form (Shin, Ramdas, Rinaldo, "E-detectors: a
nonparametric framework for sequential change detection", New England Journal of Statistics in Data Science 2, 2024):
``R = (R + 1) * (1 + bet * (x - bound))``, with bets on the mean of a bounded variable as in Waudby-Smith and Ramdas
("Estimating means of bounded random variables by betting", JRSS B 86, 2024). As long as the expected share of every
group, whatever came before, is within its bound, the mean number of groups until one of K detectors reaches
``K * patience`` is at least ``patience``, for any distribution, any number of looks and any dependence between columns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["PATIENCE", "RECENT", "Detector"]

PATIENCE: Final = 1e6
"""Groups that pass on average, at least, until a false alarm."""
RECENT: Final = 32
"""Groups whose mean says how it is now."""

_BETS: Final = np.array([0.15, 0.4, 0.9])[:, None]  # shares of the largest bet that cannot lose everything
_NO_POWER: Final = 0.95  # a bound above it is never left by much
_MOST: Final = 1e60
_CALM: Final = 100.0

Floats = npt.NDArray[np.float64]


class Detector:
    """Upper bounds on K shares between 0 and 1; belongs to one thread.

    Attributes:
        alarmed: Shape ``(K,)``, which bounds have been left.
        since: Shape ``(K,)``, the moment at which a share began to leave its bound, as ``look`` was told.
    """

    def __init__(self, bounds: Floats, patience: float = PATIENCE) -> None:
        """Begin.

        Args:
            bounds: Shape ``(K,)``; one near 1 is never looked at.
            patience: Groups that pass on average, at least, until a false alarm.
        """
        self._watched = bounds < _NO_POWER
        self._bounds = np.where(self._watched, bounds, 1.0)
        self._limit = patience * max(1, int(self._watched.sum()))
        self._bets = _BETS / np.maximum(self._bounds, 1e-9)
        self._evidence = np.zeros((len(_BETS), len(bounds)))
        self._recent = np.full((RECENT, len(bounds)), np.nan)
        self._looks = 0
        self.alarmed = np.zeros(len(bounds), dtype=bool)
        self.since = np.full(len(bounds), np.nan)

    def look(self, shares: Floats, moment: float) -> None:
        """Take a group's shares, shape ``(K,)``, into account; alarms begin, and end with recent means in bounds."""
        self._recent[self._looks % RECENT] = shares
        self._looks += 1
        self._evidence += 1.0
        self._evidence *= 1.0 + self._bets * (shares - self._bounds)
        np.clip(self._evidence, 0.0, _MOST, out=self._evidence)
        evidence = self._evidence.mean(axis=0)
        calm = evidence < _CALM
        self.since[calm & ~self.alarmed] = moment
        self.alarmed |= self._watched & (evidence >= self._limit)
        if self.alarmed.any():
            over = self.alarmed & (self.recent <= self._bounds)
            self.alarmed &= ~over
            self._evidence[:, over] = 0.0

    @property
    def recent(self) -> Floats:
        """Mean of the last groups' shares, shape ``(K,)``; NaN before the first."""
        looks = max(1, min(self._looks, RECENT))
        return np.asarray(self._recent[:looks].mean(axis=0))
