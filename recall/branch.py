"""What every way of finding candidates shares: a query in, a ranked list of catalogue rows out.

Inside recall an item is a row number of one snapshot's catalogue, so that lists are arrays; ids appear at the
edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recall.late import Late

__all__ = ["Branch", "Candidates", "Query", "rank"]


def _no_rows() -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What candidates are wanted for. Every part may be empty; a branch that needs it then finds nothing.

    Attributes:
        text: The words typed, as typed.
        lists: For the name of an input of the request, shape ``(m,)`` int64, rows of the items that it lists, latest
            first. Numbers that are not a row (the row of unknown items, say) are ignored.
        exclude: Shape ``(x,)`` int64, rows that must not be returned, in any order.
        allowed: Shape ``(rows,)`` bool, the rows that may be returned, those of ``late`` among them; None: all.
        given: For the name of any other input of the request, its cell as features read it: a point, a vector, tags.
        time: The request's time, microseconds since 1970, UTC.
        late: Items put since the indexes were built; None: none. Rows beyond ``size`` are theirs.
    """

    text: str = ""
    lists: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    exclude: npt.NDArray[np.int64] = field(default_factory=_no_rows)
    allowed: npt.NDArray[np.bool_] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    time: int = 0
    late: Late | None = None

    def kept(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_] | None:
        """Return which rows may be returned, or None when all may."""
        kept = None if self.allowed is None else self.allowed[rows]
        if len(self.exclude) and len(rows):
            others = ~np.isin(rows, self.exclude)
            kept = others if kept is None else kept & others
        return kept


@dataclass(frozen=True, slots=True)
class Candidates:
    """A ranked list.

    Attributes:
        rows: Shape ``(k,)`` int64, catalogue rows, each once, best first; equal scores by ascending row.
        scores: Shape ``(k,)`` float32, finite, comparable within this list only.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, count: int) -> Candidates:
        """Return the best of it, at most so many."""
        return self if len(self.rows) <= count else Candidates(self.rows[:count], self.scores[:count])

    @classmethod
    def empty(cls) -> Candidates:
        """Return the list of nothing."""
        return cls(np.empty(0, np.int64), np.empty(0, np.float32))


class Branch(Protocol):
    """One way of finding candidates.

    An implementation is read-only after it was opened and may be called from several threads at once. It
    returns rows that are unique, at most ``limit`` of them, none of ``query.exclude`` and only those of
    ``query.allowed``, by descending score and then ascending row. It need not guard itself: whoever calls it
    names a failure and goes on with the other branches.
    """

    @property
    def name(self) -> str:
        """What the branch is called in configuration, answers and features."""
        ...

    @property
    def waits(self) -> bool:
        """Whether it may wait with the interpreter let go: for a network, a disk, code that is not Python's.

        Requests ask such a branch on a thread, where one that hangs holds up nobody. A thread helps against nothing
        else; a branch that reads arrays in memory says False and costs no thread.
        """
        ...

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the best candidates for a query.

        Args:
            query: What is wanted.
            limit: Most rows to return; at least 1.
        """
        ...


def rank(
    rows: npt.NDArray[np.integer],
    scores: npt.NDArray[np.floating],
    limit: int,
    query: Query,
) -> Candidates:
    """Return the best of scored rows as candidates.

    Args:
        rows: Shape ``(n,)``, unique, in any order.
        scores: Shape ``(n,)``, finite; rounded to float32 before they are compared.
        limit: Most rows to return.
        query: Says which rows to leave out.
    """
    scores = scores.astype(np.float32, copy=False)
    kept = query.kept(rows)
    if kept is not None:
        rows, scores = rows[kept], scores[kept]
    if len(rows) > limit:
        worst = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        near = np.flatnonzero(scores >= worst)
        rows, scores = rows[near], scores[near]
    order = np.lexsort((rows, -scores))[:limit]
    return Candidates(rows[order].astype(np.int64, copy=False), scores[order])
