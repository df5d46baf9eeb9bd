"""What a forest loses when it may do less: fewer candidates scored, by fewer of its trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from searchrank.models import EffortCurve, EffortPoint, Forest

if TYPE_CHECKING:
    from collections.abc import Callable

    from searchrank.models import Scorer

__all__ = ["RankedLists", "measure_effort", "places"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CANDIDATES: Final = (1.0, 0.75, 0.5, 0.35, 0.25)
TREES: Final = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05)
"""Shares of both that are measured."""


@dataclass(frozen=True, slots=True, eq=False)
class RankedLists:
    """What is scored, list after list.

    Attributes:
        columns: Shape ``(f, n)``, what the model reads.
        places: Shape ``(n,)``, place of each row in its list before it is ranked, from 0.
        sizes: Shape ``(q,)``, rows of each list.
    """

    columns: npt.NDArray[np.float32]
    places: Ints
    sizes: Ints


def places(order: Floats, sizes: Ints) -> Ints:
    """Return the place of each row in its list by falling ``order``, ties as they are, from 0; shape ``(n,)``."""
    lists = np.repeat(np.arange(len(sizes)), sizes)
    found = np.empty(len(order), np.int64)
    found[np.lexsort((-order, lists))] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return found


def measure_effort(scorer: Scorer, lists: RankedLists, ndcg: Callable[[Floats], float]) -> EffortCurve | None:
    """Measure NDCG@10 on a grid of candidates and trees.

    Args:
        scorer: The model; only a forest can do less.
        lists: What it is measured on.
        ndcg: Mean NDCG@10 of scores ``(n,)``.

    Returns:
        None for another kind of model.
    """
    if not isinstance(scorer, Forest) or not scorer.trees:
        return None
    counts = sorted({max(1, round(share * scorer.trees)) for share in TREES}, reverse=True)
    sizes = np.repeat(lists.sizes, lists.sizes)
    points = []
    for trees in counts:
        scores = scorer.score(lists.columns, trees)
        last = scores.min() - 1.0 - lists.places  # who is not scored follows in the order there was
        for share in CANDIDATES:
            reached = np.where(lists.places < np.ceil(share * sizes), scores, last)
            points.append(EffortPoint(share, trees % scorer.trees, ndcg(reached)))
    length = float(lists.sizes.mean())
    return EffortCurve(points=tuple(points), lists=len(lists.sizes), length=length, trees=scorer.trees)
