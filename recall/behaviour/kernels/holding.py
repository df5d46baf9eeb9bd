"""The nearest items seen so far: a heap of bounded size whose first one is the farthest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from searchrank.native.kernel import inlined

__all__ = ["hold"]

Rows = npt.NDArray[np.int32]
Weights = npt.NDArray[np.float32]


@inlined
def _farther(weights: Weights, rows: Rows, one: int, other: int) -> bool:
    """Whether the one held is farther than the other: of less weight, or of the same and a higher row."""
    if weights[one] != weights[other]:
        return bool(weights[one] < weights[other])
    return bool(rows[one] > rows[other])


@inlined
def _swap(weights: Weights, rows: Rows, one: int, other: int) -> None:
    weight, row = weights[one], rows[one]
    weights[one] = weights[other]
    rows[one] = rows[other]
    weights[other] = weight
    rows[other] = row


@inlined
def _rise(weights: Weights, rows: Rows, place: int) -> None:
    """Bring the one at a place, the last, to where it belongs."""
    while place > 0 and _farther(weights, rows, place, (place - 1) // 2):
        _swap(weights, rows, place, (place - 1) // 2)
        place = (place - 1) // 2


@inlined
def _sink(weights: Weights, rows: Rows, held: int) -> None:
    """Bring the first one to where it belongs."""
    place, below = 0, 1
    while below < held:
        if below + 1 < held and _farther(weights, rows, below + 1, below):
            below += 1
        if _farther(weights, rows, place, below):
            break
        _swap(weights, rows, place, below)
        place = below
        below = 2 * place + 1


@inlined
def hold(weights: Weights, rows: Rows, held: int, weight: np.float32, row: int) -> int:
    """Hold another item if it is nearer than the farthest one, or if there is room; return how many are held.

    What is held lies in the first places of both arrays, which are as long as most may be held.
    """
    if held < len(rows):
        weights[held] = weight
        rows[held] = row
        _rise(weights, rows, held)
        return held + 1
    if weight > weights[0] or (weight == weights[0] and row < rows[0]):
        weights[0] = weight
        rows[0] = row
        _sink(weights, rows, held)
    return held
