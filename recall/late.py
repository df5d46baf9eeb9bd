"""Items put since the indexes were built: few enough to be scanned, so that they are found before the next build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from recall.branch import Candidates

__all__ = ["Late"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Late:
    """Items put since the indexes were built. They have rows beyond those of the catalogue.

    Attributes:
        rows: Shape ``(m,)``, their rows.
        tokens: For each text, shape ``(m,)`` records of ``count`` and ``values``, the hashes of its first tokens.
        replaced: Shape ``(k,)``, catalogue rows of those that were there before, ascending.
        now: Shape ``(k,)``, the rows that these have now.
        vectors: For each vector of the item, shape ``(m, dimension)``; NaN where there is none.
        cells: For each stored input of the item, shape ``(m,)`` or more, its cells (``searchrank.features.inputs``).
    """

    rows: Ints
    tokens: Mapping[str, npt.NDArray[np.void]]
    replaced: Ints
    now: Ints
    vectors: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    cells: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def counts(self, field: str, run: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return how often a text holds tokens one after the other, shape ``(m,)``.

        Args:
            field: Name of the item input; one that is not kept as tokens holds none.
            run: ``hash_text`` of each token.
        """
        cells = self.tokens.get(field)
        if cells is None or not run or len(run) > cells["values"].shape[1]:
            return np.zeros(len(self.rows))
        values = cells["values"]
        last = values.shape[1] - len(run) + 1
        here = np.ones((len(values), last), np.bool_)
        for at, token in enumerate(run):
            here &= values[:, at : at + last] == token
        found: npt.NDArray[np.float64] = np.count_nonzero(here, axis=1).astype(np.float64)
        return found

    def moved(self, found: Candidates) -> Candidates:
        """Return a branch's list with the rows that its items have now."""
        at = np.minimum(np.searchsorted(self.replaced, found.rows), len(self.replaced) - 1)
        if not len(at) or at[0] < 0:
            return found
        rows = np.where(self.replaced[at] == found.rows, self.now[at], found.rows)
        return Candidates(rows, found.scores)
