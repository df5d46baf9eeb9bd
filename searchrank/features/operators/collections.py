"""Lists and maps: looked into, measured.

A cell is ``[int64 count][limit x int64]``, then ``[limit x float32]`` for a map; a missing one counts -1.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, SIZE_SLOT, operator
from searchrank.native.kernel import inlined
from searchrank.native.memory import floats_at, ints_at

__all__ = ["holds"]

_NAN: Final = np.float32(np.nan)
_YES: Final = np.float32(1)
_NO: Final = np.float32(0)


@inlined
def holds(values: npt.NDArray[np.int64], count: int, wanted: np.int64 | int) -> bool:
    """Return whether one of the first ``count`` values is wanted (no early end: the loop is vector code)."""
    found = 0
    for i in range(count):
        found |= 1 if values[i] == wanted else 0
    return found != 0


@inlined
def _find(keys: npt.NDArray[np.int64], count: int, wanted: np.int64 | int) -> int:
    """Return the place of a key among ``count`` ascending ones, -1 if it is not there (bisection)."""
    if count <= 0:
        return -1
    start, left = 0, count
    while left > 1:
        half = left >> 1
        start += half if keys[start + half] <= wanted else 0
        left -= half
    return start if keys[start] == wanted else -1


@operator("lookup", (Kind.MAP, Kind.CATEGORY), Kind.NUMBER)
def lookup(n: int, p: int) -> None:
    """Value a map holds under a category; NaN if it holds none, or either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, key, limit = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[5], n), row[SIZE_SLOT]
    for j in range(n):
        address = row[2] + rows[j] * row[3]
        count = ints_at(address, 1)[0]
        place = _find(ints_at(address + 8, limit), count if key[j] != 0 else 0, key[j])
        out[j] = floats_at(address + 8 + 8 * limit, limit)[place] if place >= 0 else _NAN


@operator("contains", (Kind.LIST, Kind.CATEGORY), Kind.NUMBER, truth=True)
def contains(n: int, p: int) -> None:
    """1 if the list has the category, 0 if not; NaN if either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, key = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[5], n)
    for j in range(n):
        address = row[2] + rows[j] * row[3]
        count = ints_at(address, 1)[0]
        known = _YES if holds(ints_at(address + 8, count), count, key[j]) else _NO
        out[j] = _NAN if count < 0 or key[j] == 0 else known


@operator("position_in", (Kind.LIST, Kind.CATEGORY), Kind.NUMBER)
def position_in(n: int, p: int) -> None:
    """First place of the category in the list, from 0; NaN if it is not there or either is missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, key = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[5], n)
    for j in range(n):
        address = row[2] + rows[j] * row[3]
        count = ints_at(address, 1)[0] if key[j] != 0 else 0
        values = ints_at(address + 8, count)
        out[j] = _NAN
        for i in range(count):
            if values[i] == key[j]:
                out[j] = np.float32(i)
                break


@operator("size", (Kind.LIST,), Kind.NUMBER)
def size_list(n: int, p: int) -> None:
    """Number of members, repeated ones counted again; NaN if missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows = floats_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        count = ints_at(row[2] + rows[j] * row[3], 1)[0]
        out[j] = np.float32(count) if count >= 0 else _NAN


@operator("size", (Kind.MAP,), Kind.NUMBER)
def size_map(n: int, p: int) -> None:
    """Number of entries; NaN if missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows = floats_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        count = ints_at(row[2] + rows[j] * row[3], 1)[0]
        out[j] = np.float32(count) if count >= 0 else _NAN


@operator("map_mean", (Kind.MAP,), Kind.NUMBER)
def map_mean(n: int, p: int) -> None:
    """Mean of a map's values, added in key order in float64; NaN if it is empty, missing or holds a NaN."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, limit = floats_at(row[1], n), ints_at(row[4], n), row[SIZE_SLOT]
    for j in range(n):
        address = row[2] + rows[j] * row[3]
        count = ints_at(address, 1)[0]
        values = floats_at(address + 8 + 8 * limit, limit)
        total = 0.0
        for i in range(count):
            total += np.float64(values[i])
        out[j] = np.float32(total / np.float64(count)) if count > 0 else _NAN


@operator("map_max", (Kind.MAP,), Kind.NUMBER)
def map_max(n: int, p: int) -> None:
    """Largest of a map's values; NaN if it is empty, missing or holds a NaN."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, limit = floats_at(row[1], n), ints_at(row[4], n), row[SIZE_SLOT]
    for j in range(n):
        address = row[2] + rows[j] * row[3]
        count = ints_at(address, 1)[0]
        values = floats_at(address + 8 + 8 * limit, limit)
        most = np.float32(-np.inf) if count > 0 else _NAN
        for i in range(count):
            most = values[i] if values[i] > most or math.isnan(values[i]) else most
        out[j] = most
