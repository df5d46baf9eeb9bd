"""Transforms of a model's inputs: operators with constants fitted in training and stored with the model."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, Parameter, operator
from searchrank.features.operators.bucketing import edges_below
from searchrank.features.operators.parameters import ascending_edges, finite, positive
from searchrank.native.memory import double_of, doubles_at, floats_at, ints_at

__all__ = ["MISSING_CODE", "UNSEEN_CODE"]

MISSING_CODE: Final = 0
UNSEEN_CODE: Final = 1
_NAN: Final = np.float32(np.nan)


def _keys(value: object) -> npt.NDArray[np.int64]:
    """Return the hashes of a vocabulary.

    Raises:
        ValueError: When they are not whole numbers, or do not ascend.
    """
    keys = np.asarray(value)
    if keys.ndim != 1 or (keys.size and keys.dtype.kind != "i"):
        raise ValueError("keys must be a row of 64-bit hashes")
    keys = np.ascontiguousarray(keys, dtype=np.int64)
    if np.any(keys[1:] <= keys[:-1]):
        raise ValueError("keys must ascend and be distinct")
    return keys


def _codes(value: object) -> npt.NDArray[np.float64]:
    """Return the codes of a vocabulary.

    Raises:
        ValueError: When one is no whole number from 2 (rare) to 2^24.
    """
    codes = np.ascontiguousarray(value, dtype=np.float64)
    if codes.ndim != 1 or not np.all((codes >= 2) & (codes <= 2**24) & (codes == np.floor(codes))):
        raise ValueError("codes must be whole numbers from 2 to 2^24")
    return codes


@operator(
    "standardize",
    (Kind.NUMBER,),
    Kind.NUMBER,
    parameters=(Parameter(name="mean", prepare=finite), Parameter(name="scale", prepare=positive)),
    fitted=True,
)
def standardize(n: int, p: int) -> None:
    """The number less the mean, over the scale, computed in float64 and rounded once; NaN stays."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    mean, scale = double_of(row[3]), double_of(row[4])
    for j in range(n):
        out[j] = np.float32((np.float64(a[j]) - mean) / scale)


@operator(
    "bucketize",
    (Kind.NUMBER,),
    Kind.NUMBER,
    parameters=(Parameter(name="edges", prepare=ascending_edges, array=True),),
    fitted=True,
)
def bucketize(n: int, p: int) -> None:
    """Number of fitted edges below the value, as ``bucket`` counts them; NaN stays."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    edges, count = floats_at(row[3], row[4]), row[4]
    for j in range(n):
        below = np.float32(edges_below(edges, count, a[j]))
        out[j] = _NAN if math.isnan(a[j]) else below


@operator(
    "vocabulary",
    (Kind.CATEGORY,),
    Kind.NUMBER,
    parameters=(
        Parameter(name="keys", prepare=_keys, array=True),
        Parameter(name="codes", prepare=_codes, array=True),
    ),
    fitted=True,
)
def vocabulary(n: int, p: int) -> None:
    """Code of a category: 0 if missing, 1 if unseen in training, else the code of its key.

    Keys beyond the number of codes count as unseen.
    """
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), ints_at(row[2], n)
    count = min(row[4], row[6])
    keys, codes = ints_at(row[3], count), doubles_at(row[5], count)
    for j in range(n):
        start, left = 0, count
        while left > 1:
            half = left >> 1
            start += half if keys[start + half] <= a[j] else 0
            left -= half
        seen = count > 0 and keys[start] == a[j]
        code = np.float32(codes[start]) if seen else np.float32(UNSEEN_CODE)
        out[j] = np.float32(MISSING_CODE) if a[j] == 0 else code
