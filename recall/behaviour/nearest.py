"""The nearest items of each, by the cosine of their users or by swing: a kernel's work, so many items at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recall.behaviour.kernels import nearest as kernels
from recall.behaviour.neighbours import Nearest
from searchrank.native import address, compiled
from searchrank.native.memory import bits_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from recall.behaviour.graph import Graph
    from recall.kind import Told

__all__ = ["cosine", "swing"]

SWING_USERS: Final = 300
"""Latest users of an item that swing compares with each other: cost grows with the square of their number."""
_BLOCK: Final = 1_000  # items done at a time, after which progress is told


def cosine(graph: Graph, count: int, told: Told) -> Nearest:
    """Return each item's nearest: users in common over the root of the product of both items' numbers of users.

    Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001.

    Args:
        graph: Who dealt with what.
        count: How many of the nearest are kept; of equal ones those of lower row.
        told: Called with the number of items done and of all.
    """
    return _by(kernels.cosine, graph, count, told, {})


def swing(graph: Graph, count: int, told: Told, smoothing: float) -> Nearest:
    """Return each item's nearest by swing: what two users have in common says more, the less else they have in common.

    ``s(i, j) = Σ 1 / √|I_u| · 1 / √|I_v| · 1 / (smoothing + |I_u ∩ I_v|)`` over each two users u, v of both i and j,
    where ``I_u`` are the items of u. Of an item's users the latest ``SWING_USERS`` count. Yang et al., "Large scale
    product graph construction for recommendation in e-commerce", arXiv:2010.05525, 2020.

    Args:
        graph: Who dealt with what.
        count: How many of the nearest are kept; of equal ones those of lower row.
        told: Called with the number of items done and of all.
        smoothing: Added to the number of items that two users have in common, at least 0.
    """
    most = min(SWING_USERS, int(np.diff(graph.item_ends).max(initial=0)))
    widest = int(np.diff(graph.user_ends).max(initial=0))
    after, members, pairs = np.empty(graph.size, np.int32), np.empty(most * widest, np.int32), np.empty(most * most)
    room = {11: address(after), 12: address(members), 13: address(pairs)}
    return _by(kernels.swing, graph, count, told, room | {14: bits_of(smoothing), 15: most})


def _by(kernel: Callable[..., None], graph: Graph, count: int, told: Told, more: dict[int, int]) -> Nearest:
    """Call a kernel for one block of items after the other."""
    count = min(count, max(graph.size - 1, 1))
    call, given = compiled(kernel), np.zeros(kernels.SLOTS, np.int64)
    rows, weights = np.empty((_BLOCK, count), np.int32), np.empty((_BLOCK, count), np.float32)
    numbers, common, met = np.empty(_BLOCK, np.int64), np.zeros(graph.size, np.int32), np.empty(graph.size, np.int32)
    given[:4] = address(graph.item_ends), address(graph.users), address(graph.user_ends), address(graph.items)
    given[4:6] = graph.size, count
    given[6:9] = address(rows), address(weights), address(numbers)
    given[9:11] = address(common), address(met)
    for at, operand in more.items():
        given[at] = operand
    parts = []
    for first in range(0, graph.size, _BLOCK):
        last = min(first + _BLOCK, graph.size)
        call(first, last, address(given))
        kept = np.arange(count) < numbers[: last - first, np.newaxis]
        parts.append(Nearest(numbers[: last - first].copy(), rows[: last - first][kept], weights[: last - first][kept]))
        told(last, graph.size)
    return Nearest.joined(parts)
