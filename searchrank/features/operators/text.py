"""Tokens of two texts, compared as sets. Lists are short: every pair is compared, in vector code."""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.features.operators.collections import holds
from searchrank.native.memory import floats_at, ints_at

__all__: list[str] = []

_LISTS: Final = (Kind.LIST, Kind.LIST)
_NAN: Final = np.float32(np.nan)


@operator("token_overlap", _LISTS, Kind.NUMBER)
def token_overlap(n: int, p: int) -> None:
    """Share of the first's distinct tokens found in the second; NaN if one is missing or the first empty."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, others = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[7], n)
    for j in range(n):
        first, second = row[2] + rows[j] * row[3], row[5] + others[j] * row[6]
        count, other_count = ints_at(first, 1)[0], ints_at(second, 1)[0]
        tokens, other_tokens = ints_at(first + 8, count), ints_at(second + 8, other_count)
        distinct = shared = 0
        for i in range(count if other_count >= 0 else 0):
            if not holds(tokens, i, tokens[i]):
                distinct += 1
                shared += 1 if holds(other_tokens, other_count, tokens[i]) else 0
        out[j] = np.float32(np.float64(shared) / np.float64(distinct)) if distinct > 0 else _NAN


@operator("token_jaccard", _LISTS, Kind.NUMBER)
def token_jaccard(n: int, p: int) -> None:
    """Distinct tokens in both texts over those in either; NaN if one is missing or both are empty."""
    row = ints_at(p, ROW_SLOTS)
    out, rows, others = floats_at(row[1], n), ints_at(row[4], n), ints_at(row[7], n)
    for j in range(n):
        first, second = row[2] + rows[j] * row[3], row[5] + others[j] * row[6]
        count, other_count = ints_at(first, 1)[0], ints_at(second, 1)[0]
        tokens, other_tokens = ints_at(first + 8, count), ints_at(second + 8, other_count)
        union = shared = 0
        for i in range(count if other_count >= 0 else 0):
            if not holds(tokens, i, tokens[i]):
                union += 1
                shared += 1 if holds(other_tokens, other_count, tokens[i]) else 0
        union -= shared
        for i in range(other_count if count >= 0 else 0):
            union += 0 if holds(other_tokens, i, other_tokens[i]) else 1
        out[j] = np.float32(np.float64(shared) / np.float64(union)) if union > 0 else _NAN


@operator("token_count", (Kind.LIST,), Kind.NUMBER)
def token_count(n: int, p: int) -> None:
    """Number of distinct tokens (``size`` counts repeated ones again); NaN if missing."""
    row = ints_at(p, ROW_SLOTS)
    out, rows = floats_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        address = row[2] + rows[j] * row[3]
        count = ints_at(address, 1)[0]
        tokens = ints_at(address + 8, count)
        distinct = 0
        for i in range(count):
            distinct += 0 if holds(tokens, i, tokens[i]) else 1
        out[j] = np.float32(distinct) if count >= 0 else _NAN
