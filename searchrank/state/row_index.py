"""Rows by hash that change: small hash tables, the newer over the older, none of them ever written again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from searchrank.features.hash_table import HashTable

__all__ = ["RowIndex"]

Ints = npt.NDArray[np.int64]

_LEAST = 512  # entries; a smaller table is made anew rather than kept beside others
_RATIO = 4  # a table is at least so many times as long as the next newer one


@dataclass(frozen=True, slots=True, eq=False)
class _Tier:
    hashes: Ints
    rows: Ints
    table: HashTable


@dataclass(frozen=True, slots=True, eq=False)
class RowIndex:
    """Which row each hash has now. An entry is copied about ``log4`` of the entries times in its life.

    Attributes:
        tiers: The older first; an entry of a newer one stands over that of an older.
    """

    tiers: tuple[_Tier, ...] = ()

    def write(self, hashes: Ints, out: Ints) -> None:
        """Write the row of every hash that is known into ``out``, shape (n,); others are left as they are."""
        for tier in self.tiers:
            places = tier.table.rows(hashes)
            known = places < len(tier.rows)
            if known.any():
                out[known] = tier.rows[places[known]]

    def updated(self, hashes: Ints, rows: Ints) -> RowIndex:
        """Return an index in which these distinct hashes have these rows."""
        kept = list(self.tiers)
        while kept and len(kept[-1].rows) < max(_LEAST, _RATIO * len(rows)):
            older = kept.pop()
            hashes, rows = np.concatenate([older.hashes, hashes]), np.concatenate([older.rows, rows])
            hashes, last = np.unique(hashes[::-1], return_index=True)  # of equal hashes the newest
            rows = rows[::-1][last]
        return RowIndex((*kept, _Tier(hashes, rows, HashTable.build(hashes))))

    def hashes(self) -> Ints:
        """Return every hash that has an entry, ascending."""
        return np.unique(np.concatenate([np.empty(0, np.int64), *(tier.hashes for tier in self.tiers)]))
