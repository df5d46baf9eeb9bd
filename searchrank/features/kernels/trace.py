"""Traces: all that statistics read of one object, in one piece of memory, so that it can be mapped, sent or chained.

A trace is int64 words: its size in bytes, then for each series of its root the offset in bytes at which the series
begins (0: no events), then the series one after the other. A series is a count ``n``, ``n`` times ascending, and its
totals: nothing, ``n`` item hashes, or ``n + 1`` running totals that begin with 0. A series with keys is a count ``p``,
``p`` keys ascending, ``p + 1`` positions at which each key's events begin, and then as before.

A *chain* is the traces of one object from several parts of a history, the older first. *Chains* of ``n`` objects are
``n + 1`` positions and then the addresses of the traces, each object's from its position to the next. *Questions*
about ``n`` objects are hash (0: no object), time, and time before which an event must be known, of each, and behind
them their chains.
"""

from __future__ import annotations

from typing import Final

from searchrank.features.kernels.lookup import slot_of
from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import ints_at

__all__: list[str] = []

NONE: Final = 0  # what a series keeps beside times
ITEMS: Final = 1
RUNNING: Final = 2
PART_SLOTS: Final = 3  # of a part: address of its hash table, of its offsets, of its words
SERIES_SLOTS: Final = 6  # of a series to pack: starts, times, totals, what they are, keys, pair starts


@inlined
def series_at(trace: int, number: int) -> int:
    """Return the address of a series of a trace; 0 when it has no events."""
    offset = ints_at(trace, number + 2)[number + 1]
    return int(trace + offset) if offset != 0 else 0


@inlined
def copied(source: int, first: int, count: int, target: int, less: int) -> int:
    """Copy words, each diminished by ``less``, and return the address behind them."""
    given, taken = ints_at(source + 8 * first, count), ints_at(target, count)
    for k in range(count):
        taken[k] = given[k] - less
    return int(target + 8 * count)


@inlined
def pack_events(series: int, first: int, count: int, target: int) -> int:
    """Write times and totals of consecutive events, their number before them; return the address behind them."""
    s = ints_at(series, SERIES_SLOTS)
    target = copied(s[1], first, count, target, 0)
    if s[3] == ITEMS:
        return copied(s[2], first, count, target, 0)
    if s[3] == RUNNING:
        return copied(s[2], first, count + 1, target, ints_at(s[2] + 8 * first, 1)[0])
    return target


@inlined
def pack_series(series: int, row: int, target: int) -> int:
    """Write one series of one object; return the address behind it, the same when there are no events."""
    s = ints_at(series, SERIES_SLOTS)
    starts = ints_at(s[0] + 8 * row, 2)
    first, count = starts[0], starts[1] - starts[0]
    if count == 0:
        return target
    ints_at(target, 1)[0] = count
    target += 8
    if s[4] == 0:
        return pack_events(series, first, count, target)
    bounds = ints_at(s[5] + 8 * first, count + 1)
    target = copied(s[4], first, count, target, 0)
    target = copied(s[5], first, count + 1, target, bounds[0])
    ints_at(target, 1)[0] = bounds[count] - bounds[0]
    return pack_events(series, bounds[0], bounds[count] - bounds[0], target + 8)


@kernel
def pack(objects: int, count: int, series: int, offsets: int, words: int) -> None:
    """Write the traces of objects, each at its offset (int64, ``objects + 1``), from ``count`` series."""
    places = ints_at(offsets, objects + 1)
    for row in range(objects):
        trace = words + places[row]
        head = ints_at(trace, count + 1)
        head[0] = places[row + 1] - places[row]
        target = trace + 8 * (count + 1)
        for number in range(count):
            end = pack_series(series + 8 * SERIES_SLOTS * number, row, target)
            head[number + 1] = target - trace if end > target else 0
            target = end


@inlined
def find_chain(hash_: int, parts: int, out: int, found: int) -> int:
    """Write the addresses of the traces under one hash behind ``found`` others; return how many there are then."""
    count = ints_at(parts, 1)[0]
    part, traces = ints_at(parts + 8, PART_SLOTS * count), ints_at(out, found + count)
    for p in range(count if hash_ != 0 else 0):
        row = ints_at(slot_of(part[PART_SLOTS * p], hash_), 2)[1]
        if row >= 0:
            traces[found] = part[PART_SLOTS * p + 2] + ints_at(part[PART_SLOTS * p + 1] + 8 * row, 1)[0]
            found += 1
    return found


@kernel
def find_chains(n: int, questions: int, parts: int) -> None:
    """Write the chains behind the questions about ``n`` objects, each under its own hash.

    ``parts``: how many, then ``PART_SLOTS`` words each. The hash 0 has no trace.
    """
    ask, found = ints_at(questions, 4 * n + 1), 0
    traces = questions + 8 * (4 * n + 1)
    for j in range(n):
        ask[3 * n + j] = found
        found = find_chain(ask[3 * j], parts, traces, found)
    ints_at(questions + 8 * 4 * n, 1)[0] = found  # numba 0.68 loses a last store at an index that is an argument


@kernel
def find_grouped_chains(n: int, hashes: int, groups: int, parts: int, out: int) -> None:
    """Write the chains of ``n`` objects; object ``j`` goes by the hashes at ``groups[j]`` to ``groups[j + 1]``."""
    group, begin, found = ints_at(groups, n + 1), ints_at(out, n + 1), 0
    which = ints_at(hashes, group[n])
    for j in range(n):
        begin[j] = found
        for k in range(group[j], group[j + 1]):
            found = find_chain(which[k], parts, out + 8 * (n + 1), found)
    ints_at(out + 8 * n, 1)[0] = found
