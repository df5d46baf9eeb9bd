"""The items from which each is best predicted: a linear model of all at once, in closed form."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from recall.behaviour.neighbours import Nearest
from searchrank.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from recall.behaviour.graph import Graph
    from recall.kind import Told

__all__ = ["ease"]

_BLOCK: Final = 500  # columns read at a time
_logger = logging.getLogger(__name__)

Square = npt.NDArray[np.float64]


def ease(graph: Graph, count: int, told: Told, penalty: float, most_items: int) -> Nearest:
    """Return for each item those that predict it best, by the weights that EASE gives them.

    ``B = I - P · diag(1 / diag(P))`` with ``P = (XᵀX + penalty · I)⁻¹`` for the matrix X of users and items: the
    weights that minimise ``‖X - XB‖² + penalty · ‖B‖²`` when none may predict itself. Steck, "Embarrassingly shallow
    autoencoders for sparse data", WWW 2019. A weight below 0 speaks against an item. Memory is 8 bytes for each two
    items, time grows with the cube of their number.

    Args:
        graph: Who dealt with what.
        count: How many weights are kept, those farthest from 0; of equal ones those of lower row.
        told: Called with the number of steps done and of all.
        penalty: Above 0; the larger, the more it takes for an item to predict another.
        most_items: Items that take part, those with most users; the others have no neighbours, which is warned of.

    Raises:
        ConfigError: When scipy, which only building needs, is not installed, or memory does not hold the matrix.
    """
    rows = _taking_part(graph, most_items)
    steps = 2 * -(-len(rows) // _BLOCK) + 1
    inverse = _inverse(graph, rows, penalty, lambda done: told(done, steps))
    numbers, parts = np.zeros(graph.size, np.int64), []
    for first in range(0, len(rows), _BLOCK):
        last = min(first + _BLOCK, len(rows))
        for at, weights in enumerate(_columns(inverse, first, last).T, start=first):
            near = _greatest(weights, count)
            numbers[rows[at]] = len(near)
            parts.append((rows[near].astype(np.int32), weights[near]))
        told(steps // 2 + 1 + last // _BLOCK if last < len(rows) else steps, steps)
    none = (np.empty(0, np.int32), np.empty(0, np.float32))
    near_rows, near_weights = (np.concatenate(part) for part in zip(none, *parts, strict=True))
    return Nearest(numbers, near_rows, near_weights)


def _taking_part(graph: Graph, most: int) -> npt.NDArray[np.int64]:
    """Return the items with most users, ascending; of equal ones the lower rows."""
    degree = np.diff(graph.item_ends)
    there = int(np.count_nonzero(degree))
    if there > most:
        _logger.warning(
            "EASE is computed for the %d items with most users; %d others have no neighbours (most_items)",
            most,
            there - most,
        )
    return np.sort(np.argsort(-degree, kind="stable")[: min(there, most)])


def _inverse(graph: Graph, rows: npt.NDArray[np.int64], penalty: float, told: Callable[[int], None]) -> Square:
    """Return the lower half of P; what stands above the diagonal means nothing.

    Raises:
        ConfigError: When scipy is not installed, or memory does not hold P.
    """
    try:
        from scipy import sparse  # noqa: PLC0415 - only building needs it
        from scipy.linalg import lapack  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("item-to-item indexes are built with scipy; pip install 'searchrank[train]'") from error

    size = len(rows)
    ones = np.ones(len(graph.items), np.float32)
    shape = (len(graph.user_ends) - 1, graph.size)
    by_user = sparse.csr_array((ones, graph.items, graph.user_ends), shape=shape).tocsc()[:, rows]
    by_item, by_user = by_user.T.tocsr(), by_user.tocsr()
    try:
        square = np.zeros((size, size), order="F")
    except MemoryError as error:
        raise ConfigError(f"memory does not hold a matrix of {size} x {size} items; lower most_items") from error
    for done, first in enumerate(range(0, size, _BLOCK), start=1):
        square[:, first : first + _BLOCK] = (by_item[first : first + _BLOCK] @ by_user).toarray().T
        told(done)
    square[np.diag_indices(size)] += penalty
    if not size:
        return square
    factor, _ = lapack.dpotrf(square, lower=1, overwrite_a=1, clean=0)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    told(-(-size // _BLOCK) + 1)
    return np.asarray(inverse)


def _columns(inverse: Square, first: int, last: int) -> npt.NDArray[np.float32]:
    """Return columns of B, given the lower half of P."""
    diagonal = np.diagonal(inverse)[first:last]
    columns = inverse[:, first:last].copy(order="F")
    columns[:first] = inverse[first:last, :first].T
    own = inverse[first:last, first:last]
    columns[first:last] = np.tril(own) + np.tril(own, -1).T
    columns /= -diagonal
    columns[np.arange(first, last), np.arange(last - first)] = 0.0
    return columns.astype(np.float32)


def _greatest(weights: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Return where the weights farthest from 0 are, at most so many."""
    far = np.abs(weights)
    there = np.flatnonzero(far)
    if len(there) > count:
        worst = np.partition(far, len(far) - count)[len(far) - count]
        there = there[far[there] >= worst]
    order = np.lexsort((there, -far[there]))[:count]
    kept: npt.NDArray[np.int64] = there[order]
    return kept
