"""Several ranked lists become one, and every item keeps where each branch put it, which are features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recall.fusion.union import Union

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recall.branch import Candidates

__all__ = ["Recalled", "fuse", "reciprocal"]


@dataclass(frozen=True, slots=True)
class Recalled:
    """One list made of several, with the provenance of each item.

    Attributes:
        rows: Shape ``(n,)`` int64, catalogue rows, each once, best first.
        fused: Shape ``(n,)`` float64, descending; comparable within this list only.
        branches: The names of the ``b`` lists, in the order they were handed in.
        ranks: Shape ``(b, n)`` int32, 1 for the best of a branch, 0 where the branch did not find the item.
        scores: Shape ``(b, n)`` float32, the branch's own score, NaN where it did not find the item.
    """

    rows: npt.NDArray[np.int64]
    fused: npt.NDArray[np.float64]
    branches: tuple[str, ...]
    ranks: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: npt.NDArray[np.int64]) -> Recalled:
        """Return the items at these places of the list."""
        return Recalled(
            self.rows[places], self.fused[places], self.branches, self.ranks[:, places], self.scores[:, places]
        )


def fuse(
    parts: Sequence[tuple[str, Candidates]],
    *,
    limit: int,
    quotas: Mapping[str, int] | None = None,
    k: float = 60.0,
) -> Recalled:
    """Merge ranked lists by reciprocal rank (Cormack et al., SIGIR 2009).

    An item scores the sum of ``1 / (k + rank)`` over the branches that found it; equal scores go by ascending
    row. The order in which the lists are handed in changes neither the items, nor their order, nor a bit of a
    score.

    Args:
        parts: A name and a list for each branch; the names are distinct.
        limit: Most items to return.
        quotas: How many of the best of a branch take part; a branch not named takes part whole.
        k: Rank offset of the paper; larger values flatten the top.
    """
    quotas = quotas or {}
    cut = [(name, part.first(quotas.get(name, len(part)))) for name, part in parts]
    return reciprocal(Union.of(cut), limit=limit, k=k)


def reciprocal(union: Union, *, limit: int, k: float) -> Recalled:
    """Fuse lists that are joined already; see ``fuse``."""
    ranks, scores = union.spread()
    fused = np.bincount(union.place, 1.0 / (k + union.rank), len(union.rows)).astype(np.float64, copy=False)
    best = (-fused).argsort(kind="stable")[:limit]
    return Recalled(union.rows[best], fused[best], union.names, ranks[:, best], scores[:, best])
