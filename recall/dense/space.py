"""Vectors as they are searched: what is near has a large inner product, and all are of one length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["evened", "scaled"]

Floats = npt.NDArray[np.float32]


def scaled(vectors: Floats, metric: str) -> Floats:
    """Return vectors of length one where cosines are wanted, else with one more number, 0."""
    if metric != "cosine":
        return np.concatenate([vectors, np.zeros((len(vectors), 1), np.float32)], axis=1)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    unit: Floats = (vectors / lengths[:, None]).astype(np.float32)
    return unit


def evened(vectors: Floats) -> Floats:
    """Return vectors whose last number makes all equally long: a graph of unequal ones leads to the long ones only.

    That of queries is 0, so that inner products stay what they were (Bachrach et al., RecSys 2014).
    """
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    vectors[:, -1] = np.sqrt(squares.max(initial=0.0) - squares)
    return vectors
