"""The items nearest to each of some, by what the same users dealt with."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from recall.behaviour.kernels.holding import hold
from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import double_of, doubles_at, floats_at, ints_at, shorts_at, square_root

__all__ = ["SLOTS", "cosine", "swing"]

SLOTS: Final = 16
"""Operands of both kernels. Where lie, and how many: 0 ends of items' users (int64, from 0), 1 users (int32), 2 ends of
users' items (int64, from 0), 3 items (int32), 4 items of the catalogue, 5 most neighbours of an item; where go: 6 their
rows (int32), 7 weights (float32) and 8 numbers (int64); room: 9 a zero an item (int32), 10 an item (int32), and for
swing alone: 11 an item (int32), 12 members (int32), 13 pairs of users (float64), 14 smoothing's bits, 15 most users of
an item."""

Ints = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@inlined
def _count(given: Ints, first: int, last: int) -> int:
    """Count for each item how many of some users dealt with it; return how many such items there are."""
    users, ends = shorts_at(given[1], last), ints_at(given[2], 1)
    common, met = shorts_at(given[9], given[4]), shorts_at(given[10], given[4])
    found = 0
    for at in range(first, last):
        user = users[at]
        items = shorts_at(given[3] + 4 * ends[user], ends[user + 1] - ends[user])
        for k in range(ends[user + 1] - ends[user]):
            other = items[k]
            if common[other] == 0:
                met[found] = other
                found += 1
            common[other] += 1
    return found


@kernel
def cosine(first: int, last: int, operands: int) -> None:
    """Write the nearest items of those from first to last: users in common over the root of both numbers of users."""
    given = ints_at(operands, SLOTS)
    ends, most = ints_at(given[0], given[4] + 1), given[5]
    common, met = shorts_at(given[9], given[4]), shorts_at(given[10], given[4])
    numbers = ints_at(given[8], last - first)
    for item in range(first, last):
        rows = shorts_at(given[6] + 4 * most * (item - first), most)
        weights = floats_at(given[7] + 4 * most * (item - first), most)
        found, held = _count(given, ends[item], ends[item + 1]), 0
        own = np.float64(ends[item + 1] - ends[item])
        for k in range(found):
            other = met[k]
            weight = common[other] / square_root(own * np.float64(ends[other + 1] - ends[other]))
            common[other] = 0
            if other != item:
                held = hold(weights, rows, held, np.float32(weight), other)
        numbers[item - first] = held


@inlined
def _list_members(given: Ints, first: int, last: int, found: int) -> None:
    """Write for each item met which of the users, numbered from 0, dealt with it; their ends go to room 11."""
    users, ends, met = shorts_at(given[1], last), ints_at(given[2], 1), shorts_at(given[10], given[4])
    common, after, members = shorts_at(given[9], given[4]), shorts_at(given[11], given[4]), shorts_at(given[12], 1)
    start = 0
    for k in range(found):
        after[met[k]] = start
        start += common[met[k]]
    for at in range(first, last):
        user = users[at]
        items = shorts_at(given[3] + 4 * ends[user], ends[user + 1] - ends[user])
        for k in range(ends[user + 1] - ends[user]):
            place = after[items[k]]
            members[place] = at - first
            after[items[k]] = place + 1


@inlined
def _weigh(given: Ints, first: int, count: int, found: int) -> None:
    """Write the weight of each two of the users: the less else they have in common, the more it says."""
    users, ends, met = shorts_at(given[1], 1), ints_at(given[2], 1), shorts_at(given[10], given[4])
    common, after, members = shorts_at(given[9], given[4]), shorts_at(given[11], given[4]), shorts_at(given[12], 1)
    pairs, smoothing = doubles_at(given[13], count * count), double_of(given[14])
    for k in range(count * count):
        pairs[k] = 0.0
    for k in range(found):
        other = met[k]
        for one in range(after[other] - common[other], after[other]):
            for two in range(one + 1, after[other]):
                pairs[members[one] * count + members[two]] += 1.0
    for one in range(count):
        own = ends[users[first + one] + 1] - ends[users[first + one]]
        for two in range(one + 1, count):
            size = ends[users[first + two] + 1] - ends[users[first + two]]
            root = square_root(np.float64(own) * np.float64(size))
            pairs[one * count + two] = 1.0 / (root * (smoothing + pairs[one * count + two]))


@inlined
def _together(given: Ints, count: int, start: int, end: int) -> float:
    """Return the summed weight of all pairs of some members."""
    members, pairs = shorts_at(given[12], end), doubles_at(given[13], count * count)
    total = 0.0
    for one in range(start, end):
        for two in range(one + 1, end):
            total += pairs[members[one] * count + members[two]]
    return total


@kernel
def swing(first: int, last: int, operands: int) -> None:
    """Write the nearest items of those from first to last by swing (Yang et al. 2020, arXiv:2010.05525)."""
    given = ints_at(operands, SLOTS)
    ends, most = ints_at(given[0], given[4] + 1), given[5]
    common, met, after = (shorts_at(given[9], 1), shorts_at(given[10], 1), shorts_at(given[11], 1))
    numbers = ints_at(given[8], last - first)
    for item in range(first, last):
        rows = shorts_at(given[6] + 4 * most * (item - first), most)
        weights = floats_at(given[7] + 4 * most * (item - first), most)
        start, count = ends[item], min(ends[item + 1] - ends[item], given[15])
        found, held = _count(given, start, start + count), 0
        _list_members(given, start, start + count, found)
        _weigh(given, start, count, found)
        for k in range(found):
            other = met[k]
            if other != item and common[other] > 1:
                weight = _together(given, count, after[other] - common[other], after[other])
                held = hold(weights, rows, held, np.float32(weight), other)
            common[other] = 0
        numbers[item - first] = held
