"""The items of several ranked lists, each once, and where each list has them: what every fusion begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recall.branch import Candidates

__all__ = ["Union"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """The ``u`` items of ``b`` lists that have ``n`` members together.

    Attributes:
        names: Of the lists, in the order in which they were handed in.
        rows: Shape ``(u,)``, ascending.
        place: Shape ``(n,)``, for each member, list by list in the order of their names, where ``rows`` has it: what is
            summed over members does not depend on the order in which lists were handed in.
        branch: Shape ``(n,)``, the number of its list.
        rank: Shape ``(n,)``, its rank there, 1 for the best.
        score: Shape ``(n,)`` float32, its score there.
    """

    names: tuple[str, ...]
    rows: Ints
    place: Ints
    branch: Ints
    rank: Ints
    score: npt.NDArray[np.float32]

    @classmethod
    def of(cls, parts: Sequence[tuple[str, Candidates]]) -> Union:
        """Join lists.

        Args:
            parts: A name and a list for each branch; names are distinct, and so are the rows of one list.
        """
        names = tuple(name for name, _ in parts)
        numbers = sorted(range(len(parts)), key=names.__getitem__)
        lists = [parts[number][1] for number in numbers]
        rows = np.concatenate([_NO_ROWS, *(part.rows for part in lists)])
        score = np.concatenate([_NO_SCORES, *(part.scores for part in lists)])
        sizes = np.array([len(part.rows) for part in lists], np.int64)
        branch = np.array(numbers, np.int64).repeat(sizes)
        rank = np.arange(1, len(rows) + 1) - (sizes.cumsum() - sizes).repeat(sizes)
        order = rows.argsort(kind="stable")
        ascending = rows[order]
        first = np.ones(len(rows), np.bool_)
        np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
        place = np.empty(len(rows), np.int64)
        place[order] = first.cumsum() - 1
        return cls(names, ascending[first], place, branch, rank, score)

    @property
    def unique(self) -> list[int]:
        """For each list, how many of its members no other list has."""
        alone = np.bincount(self.place)[self.place] == 1 if len(self.place) else np.empty(0, np.bool_)
        counts: list[int] = np.bincount(self.branch[alone], minlength=len(self.names)).tolist()
        return counts

    def spread(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return ranks and scores, each of shape ``(b, u)``: 0 and NaN where a list does not have an item."""
        shape = (len(self.names), len(self.rows))
        ranks, scores = np.zeros(shape, np.int32), np.full(shape, np.nan, np.float32)
        ranks[self.branch, self.place] = self.rank
        scores[self.branch, self.place] = self.score
        return ranks, scores


_NO_ROWS = np.empty(0, np.int64)
_NO_SCORES = np.empty(0, np.float32)
