"""Vectors: products and lengths in float64, added in one fixed order.

Eight partial sums take the components in turn and are joined in a fixed tree; what is left over past a
multiple of eight is added after. So the bits depend neither on the processor's vector width nor on the number
of rows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, SIZE_SLOT, operator
from searchrank.native.kernel import inlined
from searchrank.native.memory import floats_at, ints_at, square_root

__all__: list[str] = []

_PAIR: Final = (Kind.VECTOR, Kind.VECTOR)


@inlined
def _product(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], size: int) -> float:
    """Return the inner product of two vectors."""
    whole = size - (size & 7)
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    for i in range(0, whole, 8):
        s0 += np.float64(a[i]) * np.float64(b[i])
        s1 += np.float64(a[i + 1]) * np.float64(b[i + 1])
        s2 += np.float64(a[i + 2]) * np.float64(b[i + 2])
        s3 += np.float64(a[i + 3]) * np.float64(b[i + 3])
        s4 += np.float64(a[i + 4]) * np.float64(b[i + 4])
        s5 += np.float64(a[i + 5]) * np.float64(b[i + 5])
        s6 += np.float64(a[i + 6]) * np.float64(b[i + 6])
        s7 += np.float64(a[i + 7]) * np.float64(b[i + 7])
    left = 0.0
    for i in range(whole, size):
        left += np.float64(a[i]) * np.float64(b[i])
    return (((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))) + left


@operator("dot", _PAIR, Kind.NUMBER)
def dot(n: int, p: int) -> None:
    """Inner product of two vectors; NaN if any component is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, others, size = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[7], n), row[SIZE_SLOT]
    for j in range(n):
        a = floats_at(row[2] + rows[j] * row[3], size)
        b = floats_at(row[5] + others[j] * row[6], size)
        out[j] = np.float32(_product(a, b, size))


@operator("cosine", _PAIR, Kind.NUMBER)
def cosine(n: int, p: int) -> None:
    """Cosine of the angle of two vectors; NaN if one has length 0 or any component is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, others, size = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[7], n), row[SIZE_SLOT]
    last = other_last = -1
    length = other_length = 0.0
    for j in range(n):
        a = floats_at(row[2] + rows[j] * row[3], size)
        b = floats_at(row[5] + others[j] * row[6], size)
        if rows[j] != last:  # one side is often the request's, the same on every row
            length, last = square_root(_product(a, a, size)), rows[j]
        if others[j] != other_last:
            other_length, other_last = square_root(_product(b, b, size)), others[j]
        lengths = length * other_length
        out[j] = np.float32(_product(a, b, size) / lengths) if lengths != 0.0 else np.float32(np.nan)


@operator("norm", (Kind.VECTOR,), Kind.NUMBER)
def norm(n: int, p: int) -> None:
    """Euclidean length of a vector; NaN if any component is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, size = floats_at(row[1], n), ints_at(row[4], n), row[SIZE_SLOT]
    for j in range(n):
        a = floats_at(row[2] + rows[j] * row[3], size)
        out[j] = np.float32(square_root(_product(a, a, size)))
