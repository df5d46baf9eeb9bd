"""Which items have one of many values: shops by the thousand, say, each with its hundred items.

An item's value is a number, so that a list of values is a table of truths and every item looks up its own: no posting
list is read and merged. Where items of one value lie together, a run of them looks it up once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recall.filtering.truth import NO, UNKNOWN, YES
from searchrank.features.hash_table import HashTable
from searchrank.features.text import MISSING_HASH

if TYPE_CHECKING:
    from recall.filtering.truth import Truths

__all__ = ["Members", "among"]

_RUN: Final = 4  # mean length of a run from which on runs are looked up (measured)
Ints = npt.NDArray[np.int64]


class Members:
    """The values of one category over a catalogue's items; read-only, safe to read from any thread."""

    def __init__(self, values: Ints) -> None:
        """Number the values.

        Args:
            values: Shape ``(rows,)``, the hash of each item's; ``MISSING_HASH`` where there is none.
        """
        encoded = pa.array(np.ascontiguousarray(values)).dictionary_encode()
        distinct, codes = encoded.dictionary.to_numpy(), encoded.indices.to_numpy().astype(np.int64)
        self._table = HashTable.build(distinct)
        self._distinct = len(distinct)
        self._unknown = self._table.rows(np.array([MISSING_HASH]))
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        self._lengths = None
        if len(starts) * _RUN <= len(codes):
            self._lengths = np.diff(starts, append=len(codes))
            codes = codes[starts]
        self._codes = codes

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        runs = 0 if self._lengths is None else self._lengths.nbytes
        return int(self._codes.nbytes + runs + self._table.slots.nbytes)

    def truths(self, wanted: Ints) -> Truths:
        """Return for each item whether its value is wanted, shape ``(rows,)``; unknown where it has none.

        Args:
            wanted: Hashes of values, in any order, repeated or unknown ones among them.
        """
        told = np.full(self._distinct + 1, NO, np.uint8)  # the last one is that of no item
        told[self._table.rows(wanted)] = YES
        told[self._unknown] = UNKNOWN
        found: Truths = told.take(self._codes)
        return found if self._lengths is None else found.repeat(self._lengths)


def among(values: Ints, wanted: Ints) -> Truths:
    """Return the same of few items, of which nothing is kept: for each of ``values`` whether it is wanted."""
    found = np.where(np.isin(values, wanted), YES, NO).astype(np.uint8)
    found[values == MISSING_HASH] = UNKNOWN
    return found
