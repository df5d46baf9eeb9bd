"""Scoring in two steps: what a model reads of an item is prepared once an item, the rest comes with each pair."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from searchrank.models.forest import Forest
from searchrank.models.scorer import Scorer, check_columns, check_records

__all__ = ["FloatScorer", "PairScorer", "pair_scorer"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_FLOAT: Final = 4


class PairScorer(Protocol):
    """Gives every pair of a request and an item the score that its ``Scorer`` gives the whole row, to the bit.

    Implementations: ``BinnedForest`` keeps bins of an item, ``FloatScorer`` its floats, for any other model. Immutable,
    for any number of threads.

    Attributes:
        bytes: Length of an item's record.
        fingerprint: Equal where records are.
    """

    @property
    def bytes(self) -> int: ...  # noqa: D102 above

    @property
    def fingerprint(self) -> str: ...  # noqa: D102 above

    def prepare(self, columns: Floats) -> Bytes:
        """Return the records of items.

        Args:
            columns: Shape ``(item-only columns, items)``, C-contiguous; NaN means missing.

        Returns:
            Shape ``(items, bytes)``.

        Raises:
            DataError: When the shape, type or memory order is another.
        """
        ...

    def score(self, columns: Floats, items: Bytes, numbers: Ints, trees: int | None = None) -> npt.NDArray[np.float64]:
        """Score pairs.

        Args:
            columns: Shape ``(other columns, n)``, C-contiguous; NaN means missing.
            items: Shape ``(m, bytes)``, records; a row may be part of a longer one.
            numbers: Shape ``(n,)``, the record of each pair's item.
            trees: As for ``Scorer.score``.

        Returns:
            Shape ``(n,)``.

        Raises:
            DataError: When shapes, types or memory order are others, a number is out of range, or the number of trees
                is not positive.
        """
        ...


class FloatScorer:
    """Keeps the floats of an item and puts whole rows together for a model that reads floats."""

    def __init__(self, scorer: Scorer, item_only: Sequence[int], width: int) -> None:
        """Say which columns are kept.

        Args:
            scorer: The model.
            item_only: Columns that depend on the item alone, ascending.
            width: Number of columns.
        """
        self._scorer = scorer
        self._own = np.array(item_only, np.int64)
        self._others = np.setdiff1d(np.arange(width), self._own)
        self.bytes = _FLOAT * self._own.size
        self.fingerprint = hashlib.sha256(f"floats {self._own.tolist()}".encode()).hexdigest()

    def prepare(self, columns: Floats) -> Bytes:
        """Keep what depends on the item alone as it is; see ``PairScorer``."""
        check_columns(columns, self._own.size)
        return np.ascontiguousarray(columns.T).view(np.uint8).reshape(columns.shape[1], self.bytes)

    def score(self, columns: Floats, items: Bytes, numbers: Ints, trees: int | None = None) -> npt.NDArray[np.float64]:
        """Score whole rows; see ``PairScorer``."""
        check_columns(columns, self._others.size)
        check_records(items, numbers, columns.shape[1], self.bytes)
        whole = np.empty((self._own.size + self._others.size, columns.shape[1]), np.float32)
        whole[self._others] = columns
        whole[self._own] = items[numbers].view(np.float32).T
        return self._scorer.score(whole, trees)


def pair_scorer(scorer: Scorer, item_only: Sequence[int], width: int) -> PairScorer:
    """Return what scores pairs as a scorer scores rows.

    Args:
        scorer: The model.
        item_only: Columns that depend on the item alone, ascending.
        width: Number of columns.
    """
    return scorer.binned(item_only) if isinstance(scorer, Forest) else FloatScorer(scorer, item_only, width)
