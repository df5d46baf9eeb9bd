"""Statistics read as known at a time: two binary searches in each trace of an object, one division at the end.

A *description* is ``SLOTS`` int64 numbers made by ``searchrank.features.history``; *questions* and traces are those
of ``searchrank.features.kernels.trace``. ``out`` is where the first record lies. Everything before the last division
is integers, so that a history read in parts has the bits of the whole.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.features.kernels.lookup import lower_bound
from searchrank.features.kernels.trace import RUNNING, series_at
from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import double_of, floats_at, ints_at

__all__: list[str] = []

SLOTS: Final = 11
SERIES: Final = 0  # number of the series in a trace
TOTALS: Final = 1  # what it keeps beside times
KIND: Final = 2  # COUNT, SUM, MEAN or RATE
WINDOW: Final = 3  # microseconds, 0 for all time
REFRESH: Final = 4  # microseconds
PRIOR: Final = 5  # bits of prior * strength
STRENGTH: Final = 6  # bits
MISSING: Final = 7  # bits of the number, or the count of the list or map, that stands for a missing value
LIMIT: Final = 8  # most members of a list or map
OFFSET: Final = 9  # of the cell in a record, in bytes
STRIDE: Final = 10  # of the records, in bytes

COUNT: Final = 0
SUM: Final = 1
MEAN: Final = 2
RATE: Final = 3
MICRO: Final = 1e6
ENTRY: Final = 3  # words of an entry of a map: key, events, evidence
CURSOR: Final = 3  # words of a cursor in a chain: address, position, end
MOMENT: Final = 2  # words of a moment: time, and time before which an event must be known


@inlined
def value_of(description: int, seen: int, evidence: int) -> float:
    """Return a statistic over so many events with so much evidence; NaN when there is nothing to divide by."""
    d = ints_at(description, SLOTS)
    prior, strength = double_of(d[PRIOR]), double_of(d[STRENGTH])
    if d[KIND] == COUNT:
        return float(seen)
    if d[KIND] == RATE:
        over = float(seen - evidence) + strength
        return (float(evidence) + prior) / over if over > 0.0 else np.nan
    total = float(evidence) / MICRO
    if d[KIND] == SUM:
        return total
    return (total + prior) / (float(seen) + strength) if float(seen) + strength > 0.0 else np.nan


@inlined
def window_of(description: int, moment: int, times: int, start: int, stop: int) -> tuple[int, int]:
    """Return the first and last position of ``[start, stop)`` that a statistic counts at a moment."""
    d, at = ints_at(description, SLOTS), ints_at(moment, MOMENT)
    boundary = at[0] // d[REFRESH] * d[REFRESH]
    last = int(lower_bound(times, start, stop, min(boundary, at[1])))
    if d[WINDOW] == 0:
        return start, last
    return int(lower_bound(times, start, last, boundary - d[WINDOW])), last


@inlined
def evidence_of(description: int, times: int, events: int, first: int, last: int) -> int:
    """Return what the running totals behind ``events`` times gained over the positions ``[first, last)``."""
    if ints_at(description, SLOTS)[TOTALS] != RUNNING:
        return 0
    totals = ints_at(times + 8 * events, last + 1)
    return int(totals[last] - totals[first])


@kernel
def read_numbers(n: int, questions: int, description: int, out: int) -> None:
    """Write one float32 for each object and time."""
    d, ask = ints_at(description, SLOTS), ints_at(questions, 4 * n + 1)
    traces = questions + 8 * (4 * n + 1)
    missing = double_of(d[MISSING])
    for j in range(n):
        value, seen, evidence = missing, 0, 0
        for b in range(ask[3 * n + j], ask[3 * n + j + 1]):
            series = series_at(ints_at(traces, b + 1)[b], d[SERIES])
            if series != 0:
                events, times = ints_at(series, 1)[0], series + 8
                first, last = window_of(description, questions + 8 * (3 * j + 1), times, 0, events)
                seen += last - first
                evidence += evidence_of(description, times, events, first, last)
        if ask[3 * j] != 0:
            value = value_of(description, seen, evidence)
        floats_at(out + d[OFFSET] + j * d[STRIDE], 1)[0] = np.float32(missing if np.isnan(value) else value)


@inlined
def newest(cursors: int, count: int) -> int:
    """Return the address of the cursor whose last time is the latest, of equals the last; 0 when all are at an end."""
    best, latest = 0, np.int64(0)
    for c in range(count):
        cursor = ints_at(cursors + 8 * CURSOR * c, CURSOR)
        if cursor[2] > cursor[1]:
            time = ints_at(cursor[0] + 8 * cursor[2], 1)[0]  # one word of count lies before the times
            if best == 0 or time >= latest:
                best, latest = cursors + 8 * CURSOR * c, time
    return int(best)


@inlined
def newest_distinct(cursors: int, count: int, out: int, limit: int) -> int:
    """Write the distinct items under the cursors behind a cell's count, newest first; return how many."""
    members, found = ints_at(out + 8, limit), 0
    best = newest(cursors, count)
    while best != 0 and found < limit:
        cursor = ints_at(best, CURSOR)
        cursor[2] -= 1
        events = ints_at(cursor[0], 1)[0]
        item = ints_at(cursor[0] + 8 * (1 + events + cursor[2]), 1)[0]
        k = 0
        while k < found and members[k] != item:
            k += 1
        if k == found:
            members[found] = item
            found += 1
        best = newest(cursors, count)
    return found


@kernel
def read_lists(n: int, questions: int, description: int, out: int, scratch: int) -> None:
    """Write one list cell for each object and time: distinct items, newest first.

    ``scratch`` has a cursor for each trace of a chain.
    """
    d, ask = ints_at(description, SLOTS), ints_at(questions, 4 * n + 1)
    traces = questions + 8 * (4 * n + 1)
    for j in range(n):
        address = out + d[OFFSET] + j * d[STRIDE]
        cell, count = ints_at(address, 1 + d[LIMIT]), 0
        cell[:] = 0
        for b in range(ask[3 * n + j], ask[3 * n + j + 1]):
            series = series_at(ints_at(traces, b + 1)[b], d[SERIES])
            if series != 0:
                cursor = ints_at(scratch + 8 * CURSOR * count, CURSOR)
                first, last = window_of(description, questions + 8 * (3 * j + 1), series + 8, 0, ints_at(series, 1)[0])
                cursor[0], cursor[1], cursor[2] = series, first, last
                count += 1
        cell[0] = newest_distinct(scratch, count, address, d[LIMIT]) if ask[3 * j] != 0 else d[MISSING]


@kernel
def count_keys(n: int, questions: int, description: int, out: int) -> None:
    """Write the most keys that the traces of one object have together, one int64."""
    d, ask, most = ints_at(description, SLOTS), ints_at(questions, 4 * n + 1), 0
    traces = questions + 8 * (4 * n + 1)
    for j in range(n):
        keys = 0
        for b in range(ask[3 * n + j], ask[3 * n + j + 1]):
            series = series_at(ints_at(traces, b + 1)[b], d[SERIES])
            keys += ints_at(series, 1)[0] if series != 0 else 0
        most = max(most, keys)
    ints_at(out, 1)[0] = most


@inlined
def add_key(description: int, moment: int, series: int, pair: int, entry: int) -> None:
    """Add the events of one key in the window to an entry."""
    pairs, total = ints_at(series, 1)[0], ints_at(entry, ENTRY)
    bounds = ints_at(series + 8 * (1 + pairs), pairs + 2)
    events, times = bounds[pairs + 1], series + 8 * (3 + 2 * pairs)
    first, last = window_of(description, moment, times, bounds[pair], bounds[pair + 1])
    total[1] += last - first
    total[2] += evidence_of(description, times, events, first, last)


@inlined
def next_key(cursors: int, count: int) -> int:
    """Return the address of the cursor with the smallest key; 0 when all are at an end."""
    best, smallest = 0, np.int64(0)
    for c in range(count):
        cursor = ints_at(cursors + 8 * CURSOR * c, CURSOR)
        if cursor[1] < cursor[2]:
            key = ints_at(cursor[0] + 8 * (1 + cursor[1]), 1)[0]
            if best == 0 or key < smallest:
                best, smallest = cursors + 8 * CURSOR * c, key
    return int(best)


@inlined
def merge_keys(description: int, moment: int, cursors: int, count: int, entries: int) -> int:
    """Write an entry for each key with events in the window, by ascending key; return how many."""
    found, best = 0, next_key(cursors, count)
    while best != 0:
        cursor = ints_at(best, CURSOR)
        key = ints_at(cursor[0] + 8 * (1 + cursor[1]), 1)[0]
        entry = entries + 8 * ENTRY * found
        total = ints_at(entry, ENTRY)
        if found == 0 or ints_at(entry - 8 * ENTRY, 1)[0] != key:
            total[0], total[1], total[2] = key, 0, 0
            found += 1
        else:
            entry -= 8 * ENTRY
        add_key(description, moment, cursor[0], cursor[1], entry)
        cursor[1] += 1
        best = next_key(cursors, count)
    kept = 0
    for k in range(found):
        given, taken = ints_at(entries + 8 * ENTRY * k, ENTRY), ints_at(entries + 8 * ENTRY * kept, ENTRY)
        taken[0], taken[1], taken[2] = given[0], given[1], given[2]
        kept += 1 if given[1] > 0 else 0
    return kept


@inlined
def threshold_of(entries: int, count: int, limit: int) -> int:
    """Return the largest number of events that at least ``limit`` of the entries have (by bisection)."""
    found, low, high = ints_at(entries, ENTRY * count), 1, 1
    for k in range(count):
        high = max(high, found[ENTRY * k + 1])
    while low < high:
        middle = (low + high + 1) >> 1
        reached = 0
        for k in range(count):
            reached += 1 if found[ENTRY * k + 1] >= middle else 0
        if reached >= limit:
            low = middle
        else:
            high = middle - 1
    return low


@inlined
def write_map(description: int, count: int, entries: int, out: int) -> int:
    """Write the keys with most events (ties: the smaller), ascending, and their values; return how many."""
    d, found = ints_at(description, SLOTS), ints_at(entries, ENTRY * count)
    limit, threshold, spare, kept = d[LIMIT], 0, 0, 0
    if count > limit:
        threshold, spare = threshold_of(entries, count, limit), limit
        for k in range(count):
            spare -= 1 if found[ENTRY * k + 1] > threshold else 0
    keys, values = ints_at(out + 8, limit), floats_at(out + 8 + 8 * limit, limit)
    for k in range(count):
        seen = found[ENTRY * k + 1]
        if seen > threshold or (seen == threshold and spare > 0):
            spare -= 1 if seen == threshold else 0
            keys[kept] = found[ENTRY * k]
            values[kept] = np.float32(value_of(description, seen, found[ENTRY * k + 2]))
            kept += 1
    return kept


@kernel
def read_maps(n: int, questions: int, description: int, out: int, scratch: int) -> None:
    """Write one map cell for each object and time.

    ``scratch``: how many traces a chain has at most, a cursor for each, then an entry for each key that an object has
    at most (see ``count_keys``).
    """
    d, ask = ints_at(description, SLOTS), ints_at(questions, 4 * n + 1)
    traces, limit, cursors = questions + 8 * (4 * n + 1), d[LIMIT], scratch + 8
    entries = cursors + 8 * CURSOR * ints_at(scratch, 1)[0]
    for j in range(n):
        address = out + d[OFFSET] + j * d[STRIDE]
        cell, count = ints_at(address, 1 + limit), 0
        cell[:] = 0
        floats_at(address + 8 + 8 * limit, limit)[:] = np.float32(0)
        for b in range(ask[3 * n + j], ask[3 * n + j + 1]):
            series = series_at(ints_at(traces, b + 1)[b], d[SERIES])
            if series != 0:
                cursor = ints_at(cursors + 8 * CURSOR * count, CURSOR)
                cursor[0], cursor[1], cursor[2] = series, 0, ints_at(series, 1)[0]
                count += 1
        if ask[3 * j] != 0:
            found = merge_keys(description, questions + 8 * (3 * j + 1), cursors, count, entries)
            cell[0] = write_map(description, found, entries, address)
        else:
            cell[0] = d[MISSING]
