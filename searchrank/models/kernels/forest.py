"""Scoring a forest: floats to bins, bins to surviving leaves, leaves to a float64 sum in tree order.

The bits equal LightGBM's: comparisons on ranks are exact, and leaf values are added one tree after the other.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import bytes_at, doubles_at, floats_at, ints_at, shorts_at, words_at

__all__ = [
    "BITSET",
    "COLUMN_SLOTS",
    "LANES",
    "MISSING_NAN",
    "MISSING_NONE",
    "MISSING_ZERO",
    "PROGRAM_SLOTS",
    "TREE_SLOTS",
    "mark_leaves",
    "score_forest",
    "scratch_bytes",
]

MISSING_NONE: Final = 0  # NaN counts as 0
MISSING_ZERO: Final = 1  # NaN and 0 are missing
MISSING_NAN: Final = 2  # NaN is missing
BITSET: Final = 3  # a categorical split: 0 for members, 255 for all others

COLUMN_SLOTS: Final = 6  # rule, feature, offset of thresholds or words, thresholds or bits, bin of a missing value, -
TREE_SLOTS: Final = 3  # first group, bytes of leaves, first leaf
PROGRAM_SLOTS: Final = 12
_GROUPS: Final = 7  # the slot from which mark_leaves reads its four addresses
LANES: Final = (32, 64, 128, 224)  # rows taken at once: the smallest that holds the rest
_WIDEST: Final = 224
_VALUES: Final = 2 * _WIDEST  # offsets into the scratch memory
_COUNTS: Final = _VALUES + 4 * _WIDEST
_MARKS: Final = _COUNTS + 4 * _WIDEST
_BINS: Final = _MARKS + _WIDEST
_TINY: Final = np.float32(1e-35)  # LightGBM takes anything this near zero as zero
_INT_END: Final = np.float32(2147483648.0)


def scratch_bytes(columns: int) -> int:
    """Return how much scratch memory ``score_forest`` needs for this many bin columns.

    Its layout, for up to 224 lanes: leaves 2 x 1 byte, values 4, counts 4, marks 1, then the bins.
    """
    return _BINS + columns * _WIDEST


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
def lanes_for(rows: int) -> int:
    """Return the smallest number of lanes that holds the rows, at most the widest."""
    if rows <= 32:
        return 32
    if rows <= 64:
        return 64
    return 128 if rows <= 128 else 224


@inlined
def clean_numbers(source: int, rows: int, values: int, unknown: int) -> None:
    """Copy a column with NaN and what is nearly zero as 0; mark NaN by 3 and zero by 1."""
    raw, cleaned, marks = floats_at(source, rows), floats_at(values, rows), bytes_at(unknown, rows)
    for j in range(rows):
        x = raw[j]
        isnan = x != x  # noqa: PLR0124
        zero = isnan or -_TINY <= x <= _TINY
        cleaned[j] = np.float32(0) if zero else x
        marks[j] = np.uint8(3 if isnan else (1 if zero else 0))


@inlined
def bin_numbers(values: int, unknown: int, lanes: int, row: int, thresholds: int, counts: int, out: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Count the thresholds below each cleaned value, eight at a time; a missing value gets the column's own bin."""
    slots = ints_at(row, COLUMN_SLOTS)
    rule, padded, absent = slots[0], slots[3], np.uint8(slots[4] ^ 128)
    cleaned, below = floats_at(values, lanes), shorts_at(counts, lanes)
    table = floats_at(thresholds + 4 * slots[2], padded)
    for j in range(lanes):
        below[j] = 128
    for i in range(0, padded, 8):
        t0, t1, t2, t3 = table[i], table[i + 1], table[i + 2], table[i + 3]
        t4, t5, t6, t7 = table[i + 4], table[i + 5], table[i + 6], table[i + 7]
        for j in range(lanes):
            x = cleaned[j]
            low = (np.int32(t0 < x) + np.int32(t1 < x)) + (np.int32(t2 < x) + np.int32(t3 < x))
            high = (np.int32(t4 < x) + np.int32(t5 < x)) + (np.int32(t6 < x) + np.int32(t7 < x))
            below[j] += low + high
    bins, marks = bytes_at(out, lanes), bytes_at(unknown, lanes)
    needed = np.uint8(rule)  # 1: zeros and NaN are missing, 2: NaN alone
    for j in range(lanes):
        bins[j] = absent if (marks[j] & needed) != 0 else np.uint8(below[j] & 255)


@inlined
def codes_of(source: int, rows: int, out: int) -> None:
    """Cut floats to category codes as C does; NaN, negative and too large ones become -1."""
    values, codes = floats_at(source, rows), shorts_at(out, rows)
    for j in range(rows):
        x = values[j]
        codes[j] = np.int32(x) if np.float32(-1) < x < _INT_END else np.int32(-1)


@inlined
def bin_members(codes: int, rows: int, words: int, bits: int, out: int) -> None:
    """Give bin 0 to the members of a bitset and 255 to everybody else."""
    values, bins = shorts_at(codes, rows), bytes_at(out, rows)
    table = words_at(words, bits >> 5)
    for j in range(rows):
        code = values[j]
        inside = 0
        if 0 <= code < bits:
            inside = (np.int64(table[code >> 5]) >> (code & 31)) & 1
        bins[j] = np.uint8(128) if inside else np.uint8(127)


@inlined
def bin_rows(program: int, source: int, stride: int, rows: int, lanes: int, scratch: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Fill all bin columns for up to ``lanes`` rows."""
    slots = ints_at(program, PROGRAM_SLOTS)
    values, counts, unknown = scratch + _VALUES, scratch + _COUNTS, scratch + _MARKS
    last = np.int64(-1)
    for c in range(slots[0]):
        row = slots[1] + c * 8 * COLUMN_SLOTS
        column = ints_at(row, COLUMN_SLOTS)
        start = source + 4 * stride * column[1]
        out = scratch + _BINS + c * lanes
        key = column[1] * 2 + (1 if column[0] == BITSET else 0)
        if key != last:
            last = key
            if column[0] == BITSET:
                codes_of(start, rows, values)
            else:
                clean_numbers(start, rows, values, unknown)
        if column[0] == BITSET:
            bin_members(values, rows, slots[3] + 4 * column[2], column[3], out)
        else:
            bin_numbers(values, unknown, lanes, row, slots[2], counts, out)


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
def score_forest(program: int, columns: int, rows: int, trees: int, scratch: int, out: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Add the first ``trees`` trees to their classes' rows of ``out``, float64 ``(classes, rows)``, zero before.

    ``program`` is a row of int64: bin columns; addresses of the column table, thresholds and words; trees; addresses
    of the tree table, leaves, groups, entry columns, ranks and masks; classes, whose trees take turns. ``columns`` is
    float32 ``(f, rows)``.
    """
    slots = ints_at(program, PROGRAM_SLOTS)
    start = 0
    while start < rows:
        lanes = lanes_for(rows - start)
        count = min(lanes, rows - start)
        bin_rows(program, columns + 4 * start, rows, count, lanes, scratch)
        for t in range(min(slots[4], trees)):
            tree = ints_at(slots[5] + 8 * TREE_SLOTS * t, TREE_SLOTS)
            mark_leaves(scratch + _BINS, lanes, program + 8 * _GROUPS, tree[0], tree[1], scratch)
            scores = out + 8 * ((t % slots[11]) * rows + start)
            add_leaves(slots[6] + 8 * tree[2], tree[1] <= 32, scratch, lanes, count, scores)
        start += count
