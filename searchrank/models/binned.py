"""A packed forest bound to where its columns come from: floats at each call, or records made once for an item."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.models.kernels.bins import BITSET, EIGHT, PROGRAM_SLOTS, bin_items, scratch_bytes
from searchrank.models.kernels.forest import score_forest
from searchrank.models.quickscorer import Packed
from searchrank.models.scorer import check_columns, check_records
from searchrank.native import library

__all__ = ["BinnedForest"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_WORD: Final = 8  # records are as long as a multiple of it
_NO_ITEMS: Final = np.empty((1, 0), np.uint8)


class BinnedForest:
    """Scores rows of which some columns lie binned in a record of the row's item; see ``PairScorer``.

    The record holds an int32 code for each category and a byte for each 255 thresholds of a number: about a quarter
    of the floats. Any number of threads may score at once.
    """

    def __init__(self, packed: Packed, *, classes: int, width: int, own: Ints) -> None:
        """Lay out records and tables.

        Args:
            packed: The forest.
            classes: Scores a row.
            width: Number of columns.
            own: Columns that depend on the item alone, ascending.
        """
        self.own, self.classes, self.trees = own, classes, len(packed.trees)
        self.others = np.setdiff1d(np.arange(width), own)
        table = packed.columns
        mine, sets = np.isin(table[:, 1], own), table[:, 0] == BITSET
        numbers, floats, members = (np.flatnonzero(part) for part in (mine & ~sets, ~mine, mine & sets))
        widths = np.where(sets, EIGHT, 1)
        order = np.concatenate([numbers, floats, members])
        place = np.empty(len(table), np.int64)
        place[order] = np.cumsum(widths[order]) - widths[order]
        moved = np.repeat(place - table[:, 5], widths) + np.arange(widths.sum())
        self._categories = np.searchsorted(own, np.unique(table[members, 1]))
        self._packed = replace(packed, entry_columns=moved[packed.entry_columns].astype(np.int32))
        self._floats = _placed(table[floats], self.others, place[floats])
        self._members = _placed(table[members], own[self._categories], place[members])
        self._numbers = _placed(table[numbers], own, place[numbers])
        self.bytes = -(-(4 * self._categories.size + numbers.size) // _WORD) * _WORD
        self._scratch = scratch_bytes(int(widths.sum()))
        self._program = self._laid_out(self._floats, numbers.size, self._members)
        self._item_program = self._laid_out(self._numbers, 0, self._categories)
        self.address, self._item_address = self._program.ctypes.data, self._item_program.ctypes.data
        self.fingerprint = self._fingerprint()
        self._score, self._bin = library().callable(score_forest), library().callable(bin_items)

    def _fingerprint(self) -> str:
        """Return what tells whether records made for another forest can be read by this one."""
        digest = hashlib.sha256(f"bins {self.own.tolist()} {self._categories.tolist()} ".encode())
        for rule, feature, first, count, absent, place in self._numbers.tolist():
            digest.update(f"{rule} {feature} {count} {absent} {place} ".encode())
            digest.update(self._packed.thresholds[first : first + count].tobytes())
        return digest.hexdigest()

    def _laid_out(self, floats: Ints, numbers: int, coded: Ints) -> Ints:
        """Return the row of counts and addresses that a kernel reads; valid as long as this object lives."""
        packed = self._packed
        program = np.zeros(PROGRAM_SLOTS, dtype=np.int64)
        counts = {0: len(floats), 4: self.trees, 11: self.classes, 12: numbers, 13: self._categories.size}
        tables: dict[int, npt.NDArray[np.generic]] = {
            1: floats,
            2: packed.thresholds,
            3: packed.members,
            5: packed.trees,
            6: packed.leaves,
            7: packed.groups,
            8: packed.entry_columns,
            9: packed.entry_ranks,
            10: packed.entry_masks,
            15: coded,
        }
        for slot, number in {**counts, 14: len(coded)}.items():
            program[slot] = number
        for slot, table in tables.items():
            program[slot] = table.ctypes.data
        return program

    def prepare(self, columns: Floats) -> Bytes:
        """Bin what depends on the item alone; see ``PairScorer``."""
        check_columns(columns, self.own.size)
        items = columns.shape[1]
        records = np.zeros((items, self.bytes), np.uint8)
        scratch = np.empty(self._scratch, np.uint8)
        self._bin(self._item_address, columns.ctypes.data, items, scratch.ctypes.data, records.ctypes.data, self.bytes)
        return records

    def score(self, columns: Floats, items: Bytes, numbers: Ints, trees: int | None = None) -> npt.NDArray[np.float64]:
        """Score pairs by a model of one class; see ``PairScorer``."""
        check_records(items, numbers, columns.shape[1], self.bytes)
        return self.score_classes(columns, items, numbers, trees).reshape(-1)

    def score_classes(
        self, columns: Floats, items: Bytes = _NO_ITEMS, numbers: Ints | None = None, trees: int | None = None
    ) -> npt.NDArray[np.float64]:
        """Score rows for each class.

        Args:
            columns: Shape ``(others, n)``, C-contiguous.
            items: Shape ``(m, bytes)``; not read when no column depends on the item alone.
            numbers: Shape ``(n,)``, the record of each row.
            trees: How many of the first trees are added; None: all.

        Returns:
            Shape ``(classes, n)``.

        Raises:
            DataError: When the columns are no such matrix, or the number of trees is not positive.
        """
        check_columns(columns, self.others.size)
        if trees is not None and trees < 1:
            raise DataError(f"a score of {trees} trees says nothing; ask for at least one", field="trees")
        rows, count = columns.shape[1], self.trees if trees is None else trees
        out = np.zeros((self.classes, rows))
        scratch = np.empty(self._scratch, dtype=np.uint8)
        records = (items.ctypes.data, items.strides[0], 0 if numbers is None else numbers.ctypes.data)
        self._score(self.address, columns.ctypes.data, rows, *records, count, scratch.ctypes.data, out.ctypes.data)
        return out


def _placed(table: Ints, features: Ints, places: Ints) -> Ints:
    """Return rows of a column table that count features among these alone and name the place of each bin column."""
    placed = table.copy()
    placed[:, 1], placed[:, 5] = np.searchsorted(features, table[:, 1]), places
    return placed
