"""Lists are joined by a weighted sum of signals of each branch: by hand, or learnt by ``trainer.fusion``.

With the one signal ``score`` it is the convex combination of Bruch, Gai and Ingber (TOIS 2023), which does better than
reciprocal rank after a few examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from recall.fusion.config import Weights

__all__ = ["SIGNALS", "signals", "weighted"]

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]


def _found(ranks: Ranks, _scores: Floats, _k: float) -> Floats:
    return (ranks > 0).astype(np.float64)


def _reciprocal(ranks: Ranks, _scores: Floats, k: float) -> Floats:
    return np.where(ranks > 0, k / (k + np.maximum(ranks, 1)), 0.0)


def _top(ranks: Ranks, _scores: Floats, _k: float) -> Floats:
    return np.where(ranks > 0, 1.0 / np.maximum(ranks, 1), 0.0)


def _score(ranks: Ranks, scores: Floats, _k: float) -> Floats:
    low, high = _ends(ranks, scores)
    return np.where(ranks > 0, (scores - low) / (high - low) if high > low else 1.0, 0.0)


def _raw(ranks: Ranks, scores: Floats, _k: float) -> Floats:
    return np.where(ranks > 0, scores, _ends(ranks, scores)[0])


def _ends(ranks: Ranks, scores: Floats) -> tuple[float, float]:
    """Return the least and the greatest score of a list; 0 of an empty one."""
    known = scores[ranks > 0]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)


SIGNALS: Final[Mapping[str, Callable[[Ranks, Floats, float], Floats]]] = {
    "found": _found,
    "reciprocal": _reciprocal,
    "top": _top,
    "score": _score,
    "raw": _raw,
}
"""What can be said of an item by its place in a list. Where it is not there all are 0, but ``raw`` the list's least."""


def signals(names: Sequence[str], ranks: Ranks, scores: Scores, k: float) -> Floats:
    """Return signals of items in one list.

    Args:
        names: Of the ``s`` signals, at least one.
        ranks: Shape ``(u,)``, 1 for the best, 0 where the list does not have the item.
        scores: Shape ``(u,)``, NaN likewise. Scores that are not finite count as the largest and least numbers.
        k: Rank offset of ``reciprocal``.

    Returns:
        Shape ``(s, u)``.
    """
    known = np.nan_to_num(scores).astype(np.float64)
    return np.stack([SIGNALS[name](ranks, known, k) for name in names])


def weighted(
    lists: tuple[Sequence[str], npt.NDArray[np.int32], npt.NDArray[np.float32]],
    weights: Mapping[str, Weights],
    k: float,
) -> Floats:
    """Return the weighted sum of signals of items.

    Args:
        lists: Names of the ``b`` branches, and ranks and scores, both of shape ``(b, u)``.
        weights: For branches what their signals count; others count nothing.
        k: Rank offset of ``reciprocal``.

    Returns:
        Shape ``(u,)``; the same to the bit in whatever order the branches are.
    """
    branches, ranks, scores = lists
    total = np.zeros(ranks.shape[1])
    for at in sorted(range(len(branches)), key=branches.__getitem__):
        told = weights.get(branches[at])
        if told is None:
            continue
        used = [name for name in SIGNALS if getattr(told, name)]
        for name, values in zip(used, signals(used, ranks[at], scores[at], k), strict=True):
            total += getattr(told, name) * values
    return total
