"""Bins of a forest: a float becomes its rank among the thresholds of a bin column, so that a node compares bytes.

What depends on the item alone is binned once for an item (``bin_items``) and read back from its record: the bins of
numbers as they are, categories as codes, since a category may be asked by more bitsets than are worth a byte an item.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import bytes_at, floats_at, ints_at, shorts_at

__all__ = [
    "BITSET",
    "COLUMN_SLOTS",
    "EIGHT",
    "LANES",
    "MISSING_NAN",
    "MISSING_NONE",
    "MISSING_ZERO",
    "PROGRAM_SLOTS",
    "bin_items",
    "scratch_bytes",
]

MISSING_NONE: Final = 0  # NaN counts as 0
MISSING_ZERO: Final = 1  # NaN and 0 are missing
MISSING_NAN: Final = 2  # NaN is missing
BITSET: Final = 3  # categorical splits by up to eight bitsets: 0 for members, 255 for all others
EIGHT: Final = 8  # bin columns of one row of the table, then: a bit each of the byte that a code has

COLUMN_SLOTS: Final = (
    6  # rule, feature, offset of thresholds or members, thresholds or codes, bin of a missing value, place
)
PROGRAM_SLOTS: Final = 16
LANES: Final = (32, 64, 128, 224)  # rows taken at once: the smallest that holds the rest
WIDEST: Final = 224
VALUES: Final = 2 * WIDEST  # offsets into the scratch memory
COUNTS: Final = VALUES + 4 * WIDEST
MARKS: Final = COUNTS + 4 * WIDEST
BINS: Final = MARKS + WIDEST
_TINY: Final = np.float32(1e-35)  # LightGBM takes anything this near zero as zero
_INT_END: Final = np.float32(2147483648.0)


def scratch_bytes(columns: int) -> int:
    """Return how much scratch memory the kernels need for this many bin columns.

    Its layout, for up to 224 lanes: leaves 2 x 1 byte, values 4, counts 4, marks 1, then the bins.
    """
    return BINS + columns * WIDEST


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
def bin_members(codes: int, rows: int, lanes: int, row: int, members: int, scratch: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Give bin 0 to the members of each of eight bitsets and 255 to everybody else, in eight columns."""
    slots, values = ints_at(row, COLUMN_SLOTS), shorts_at(codes, rows)
    known = slots[3]
    table, found = bytes_at(members + slots[2], known), bytes_at(scratch + MARKS, lanes)
    for j in range(rows):
        code = values[j]
        found[j] = table[code] if 0 <= code < known else np.uint8(0)
    for k in range(EIGHT):
        bins = bytes_at(scratch + BINS + (slots[5] + k) * lanes, lanes)
        for j in range(lanes):
            bins[j] = np.uint8(127) + ((found[j] >> np.uint8(k)) & np.uint8(1))


@inlined
def bin_rows(program: int, source: int, stride: int, rows: int, lanes: int, scratch: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Fill the bin columns that are made of floats, for up to ``lanes`` rows."""
    slots = ints_at(program, PROGRAM_SLOTS)
    values, counts, unknown = scratch + VALUES, scratch + COUNTS, scratch + MARKS
    last = np.int64(-1)
    for c in range(slots[0]):
        row = slots[1] + c * 8 * COLUMN_SLOTS
        column = ints_at(row, COLUMN_SLOTS)
        start = source + 4 * stride * column[1]
        out = scratch + BINS + column[5] * lanes
        key = column[1] * 2 + (1 if column[0] == BITSET else 0)
        if key != last:
            last = key
            if column[0] == BITSET:
                codes_of(start, rows, values)
            else:
                clean_numbers(start, rows, values, unknown)
        if column[0] == BITSET:
            bin_members(values, rows, lanes, row, slots[3], scratch)
        else:
            bin_numbers(values, unknown, lanes, row, slots[2], counts, out)


@inlined
def gather_codes(records: int, stride: int, numbers: int, rows: int, out: int) -> None:
    """Read an int32 of each row's record."""
    index, codes = ints_at(numbers, rows), shorts_at(out, rows)
    for j in range(rows):
        codes[j] = shorts_at(records + stride * index[j], 1)[0]


@inlined
def gather_bins(records: int, stride: int, numbers: int, rows: int, lanes: int, count: int, out: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Turn ``count`` bytes of each row's record into columns of ``lanes`` bytes."""
    index, bins = ints_at(numbers, rows), bytes_at(out, count * lanes)
    for j in range(rows):
        record = bytes_at(records + stride * index[j], count)
        for c in range(count):
            bins[c * lanes + j] = record[c]


@inlined
def read_items(program: int, records: int, stride: int, numbers: int, rows: int, lanes: int, scratch: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Fill the bin columns that were made of the item alone, for up to ``lanes`` rows, from their records."""
    slots = ints_at(program, PROGRAM_SLOTS)
    gather_bins(records + 4 * slots[13], stride, numbers, rows, lanes, slots[12], scratch + BINS)
    last = np.int64(-1)
    for c in range(slots[14]):
        row = slots[15] + c * 8 * COLUMN_SLOTS
        column = ints_at(row, COLUMN_SLOTS)
        if column[1] != last:
            last = column[1]
            gather_codes(records + 4 * last, stride, numbers, rows, scratch + VALUES)
        bin_members(scratch + VALUES, rows, lanes, row, slots[3], scratch)


@kernel
def bin_items(program: int, columns: int, rows: int, scratch: int, out: int, stride: int) -> None:  # noqa: PLR0913, PLR0917 addresses, not options
    """Write the record of each item: int32 codes of its categories, then the bins of its numbers.

    ``program`` is as for ``score_forest``, its floats being those of the items: ``columns`` is float32 ``(f, rows)``;
    slot 13 counts the categories, whose columns slot 15 lists.
    """
    slots = ints_at(program, PROGRAM_SLOTS)
    features = ints_at(slots[15], slots[13])
    start = 0
    while start < rows:
        count = min(WIDEST, rows - start)
        target = out + stride * start
        for c in range(slots[13]):
            codes_of(columns + 4 * (rows * features[c] + start), count, scratch + VALUES)
            codes = shorts_at(scratch + VALUES, count)
            for j in range(count):
                shorts_at(target + stride * j + 4 * c, 1)[0] = codes[j]
        bin_rows(program, columns + 4 * start, rows, count, WIDEST, scratch)
        for j in range(count):
            record = bytes_at(target + stride * j + 4 * slots[13], slots[0])
            for c in range(slots[0]):
                record[c] = bytes_at(scratch + BINS + c * WIDEST + j, 1)[0]
        start += count
