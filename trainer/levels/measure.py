"""The protocol's measures: a ranked list against all that a user wanted later, found by recall or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NDCG_AT", "RECALL_AT", "measure", "ranked"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NDCG_AT: Final = 10
RECALL_AT: Final = 100


def ranked(rows: Ints, scores: Floats, sizes: Ints) -> list[Ints]:
    """Return each list's rows, best first; equal scores keep their order.

    Args:
        rows: (n,) what is ranked, list after list.
        scores: (n,) higher is better.
        sizes: (q,) rows of each list.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)])
    parts = [slice(starts[i], starts[i + 1]) for i in range(len(sizes))]
    return [rows[part][np.argsort(-scores[part], kind="stable")] for part in parts]


def measure(lists: Sequence[Ints], positives: Sequence[Ints]) -> tuple[Floats, Floats]:
    """Return NDCG@10 and recall@100 of each list, shapes (q,).

    Relevance is binary. What is missing from a list counts as ranked last; the ideal list and the denominator of
    recall know of every positive.

    Args:
        lists: Ranked rows, best first, each once.
        positives: For each list at least one row.
    """
    discounts = 1 / np.log2(2 + np.arange(NDCG_AT))
    gains, recalls = np.empty(len(lists)), np.empty(len(lists))
    for i, (rows, likes) in enumerate(zip(lists, positives, strict=True)):
        hits = np.isin(rows[:RECALL_AT], likes)
        gains[i] = discounts[np.flatnonzero(hits[:NDCG_AT])].sum() / discounts[: len(likes)].sum()
        recalls[i] = hits.sum() / len(likes)
    return gains, recalls
