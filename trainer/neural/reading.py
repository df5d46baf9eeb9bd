"""How a network reads the columns of a plan: what is known of each of them from the training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

__all__ = ["LIMIT", "ColumnReading"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LIMIT: Final = 8.0
"""Standard deviations from the mean beyond which a number counts as that far."""
_MOST_CODES: Final = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class ColumnReading:
    """What a network does to its columns before the first layer.

    Numbers are standardised, a missing one becomes the mean, and where some were missing in training there is an
    indicator of it. A category becomes a row of a table; a code that training did not see, or none, the table's last.

    Attributes:
        width: Columns in all.
        numbers: Columns that are numbers.
        means: Their means.
        scales: One over their standard deviations; 0 for a column that never varied.
        gaps: Places in ``numbers`` of those that were missing somewhere.
        codes: Columns that are categories.
        sizes: Rows of each category's table, without the last.
    """

    width: int
    numbers: Ints
    means: Floats
    scales: Floats
    gaps: Ints
    codes: Ints
    sizes: Ints

    @classmethod
    def of(cls, matrix: Floats, categorical: Sequence[int]) -> Self:
        """Learn it from a matrix (n, f), n above 0, of which some columns hold codes from 0."""
        width = matrix.shape[1]
        codes = np.array(sorted(categorical), np.int64)
        numbers = np.setdiff1d(np.arange(width), codes)
        means, deviations = np.zeros(len(numbers)), np.zeros(len(numbers))
        gaps = []
        for place, column in enumerate(numbers.tolist()):
            values = matrix[:, column].astype(np.float64)
            known = values[np.isfinite(values)]
            if len(known):
                means[place], deviations[place] = known.mean(), known.std()
            if np.isnan(values).any():
                gaps.append(place)
        varies = deviations > 1e-12 * np.maximum(1.0, np.abs(means))
        scales = np.divide(1.0, deviations, out=np.zeros(len(numbers)), where=varies)
        sizes = [_seen(matrix[:, column]) for column in codes.tolist()]
        return cls(
            width,
            numbers,
            means.astype(np.float32),
            scales.astype(np.float32),
            np.array(gaps, np.int64),
            codes,
            np.array(sizes, np.int64),
        )

    @property
    def offsets(self) -> Ints:
        """First row of each category in one table of all of them."""
        return np.cumsum(self.sizes + 1) - (self.sizes + 1)

    def features(self, embedding_size: int) -> int:
        """Return how many numbers the first layer reads."""
        return len(self.numbers) + len(self.gaps) + len(self.codes) * embedding_size


def _seen(codes: Floats) -> int:
    known = codes[np.isfinite(codes)]
    return int(min(max(known.max(initial=-1.0) + 1, 0), _MOST_CODES))
