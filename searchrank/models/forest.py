"""A LightGBM forest, scored to the bit as LightGBM does and some twenty times faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.models.binned import BinnedForest
from searchrank.models.paths import nodes_by_depth, path_contributions, subtree_means
from searchrank.models.quickscorer import pack
from searchrank.models.scorer import check_columns
from searchrank.models.tree_text import CATEGORICAL, Trees, read_trees

__all__ = ["Forest"]


class Forest:
    """An immutable forest; any number of threads may score with it at once (scratch memory is per call).

    Example:
        >>> text = '''tree
        ... feature_names=price
        ...
        ... Tree=0
        ... num_leaves=2
        ... split_feature=0
        ... threshold=1.5
        ... decision_type=8
        ... left_child=-1
        ... right_child=-2
        ... leaf_value=0.25 -1
        ...
        ... end of trees
        ... '''
        >>> Forest.parse(text).score(np.array([[1.0, 2.0, np.nan]], dtype=np.float32)).tolist()
        [0.25, -1.0, -1.0]
    """

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        levels = nodes_by_depth(trees)
        self._packed = pack(trees, levels)
        self._means = subtree_means(trees, levels)
        self._whole = self.binned(())

    @classmethod
    def parse(cls, text: str) -> Forest:
        """Read the text of ``Booster.model_to_string()``.

        Every missing type, default direction, categorical split and tree of up to 2,048 leaves is taken. The score is
        the raw one: what a random forest's averaging or an objective's link would make of it is not applied.

        Raises:
            DataError: When the text is damaged, or holds linear trees.
        """
        return cls(read_trees(text))

    @property
    def trees(self) -> int:
        """Number of trees."""
        return self._trees.count

    @property
    def leaves(self) -> int:
        """Number of leaves of all trees."""
        return self._trees.leaf_value.size

    @property
    def classes(self) -> int:
        """Number of scores a row: 1, or the classes of a multi-class model."""
        return self._trees.classes

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns it was trained on, in order."""
        return self._trees.names

    @property
    def features(self) -> tuple[int, ...]:
        """Columns that at least one node looks at, ascending."""
        return tuple(np.unique(self._trees.feature).tolist())

    def splits(self, column: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return where nodes cut a column: thresholds, each reached from below, and codes that go their own way.

        Args:
            column: Which, from 0.

        Returns:
            Both ascending and distinct; a number up to a threshold and one beyond it may score differently, and so may
            a code and any other.
        """
        trees, mine = self._trees, self._trees.feature == column
        has_codes = mine & (trees.decision & CATEGORICAL > 0)
        words = [trees.words[trees.first_word[k] : trees.last_word[k]] for k in np.flatnonzero(has_codes)]
        codes = [
            np.flatnonzero(np.unpackbits(np.ascontiguousarray(part, "<u4").view(np.uint8), bitorder="little"))
            for part in words
        ]
        numbers = np.unique(trees.threshold[mine & ~has_codes])
        return numbers, np.unique(np.concatenate([np.empty(0), *codes]))

    def score(self, columns: npt.NDArray[np.float32], trees: int | None = None) -> npt.NDArray[np.float64]:
        """Score all rows; the bits equal ``Booster.predict(raw_score=True)`` on the same values.

        Args:
            columns: Shape ``(f, n)``, C-contiguous; NaN means missing.
            trees: How many trees are added, the first ones, as LightGBM's ``num_iteration``; None, or more than there
                are: all.

        Returns:
            Shape ``(n,)``.

        Raises:
            DataError: When the shape, type or memory order is another, the model has several classes, or the number
                of trees is not positive.
        """
        self._check_single()
        return self.score_classes(columns, trees).reshape(-1)

    def score_classes(self, columns: npt.NDArray[np.float32], trees: int | None = None) -> npt.NDArray[np.float64]:
        """Score all rows for each class, as ``score`` does for a model of one.

        Args:
            columns: As for ``score``.
            trees: As for ``score``; those of the classes take turns.

        Returns:
            Shape ``(classes, n)``.

        Raises:
            DataError: When the shape, type or memory order is another, or the number of trees is not positive.
        """
        return self._whole.score_classes(columns, trees=trees)

    def binned(self, own: Sequence[int]) -> BinnedForest:
        """Return the forest for rows of which these columns, ascending, lie binned in records of items."""
        return BinnedForest(
            self._packed, classes=self.classes, width=len(self._trees.names), own=np.array(own, np.int64)
        )

    def contributions(self, columns: npt.NDArray[np.float32], row: int) -> npt.NDArray[np.float64]:
        """Split one row's score over its inputs by the path method (Saabas, 2014).

        A node's mean is its leaves' values weighted by training rows; each step of the row's path gives the change of
        the mean to the feature asked there. Additive and exact, a few milliseconds for 500 trees; unlike Shapley
        values, features asked near the root are given a little less than their due.

        Args:
            columns: As for ``score``.
            row: Which row, from 0.

        Returns:
            Shape ``(f + 1,)``; the last is the mean score of the training rows. The sum is the score within 1e-9.

        Raises:
            DataError: As for ``score``, and when there is no such row.
        """
        self._check_single()
        check_columns(columns, len(self._trees.names))
        if not 0 <= row < columns.shape[1]:
            raise DataError(f"row {row} does not exist, there are {columns.shape[1]}")
        return path_contributions(self._trees, self._means, columns[:, row])

    def _check_single(self) -> None:
        if self.classes != 1:
            raise DataError(f"a model of {self.classes} classes has no single score a row; call score_classes")
