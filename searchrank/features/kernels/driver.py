"""Run a program: a table of kernel addresses and operands, block by block, without the GIL."""

from __future__ import annotations

from typing import Final

from searchrank.features.operator import ROW_SLOTS
from searchrank.native import kernel
from searchrank.native.memory import call_kernel, ints_at, words_at

__all__ = [
    "PATCH_SLOTS",
    "count_outside",
    "emit",
    "emit_float_cell",
    "emit_int_cell",
    "fill_float",
    "fill_int",
    "gather_float",
    "gather_int",
    "run",
]

PATCH_SLOTS: Final = 5
"""A patch: slot number in the table, base, offset, bytes a row, column."""

_NAN: Final = 0x7FC00000
_INFINITY: Final = 0x7F800000
_ABSOLUTE: Final = 0x7FFFFFFF


@kernel
def run(  # noqa: PLR0913, PLR0917 (a kernel takes addresses, one at a time)
    table: int, instructions: int, patches: int, patched: int, bases: int, row_bytes: int, n: int, block: int
) -> None:
    """Run a program over ``n`` rows in blocks of at most ``block``.

    Before each block every patch writes ``bases[base] + offset + start * bytes_a_row + column * row_bytes`` into its
    slot, so that the table can stay where it is whatever arrays a call brings.
    """
    program = ints_at(table, instructions * ROW_SLOTS)
    patch = ints_at(patches, patched * PATCH_SLOTS)
    base = ints_at(bases, 64)
    start = 0
    while start < n:
        rows = min(block, n - start)
        for i in range(patched):
            at = i * PATCH_SLOTS
            value = base[patch[at + 1]] + patch[at + 2] + start * patch[at + 3] + patch[at + 4] * row_bytes
            program[patch[at]] = value
        for i in range(instructions):
            call_kernel(program[i * ROW_SLOTS], rows, table + i * ROW_SLOTS * 8)
        start += block


@kernel
def gather_float(n: int, p: int) -> None:
    """Read a float32 cell of each row's record into a dense column."""
    row = ints_at(p, ROW_SLOTS)
    out, index = words_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        out[j] = words_at(row[2] + index[j] * row[3], 1)[0]


@kernel
def gather_int(n: int, p: int) -> None:
    """Read an int64 cell of each row's record into a dense column."""
    row = ints_at(p, ROW_SLOTS)
    out, index = ints_at(row[1], n), ints_at(row[4], n)
    for j in range(n):
        out[j] = ints_at(row[2] + index[j] * row[3], 1)[0]


@kernel
def fill_float(n: int, p: int) -> None:
    """Fill a dense column with one float32, given by its bits."""
    row = ints_at(p, ROW_SLOTS)
    bits = words_at(p + 16, 1)[0]
    column = words_at(row[1], n)
    for j in range(n):
        column[j] = bits


@kernel
def fill_int(n: int, p: int) -> None:
    """Fill a dense column with one int64."""
    row = ints_at(p, ROW_SLOTS)
    column = ints_at(row[1], n)
    for j in range(n):
        column[j] = row[2]


@kernel
def emit(n: int, p: int) -> None:
    """Copy a float32 column out, every NaN as 0x7fc00000."""
    row = ints_at(p, ROW_SLOTS)
    out, column = words_at(row[1], n), words_at(row[2], n)
    for j in range(n):
        bits = column[j]
        out[j] = _NAN if (bits & _ABSOLUTE) > _INFINITY else bits


@kernel
def emit_float_cell(n: int, p: int) -> None:
    """Write a float32 column into the rows of a record array, every NaN as 0x7fc00000."""
    row = ints_at(p, ROW_SLOTS)
    column = words_at(row[2], n)
    for j in range(n):
        bits = column[j]
        words_at(row[1] + j * row[3], 1)[0] = _NAN if (bits & _ABSOLUTE) > _INFINITY else bits


@kernel
def emit_int_cell(n: int, p: int) -> None:
    """Write an int64 column into the rows of a record array."""
    row = ints_at(p, ROW_SLOTS)
    column = ints_at(row[2], n)
    for j in range(n):
        ints_at(row[1] + j * row[3], 1)[0] = column[j]


@kernel
def count_outside(indices: int, n: int, limit: int, result: int) -> None:
    """Count row numbers below 0 or at or above ``limit`` into the int64 at ``result``."""
    index = ints_at(indices, n)
    found = 0
    for j in range(n):
        found += (index[j] < 0) | (index[j] >= limit)
    ints_at(result, 1)[0] = found
