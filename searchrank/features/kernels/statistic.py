"""Statistics read as known at a time: two binary searches in an object's events, one division at the end.

A *description* is ``SLOTS`` int64 numbers, some of them addresses, made by ``searchrank.features.history``.
Positions index one series: events ordered by object, key (of a map) and time. A reader takes *questions*:
``n`` object rows, then ``n`` times; row -1 means no object, so that the value is missing, and a row past
the last an object without events. ``out`` is where the first record lies. Everything before the last
division is integers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.features.kernels.lookup import lower_bound
from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import double_of, floats_at, ints_at, shorts_at

__all__: list[str] = []

SLOTS: Final = 16
OBJECTS: Final = 0  # number of objects
STARTS: Final = 1  # int64 (objects + 1,): first position of an object; of a map: its first pair
TIMES: Final = 2  # int64 (events,): known time
EVIDENCE: Final = 3  # sums int64 or hits int32 (events + 1,), running totals; or item hashes int64 (events,)
KIND: Final = 4  # COUNT, SUM, MEAN or RATE
WINDOW: Final = 5  # microseconds, 0 for all time
REFRESH: Final = 6  # microseconds
PRIOR: Final = 7  # bits of prior * strength
STRENGTH: Final = 8  # bits
MISSING: Final = 9  # bits of the number, or the count of the list or map, that stands for a missing value
LIMIT: Final = 10  # most members of a list or map
KEYS: Final = 11  # int64 (pairs,): key of a pair, ascending within an object
PAIR_STARTS: Final = 12  # int64 (pairs + 1,): first position of a pair
OFFSET: Final = 13  # of the cell in a record, in bytes
STRIDE: Final = 14  # of the records, in bytes

COUNT: Final = 0
SUM: Final = 1
MEAN: Final = 2
RATE: Final = 3
MICRO: Final = 1e6


@inlined
def boundary_of(time: int, refresh: int) -> int:
    """Return the last refresh at or before a time."""
    return time // refresh * refresh


@inlined
def first_in_window(description: int, start: int, stop: int, end: int) -> int:
    """Return the first position of the window that ends at time ``end``, which is position ``stop``."""
    d = ints_at(description, SLOTS)
    if d[WINDOW] == 0:
        return start
    return int(lower_bound(d[TIMES], start, stop, end - d[WINDOW]))


@inlined
def value_of(description: int, first: int, last: int) -> float:
    """Return a statistic over the positions ``[first, last)``; NaN when there is nothing to divide by."""
    d, seen = ints_at(description, SLOTS), float(last - first)
    prior, strength = double_of(d[PRIOR]), double_of(d[STRENGTH])
    if d[KIND] == COUNT:
        return seen
    if d[KIND] == RATE:
        hits = shorts_at(d[EVIDENCE], last + 1)
        found = hits[last] - hits[first]
        over = float(last - first - found) + strength
        return (float(found) + prior) / over if over > 0.0 else np.nan
    sums = ints_at(d[EVIDENCE], last + 1)
    total = float(sums[last] - sums[first]) / MICRO
    if d[KIND] == SUM:
        return total
    return (total + prior) / (seen + strength) if seen + strength > 0.0 else np.nan


@kernel
def read_numbers(n: int, questions: int, description: int, out: int) -> None:
    """Write one float32 for each object and time."""
    d, which, when = ints_at(description, SLOTS), ints_at(questions, n), ints_at(questions + 8 * n, n)
    starts = ints_at(d[STARTS], d[OBJECTS] + 1)
    missing = double_of(d[MISSING])
    for j in range(n):
        row, value, first, last = which[j], missing, 0, 0
        if 0 <= row < d[OBJECTS]:
            end = boundary_of(when[j], d[REFRESH])
            last = lower_bound(d[TIMES], starts[row], starts[row + 1], end)
            first = first_in_window(description, starts[row], last, end)
        if row >= 0:
            value = value_of(description, first, last)
        floats_at(out + d[OFFSET] + j * d[STRIDE], 1)[0] = np.float32(missing if np.isnan(value) else value)


@inlined
def newest_distinct(items_at: int, first: int, last: int, out: int, limit: int) -> int:
    """Write the distinct items of ``[first, last)`` behind a cell's count, newest first; return how many."""
    items, members, count = ints_at(items_at, last), ints_at(out + 8, limit), 0
    while last > first and count < limit:
        last -= 1
        k = 0
        while k < count and members[k] != items[last]:
            k += 1
        if k == count:
            members[count] = items[last]
            count += 1
    return count


@kernel
def read_lists(n: int, questions: int, description: int, out: int) -> None:
    """Write one list cell for each object and time: distinct items, newest first."""
    d, which, when = ints_at(description, SLOTS), ints_at(questions, n), ints_at(questions + 8 * n, n)
    starts = ints_at(d[STARTS], d[OBJECTS] + 1)
    for j in range(n):
        row, address = which[j], out + d[OFFSET] + j * d[STRIDE]
        cell = ints_at(address, 1 + d[LIMIT])
        cell[:] = 0
        if row < 0:
            cell[0] = d[MISSING]
        elif row < d[OBJECTS]:
            end = boundary_of(when[j], d[REFRESH])
            last = lower_bound(d[TIMES], starts[row], starts[row + 1], end)
            first = first_in_window(description, starts[row], last, end)
            cell[0] = newest_distinct(d[EVIDENCE], first, last, address, d[LIMIT])


@inlined
def threshold_of(scratch: int, pairs: int, limit: int) -> int:
    """Return the largest number of events that at least ``limit`` of the pairs have (by bisection)."""
    found, low, high = ints_at(scratch, 3 * pairs), 1, 1
    for k in range(pairs):
        high = max(high, found[3 * k + 2] - found[3 * k + 1])
    while low < high:
        middle = (low + high + 1) >> 1
        reached = 0
        for k in range(pairs):
            reached += 1 if found[3 * k + 2] - found[3 * k + 1] >= middle else 0
        if reached >= limit:
            low = middle
        else:
            high = middle - 1
    return low


@inlined
def find_pairs(description: int, row: int, end: int, scratch: int) -> int:
    """Put pair, first and last position of an object's keys with events in the window into ``scratch``."""
    d = ints_at(description, SLOTS)
    starts = ints_at(d[STARTS], row + 2)
    bounds = ints_at(d[PAIR_STARTS], starts[row + 1] + 1)
    found, count = ints_at(scratch, 3 * (starts[row + 1] - starts[row])), 0
    for pair in range(starts[row], starts[row + 1]):
        last = lower_bound(d[TIMES], bounds[pair], bounds[pair + 1], end)
        first = first_in_window(description, bounds[pair], last, end)
        if last > first:
            found[3 * count], found[3 * count + 1], found[3 * count + 2] = pair, first, last
            count += 1
    return count


@inlined
def write_map(description: int, pairs: int, scratch: int, out: int) -> int:
    """Write the keys with most events (ties: the smaller), ascending, and their values; return how many."""
    d, found = ints_at(description, SLOTS), ints_at(scratch, 3 * pairs)
    limit, threshold, spare, count = d[LIMIT], 0, 0, 0
    if pairs > limit:
        threshold, spare = threshold_of(scratch, pairs, limit), limit
        for k in range(pairs):
            spare -= 1 if found[3 * k + 2] - found[3 * k + 1] > threshold else 0
    keys, values = ints_at(out + 8, limit), floats_at(out + 8 + 8 * limit, limit)
    for k in range(pairs):
        first, last = found[3 * k + 1], found[3 * k + 2]
        if last - first > threshold or (last - first == threshold and spare > 0):
            spare -= 1 if last - first == threshold else 0
            keys[count] = ints_at(d[KEYS] + 8 * found[3 * k], 1)[0]
            values[count] = np.float32(value_of(description, first, last))
            count += 1
    return count


@kernel
def read_maps(n: int, questions: int, description: int, out: int, scratch: int) -> None:
    """Write one map cell for each object and time; ``scratch`` has three int64 for each key of an object."""
    d, which, when = ints_at(description, SLOTS), ints_at(questions, n), ints_at(questions + 8 * n, n)
    limit = d[LIMIT]
    for j in range(n):
        row, address = which[j], out + d[OFFSET] + j * d[STRIDE]
        cell = ints_at(address, 1 + limit)
        cell[:] = 0
        floats_at(address + 8 + 8 * limit, limit)[:] = np.float32(0)
        if row < 0:
            cell[0] = d[MISSING]
        elif row < d[OBJECTS]:
            pairs = find_pairs(description, row, boundary_of(when[j], d[REFRESH]), scratch)
            cell[0] = write_map(description, pairs, scratch, address)
