"""Maximal marginal relevance: what is like something above it has to be better to stand as high."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import double_of, doubles_at, floats_at, ints_at, square_root

__all__ = ["SLOTS", "diversify"]

SLOTS: Final = 9

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@inlined
def _to_unit_length(vectors: Floats, n: int, size: int, total: Floats) -> None:
    """Divide n vectors, each a column, by their lengths; one that is missing or of no length becomes 0."""
    for i in range(n):
        total[i] = 0.0
    for k in range(size):
        for i in range(n):
            total[i] += vectors[k * n + i] * vectors[k * n + i]
    for k in range(size):
        for i in range(n):
            usable = 0.0 < total[i] < 3e38
            length = square_root(np.float64(total[i]))
            vectors[k * n + i] = np.float32(vectors[k * n + i] / length) if usable else np.float32(0.0)


@inlined
def _compare_vectors(vectors: Floats, chosen: int, span: tuple[int, int], likest: Floats, like: Floats) -> None:
    """Note how like all are to the chosen one: components are added in their order, many candidates at a time."""
    n, size = span
    for i in range(n):
        like[i] = 0.0
    for k in range(size):
        own = vectors[k * n + chosen]
        for i in range(n):
            like[i] += own * vectors[k * n + i]
    for i in range(n):
        likest[i] = max(likest[i], like[i])


@inlined
def _compare_codes(codes: Ints, chosen: int, n: int, likest: Floats) -> None:
    """Note which are of the chosen one's group; 0 is none."""
    for i in range(n):
        if codes[i] == codes[chosen] and codes[i] != 0:
            likest[i] = 1.0


@inlined
def _append(relevance: npt.NDArray[np.float64], n: int, place: int, out: Ints) -> None:
    """Write those that were not chosen, in their order, from a place on."""
    for i in range(n):
        if relevance[i] > -np.inf:  # not the NaN of a chosen one
            out[place] = i
            place += 1


@kernel
def diversify(n: int, operands: int) -> None:
    """Write the order of n candidates by maximal marginal relevance (Carbonell and Goldstein 1998).

    ``operands``: where relevances lie (n float64, candidates best first; changed), lambda's bits, how many places are
    chosen, where codes lie (n int64; 0: unlike everything) or 0, where vectors lie (size, n float32; changed) or 0,
    their size, room for n float32 twice, and where the order goes. Ties go to the candidate that came first.
    """
    given = ints_at(operands, SLOTS)
    relevance, weight, places, size = doubles_at(given[0], n), double_of(given[1]), given[2], given[5]
    codes, vectors = ints_at(given[3], n), floats_at(given[4], n * size)
    likest, like, out = floats_at(given[6], n), floats_at(given[7], n), ints_at(given[8], n)
    if given[4] != 0:
        _to_unit_length(vectors, n, size, like)
    for i in range(n):
        likest[i] = 0.0
    for place in range(places):
        best, value = -1, -np.inf
        for i in range(n):
            own = weight * relevance[i] - (1.0 - weight) * np.float64(likest[i])
            if own > value:
                best, value = i, own
        out[place] = best
        relevance[best] = np.nan  # never more than anything
        if given[4] != 0:
            _compare_vectors(vectors, best, (n, size), likest, like)
        else:
            _compare_codes(codes, best, n, likest)
    _append(relevance, n, places, out)
