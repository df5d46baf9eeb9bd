"""From hashes to rows, from rows to cells: the loops behind catalogue and history.

A hash table is ``(1 + size, 2)`` int64: first ``mask, unknown row``, then ``size = mask + 1`` slots
``key, row``, where size is a power of two, at least twice the keys. Row -1 marks a free slot, so that every
key is allowed. Keys are mixed first, so that integers in sequence spread like hashes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import ints_at, shorts_at, words_at

__all__: list[str] = []

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio (Knuth, TAOCP 6.4); unsigned, so that it may wrap


@inlined
def slot_of(table: int, key: int) -> int:
    """Return the address of a key's slot in a table, or of the free slot where it belongs."""
    mask = ints_at(table, 1)[0]
    place = np.int64((np.uint64(key) * _MIX) >> np.uint64(32)) & mask
    slots = ints_at(table + 16, 2 * mask + 2)
    while slots[2 * place + 1] >= 0 and slots[2 * place] != key:
        place = (place + 1) & mask
    return int(table + 16 + 16 * place)


@inlined
def lower_bound(values: int, start: int, stop: int, value: int) -> int:
    """Return the first position of ``[start, stop)`` whose value (ascending) is no less, or stop."""
    ascending = ints_at(values, stop)
    while start < stop:
        middle = (start + stop) >> 1
        if ascending[middle] < value:
            start = middle + 1
        else:
            stop = middle
    return start


@kernel
def insert(n: int, keys: int, table: int) -> None:
    """Put ``n`` distinct keys, whose rows are 0, 1, 2…, into a table of free slots."""
    which = ints_at(keys, n)
    for j in range(n):
        slot = ints_at(slot_of(table, which[j]), 2)
        slot[0], slot[1] = which[j], j


@kernel
def find(n: int, keys: int, table: int, out: int) -> None:
    """Write the row of each of ``n`` keys; the unknown row for a key that the table does not hold."""
    which, unknown, rows = ints_at(keys, n), ints_at(table, 2)[1], ints_at(out, n)
    for j in range(n):
        row = ints_at(slot_of(table, which[j]), 2)[1]
        rows[j] = row if row >= 0 else unknown


@kernel
def group(n: int, rows: int, cursors: int, groups: int, order: int) -> None:
    """Order ``n`` positions by their row, stably (counting sort).

    ``rows`` (int32) lie in ``[0, groups)``; ``cursors`` (int64) hold where each group begins and are moved
    on; ``order`` (int32) receives the positions.
    """
    which, cursor, out = shorts_at(rows, n), ints_at(cursors, groups), shorts_at(order, n)
    for j in range(n):
        place = cursor[which[j]]
        out[place] = j
        cursor[which[j]] = place + 1


@kernel
def copy_cells(n: int, rows: int, source: int, target: int, parts: int) -> None:
    """Copy cells of the source records at ``rows`` into ``n`` consecutive target records.

    ``parts`` (int64): how many cells, source stride, target stride; then for each cell its offset in the
    source, its offset in the target, its length. All in bytes and multiples of 4.
    """
    which, head = ints_at(rows, n), ints_at(parts, 3)
    part = ints_at(parts + 24, 3 * head[0])
    for j in range(n):
        for k in range(head[0]):
            words = part[3 * k + 2] >> 2
            given = words_at(source + which[j] * head[1] + part[3 * k], words)
            taken = words_at(target + j * head[2] + part[3 * k + 1], words)
            for w in range(words):
                taken[w] = given[w]
