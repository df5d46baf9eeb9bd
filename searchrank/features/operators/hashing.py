"""Hashes of categories: into buckets, and crossed into a category of pairs."""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, Parameter, operator
from searchrank.features.operators.parameters import whole_number
from searchrank.native.memory import double_of, floats_at, ints_at

__all__: list[str] = []

_MOST_BUCKETS: Final = 2**24  # every bucket is a float32
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)  # the two factors of splitmix64 (Steele et al., OOPSLA 2014)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_SHIFT_30: Final = np.uint64(30)
_SHIFT_27: Final = np.uint64(27)
_SHIFT_31: Final = np.uint64(31)
_SHIFT_32: Final = np.uint64(32)


@operator(
    "hash_bucket",
    (Kind.CATEGORY,),
    Kind.NUMBER,
    parameters=(Parameter(name="buckets", prepare=whole_number(1, _MOST_BUCKETS)),),
)
def hash_bucket(n: int, p: int) -> None:
    """Bucket of a category, 0 to ``buckets - 1``, by the upper bits of its hash; NaN if missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), ints_at(row[2], n)
    buckets = np.uint64(np.int64(double_of(row[3])))
    for j in range(n):
        upper = (np.uint64(a[j]) * _GOLDEN) >> _SHIFT_32
        chosen = np.float32(np.int64((upper * buckets) >> _SHIFT_32))
        out[j] = np.float32(np.nan) if a[j] == 0 else chosen


@operator("cross", (Kind.CATEGORY, Kind.CATEGORY), Kind.CATEGORY)
def cross(n: int, p: int) -> None:
    """The pair of two categories as one category; order matters; missing if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = ints_at(row[1], n), ints_at(row[2], n), ints_at(row[3], n)
    for j in range(n):
        mixed = np.uint64(a[j]) * _GOLDEN
        mixed = (mixed ^ (mixed >> _SHIFT_30) ^ np.uint64(b[j])) * _MIX_1
        mixed = (mixed ^ (mixed >> _SHIFT_27)) * _MIX_2
        pair = np.int64(mixed ^ (mixed >> _SHIFT_31))
        pair = pair if pair != 0 else np.int64(1)
        out[j] = np.int64(0) if a[j] == 0 or b[j] == 0 else pair
