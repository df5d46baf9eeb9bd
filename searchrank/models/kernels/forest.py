"""Scoring a forest: floats and records to bins, bins to surviving leaves, leaves to a float64 sum in tree order.

The bits equal LightGBM's: comparisons on ranks are exact, and leaf values are added one tree after the other.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.models.kernels.bins import BINS, LANES, PROGRAM_SLOTS, bin_rows, lanes_for, read_items
from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import bytes_at, doubles_at, ints_at, shorts_at

__all__ = ["LANES", "TREE_SLOTS", "mark_leaves", "score_forest"]

TREE_SLOTS: Final = 3  # first group, bytes of leaves, first leaf
_GROUPS: Final = 7  # the slot from which mark_leaves reads its four addresses


def mark_leaves(bins: int, lanes: int, entries: int, group: int, width: int, leaf: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Find the leaf of each lane in one tree (compiled meaning: ``forest_ir``; called from Python it does the same).

    Args:
        bins: Address of the bins, ``lanes`` bytes a column, top bit flipped.
        lanes: One of ``LANES``.
        entries: Address of four addresses: groups, entry columns, entry ranks, entry masks.
        group: Number of the tree's first group.
        width: Bytes of leaves in the tree.
        leaf: Address of ``2 * lanes`` bytes: leaf numbers if width is at most 32, else byte numbers and then bits.
    """
    tables = ints_at(entries, 4)
    found, byte_of = np.zeros(lanes, dtype=np.uint8), np.zeros(lanes, dtype=np.uint8)
    offsets = ints_at(int(tables[0]), group + 2 * width + 1)
    for number in range(width):
        dead = np.zeros(lanes, dtype=np.uint8)
        for side in (0, 1):
            for entry in range(int(offsets[group + 2 * number + side]), int(offsets[group + 2 * number + side + 1])):
                column = int(shorts_at(int(tables[1]) + 4 * entry, 1)[0])
                values = bytes_at(bins + column * lanes, lanes).view(np.int8)
                fails = values > bytes_at(int(tables[2]) + entry, 1).view(np.int8)[0]
                dead |= np.where(fails != bool(side), bytes_at(int(tables[3]) + entry, 1)[0], 0).astype(np.uint8)
        alive = dead != 255
        found = np.where(alive, ~dead, found)
        byte_of = np.where(alive, np.uint8(width - 1 - number), byte_of)
    bit = np.array([(int(x) & -int(x)).bit_length() - 1 for x in found], dtype=np.uint8)
    out = bytes_at(leaf, 2 * lanes)
    out[:lanes] = byte_of * 8 + bit if width <= 32 else byte_of
    out[lanes:] = bit


@inlined
def add_leaves(values: int, narrow: int, leaf: int, lanes: int, rows: int, out: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Add each row's leaf value of one tree to its score."""
    low, bit, scores = bytes_at(leaf, rows), bytes_at(leaf + lanes, rows), doubles_at(out, rows)
    table = doubles_at(values, 2048)
    if narrow:
        for j in range(rows):
            scores[j] += table[low[j]]
    else:
        for j in range(rows):
            scores[j] += table[(np.int64(low[j]) << 3) + bit[j]]


@kernel
def score_forest(  # noqa: PLR0913, PLR0917 addresses, not options
    program: int, columns: int, rows: int, items: int, stride: int, numbers: int, trees: int, scratch: int, out: int
) -> None:
    """Add the first ``trees`` trees to their classes' rows of ``out``, float64 ``(classes, rows)``, zero before.

    ``program`` is a row of int64: bin columns made of floats; addresses of their table, of thresholds and members;
    trees; addresses of the tree table, leaves, groups, entry columns, ranks and masks; classes, whose trees take turns;
    of an item's record: bins, which come first among all bin columns, codes, bin columns made of codes and the address
    of their table. ``columns`` is float32 ``(f, rows)``; row ``j`` reads the record of ``stride`` bytes with the
    number ``numbers[j]`` at ``items``.
    """
    slots = ints_at(program, PROGRAM_SLOTS)
    start = 0
    while start < rows:
        lanes = lanes_for(rows - start)
        count = min(lanes, rows - start)
        bin_rows(program, columns + 4 * start, rows, count, lanes, scratch)
        if slots[12] + slots[14] > 0:
            read_items(program, items, stride, numbers + 8 * start, count, lanes, scratch)
        for t in range(min(slots[4], trees)):
            tree = ints_at(slots[5] + 8 * TREE_SLOTS * t, TREE_SLOTS)
            mark_leaves(scratch + BINS, lanes, program + 8 * _GROUPS, tree[0], tree[1], scratch)
            scores = out + 8 * ((t % slots[11]) * rows + start)
            add_leaves(slots[6] + 8 * tree[2], tree[1] <= 32, scratch, lanes, count, scores)
        start += count
