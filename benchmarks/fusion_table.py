"""How much better is fusion that was learnt than reciprocal rank, query by query: over all, and in slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from recall import FusionConfig
from recall.fusion.linear import weighted
from trainer.evaluation import by_slice, difference
from trainer.fusion.fitting import JudgedList, gains

__all__ = ["compare", "print_slices"]

Floats = npt.NDArray[np.float64]


def compare(
    lists: Sequence[JudgedList], fusion: FusionConfig, members: Mapping[str, npt.NDArray[np.bool_]], depth: int
) -> dict[str, float]:
    """Print and return what learned fusion changes.

    Args:
        lists: All candidates of each query, in the order of reciprocal rank, and what of them is relevant.
        fusion: What was learnt, from other queries.
        members: Slices of the queries, each a mask.
        depth: How many of the best count for recall.
    """
    branches = lists[0].found.branches
    ours = [weighted((branches, one.found.ranks, one.found.scores), fusion.weights, fusion.k) for one in lists]
    theirs = [one.found.fused for one in lists]
    figures: dict[str, float] = {}
    print(f"\n{len(lists):,} queries{'':8}{'learned':>9}{'rrf':>9}{'difference, 95 %':>30}{'p':>9}")
    for name, left, right in (
        ("ndcg@10", gains(lists, ours), gains(lists, theirs)),
        (f"recall@{depth}", _held(lists, ours, depth), _held(lists, theirs, depth)),
    ):
        apart = difference(left, right)
        told = f"{apart.mean:+.4f} ({apart.low:+.4f} to {apart.high:+.4f})"
        print(f"{name:18}{np.nanmean(left):>9.4f}{np.nanmean(right):>9.4f}{told:>30}{apart.p:>9.2g}")
        figures |= {name: float(np.nanmean(left)), f"rrf_{name}": float(np.nanmean(right)), f"p_{name}": apart.p}
    if members:
        print_slices(members, gains(lists, ours), gains(lists, theirs))
    return figures


def print_slices(members: Mapping[str, npt.NDArray[np.bool_]], ours: Floats, theirs: Floats) -> None:
    """Print NDCG@10 of both in each slice, and how probable it is that learned is so much worse by chance."""
    print(f"\n{'slice':18}{'queries':>8}{'learned':>9}{'rrf':>9}{'p worse, Holm':>15}")
    for one in by_slice(members, ours, theirs):
        print(f"{one.name:18}{one.queries:>8}{one.ours:>9.4f}{one.theirs:>9.4f}{one.p_holm:>15.3f}")


def _held(lists: Sequence[JudgedList], scores: Sequence[Floats], depth: int) -> Floats:
    """Return for each query the share of what is relevant that is among the best; NaN where nothing is."""
    shares = np.full(len(lists), np.nan)
    for at, (one, values) in enumerate(zip(lists, scores, strict=True)):
        best = one.found.rows[np.argsort(-values, kind="stable")[:depth]]
        if one.grades:
            shares[at] = np.isin(list(one.grades), best).mean()
    return shares
