"""Several ranked lists become one, and every item keeps where each branch put it, which are features.

By reciprocal rank, or by weights where a configuration has some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recall.fusion.config import FusionConfig
from recall.fusion.linear import weighted
from recall.fusion.union import Union

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recall.branch import Candidates

__all__ = ["Recalled", "fuse", "fuse_union"]


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
    fusion: FusionConfig | None = None,
) -> Recalled:
    """Merge ranked lists, without weights by reciprocal rank (Cormack et al., SIGIR 2009).

    An item scores the sum of ``1 / (k + rank)`` over the branches that found it, or what the weights say; equal scores
    go by ascending row. The order in which the lists are handed in changes neither the items, nor their order, nor a
    bit of a score.

    Args:
        parts: A name and a list for each branch; the names are distinct.
        limit: Most items to return.
        quotas: How many of the best of a branch take part; a branch not named takes part whole.
        fusion: How; by reciprocal rank with the usual offset when left out.
    """
    quotas = quotas or {}
    cut = [(name, part.first(quotas.get(name, len(part)))) for name, part in parts]
    return fuse_union(Union.of(cut), limit, fusion or FusionConfig())


def fuse_union(union: Union, limit: int, fusion: FusionConfig) -> Recalled:
    """Fuse lists that are joined already; see ``fuse``."""
    ranks, scores = union.spread()
    if fusion.weights:
        fused = weighted((union.names, ranks, scores), fusion.weights, fusion.k)
    else:
        shares = 1.0 / (fusion.k + union.rank)
        fused = np.bincount(union.place, shares, len(union.rows)).astype(np.float64, copy=False)
    best = _best(fused, _reserved(union.names, ranks, fusion.reserve), limit)
    return Recalled(union.rows[best], fused[best], union.names, ranks[:, best], scores[:, best])


def _reserved(
    names: Sequence[str], ranks: npt.NDArray[np.int32], reserve: Mapping[str, int]
) -> npt.NDArray[np.bool_] | None:
    """Return which items have a place by being among the first of a branch; None: nothing is reserved."""
    if not reserve:
        return None
    most = np.array([reserve.get(name, 0) for name in names])
    return np.asarray(((ranks > 0) & (ranks <= most[:, None])).any(axis=0), np.bool_)


def _best(fused: npt.NDArray[np.float64], kept: npt.NDArray[np.bool_] | None, limit: int) -> npt.NDArray[np.int64]:
    """Return the places of the best, best first; those that are kept come in before others, not in front of them."""
    order = (-fused).argsort(kind="stable")
    if kept is None or limit >= len(order):
        return order[:limit]
    has_place = kept[order]
    has_place[np.flatnonzero(has_place)[limit:]] = False
    others = np.flatnonzero(~has_place)[: limit - int(has_place.sum())]
    has_place[others] = True
    return order[has_place]
