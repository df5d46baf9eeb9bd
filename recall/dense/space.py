"""Vectors as they are searched: what is near has a large inner product, and all are of one length."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["evened", "scaled", "scaled_one"]

Floats = npt.NDArray[np.float32]


def scaled(vectors: Floats, metric: str) -> Floats:
    """Return vectors of length one where cosines are wanted, else with one more number, 0."""
    if metric != "cosine":
        return np.concatenate([vectors, np.zeros((len(vectors), 1), np.float32)], axis=1)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    unit: Floats = (vectors / lengths[:, None]).astype(np.float32)
    return unit


def scaled_one(vector: npt.NDArray[np.floating], metric: str) -> Floats | None:
    """Return one vector as ``scaled`` does, to the bit; None when it is zero or not finite."""
    wide = vector.astype(np.float32, copy=False).astype(np.float64)
    square = float(np.einsum("i,i->", wide, wide))
    if not 0.0 < square < math.inf:
        return None
    if metric != "cosine":
        return np.append(vector.astype(np.float32), np.float32(0))
    unit: Floats = (wide / math.sqrt(square)).astype(np.float32)
    return unit


def evened(vectors: Floats) -> Floats:
    """Return vectors whose last number makes all equally long: a graph of unequal ones leads to the long ones only.

    That of queries is 0, so that inner products stay what they were (Bachrach et al., RecSys 2014).
    """
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    vectors[:, -1] = np.sqrt(squares.max(initial=0.0) - squares)
    return vectors
