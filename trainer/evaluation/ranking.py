"""Scored rows sorted once, query by query, with the blocks of equal scores that metrics average over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

__all__ = ["Floats", "Integers", "Ranking"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LARGEST_LABEL: Final = 1000  # 2**label and sums of it stay finite in float64


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Scored rows in the order of their scores, query by query; tied rows form one block.

    Attributes:
        labels: (n,) relevance, sorted by query, falling score, label.
        query: (n,) index of the row's query, rising.
        position: (n,) 0-based place of the row in its query.
        tie: (n,) index of the row's block of equal scores within its query, rising.
        tie_sizes: (t,) rows of each block.
        queries: Number of queries.
        rows: (n,) which of the given rows each one is.
        scores: (n,) score of each row, falling within its query.
    """

    labels: Floats
    query: Integers
    position: Integers
    tie: Integers
    tie_sizes: Integers
    queries: int
    rows: Integers
    scores: Floats

    @classmethod
    def of(cls, scores: npt.ArrayLike, labels: npt.ArrayLike, sizes: npt.ArrayLike) -> Ranking:
        """Sort rows that lie query after query.

        Args:
            scores: (n,) higher ranks first; infinities are allowed, NaN is not.
            labels: (n,) relevance from 0 to 1000; above 0 is relevant.
            sizes: (q,) rows of each query, at least 1, in the order of the rows.

        Raises:
            DataError: When lengths disagree, a score or label is NaN, or a label is out of range.
        """
        score, label = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
        size = np.asarray(sizes, np.int64)
        _check(score, label, size)
        query = np.repeat(np.arange(len(size)), size)
        order = np.lexsort((label, -score, query))
        first = np.cumsum(size) - size
        new = np.ones(len(score), dtype=bool)
        new[1:] = (np.diff(query) != 0) | (score[order][1:] != score[order][:-1])
        tie = np.cumsum(new) - 1
        position = np.arange(len(score)) - np.repeat(first, size)
        return cls(label[order], query, position, tie, np.bincount(tie), len(size), order, score[order])

    def over_ties(self, values: Floats) -> Floats:
        """Return the sum of ``values`` over each block of ties, shape (t,)."""
        return _sums(self.tie, values, len(self.tie_sizes))

    def over_queries(self, values: Floats) -> Floats:
        """Return the sum of ``values`` over each query, shape (q,)."""
        return _sums(self.query, values, self.queries)

    @property
    def sizes(self) -> Integers:
        """Rows of each query, shape (q,)."""
        return np.bincount(self.query, minlength=self.queries)

    def within(self, k: int) -> Integers:
        """Return how many of each block's rows are among the first ``k`` of their query, shape (t,)."""
        first = self.position[self.place_in_tie() == 0]
        places: Integers = np.clip(k - first, 0, self.tie_sizes)
        return places

    def place_in_tie(self) -> Integers:
        """Return the 0-based place of each row in its block, shape (n,)."""
        return np.arange(len(self.tie)) - np.repeat(np.cumsum(self.tie_sizes) - self.tie_sizes, self.tie_sizes)

    def before_tie(self, values: Floats) -> Floats:
        """Return the sum of ``values`` over the rows of its query above each block, shape (t,).

        ``values`` are whole numbers: the sums are exact whatever comes before the query.
        """
        block = self.over_ties(values)
        first = np.flatnonzero(self.place_in_tie() == 0)
        running = np.cumsum(block) - block
        start = np.flatnonzero(self.position[first] == 0)
        return running - running[start][self.query[first]]


def _sums(index: Integers, values: Floats, length: int) -> Floats:
    """Return the sum of ``values`` for each ``index``, shape (length,)."""
    return np.bincount(index, values, length).astype(np.float64)


def _check(scores: Floats, labels: Floats, sizes: Integers) -> None:
    """Refuse rows that cannot be ranked.

    Raises:
        DataError: When they cannot.
    """
    if not (scores.ndim == labels.ndim == sizes.ndim == 1 and len(scores) == len(labels) == sizes.sum()):
        raise DataError(
            f"{scores.shape} scores, {labels.shape} labels and queries of {sizes.sum()} rows in all disagree"
        )
    if len(sizes) and sizes.min() < 1:
        raise DataError(f"query {int(np.argmin(sizes))} has {sizes.min()} rows; every query needs at least one")
    if np.isnan(scores).any():
        raise DataError(f"score {int(np.argmax(np.isnan(scores)))} is NaN; a ranking of NaN means nothing")
    bad = ~((labels >= 0) & (labels <= _LARGEST_LABEL))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"label {labels[row]} in row {row} is not between 0 and {_LARGEST_LABEL}")
