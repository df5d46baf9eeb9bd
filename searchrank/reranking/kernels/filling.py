"""Place after place: the best item that breaks no rule, or one drawn among those that break none."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.features.operators.elementary import exp
from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import double_of, doubles_at, ints_at

__all__ = ["EVERYTHING", "METHODS", "SLOTS", "fill"]

SLOTS: Final = 25
METHODS: Final = ("none", "epsilon", "plackett_luce", "swap")
EVERYTHING: Final = -1
_SOFTMAX: Final = 2
_SWAP: Final = 3
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_11, _27, _30, _31 = (np.uint64(k) for k in (11, 27, 30, 31))

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
View = tuple[int, int, int, int, int]  # addresses of groups, refused ones and how many of these; items; room a rule


@inlined
def _uniform(seed: int, place: int) -> float:
    """Return a number from 0 up to 1 that depends on seed and place alone (SplitMix64, Steele et al. 2014)."""
    value = np.uint64(seed) + np.uint64(place + 1) * _GOLDEN
    value = (value ^ (value >> _30)) * _MIX_1
    value = (value ^ (value >> _27)) * _MIX_2
    return np.float64((value ^ (value >> _31)) >> _11) * 1.1102230246251565e-16


@inlined
def _most_in_a_window(codes: Ints, places: Ints, code: int, span: tuple[int, int, int, int]) -> int:
    """Return how often a group stands in the fullest of the windows that begin from ``low`` to ``last``.

    ``span``: low, last, the last place looked at, and the length of a window.
    """
    low, last, high, window = span
    most = 0
    for start in range(low, last + 1):
        count = 0
        for place in range(start, min(start + window - 1, high) + 1):
            if places[place] >= 0 and codes[places[place]] == code:
                count += 1
        most = max(most, count)
    return most


@inlined
def _refused(codes: Ints, places: Ints, rule: Ints, at: tuple[int, int, int], out: Ints) -> int:
    """Write the groups that may not stand at a place and return how many; ``EVERYTHING``: every group.

    ``rule``: most, window, 1 when only the first window counts. ``at``: the place, places in all, the last pinned one.
    """
    place, n, pinned = at
    most, window, first = rule[0], rule[1], rule[2]
    if first == 1 and place >= window:
        return 0
    if most == 0:
        return -1
    ahead = pinned > place
    low = 0 if first == 1 else max(0, place - window + 1)
    last = place if ahead and first == 0 else low
    high = min(n, window if first == 1 else place + window) - 1 if ahead else place - 1
    count = 0
    for other in range(low, high + 1):
        code = codes[places[other]] if places[other] >= 0 else 0
        known = code == 0
        for k in range(count):
            known = known or out[k] == code
        if not known and _most_in_a_window(codes, places, code, (low, last, high, window)) >= most:
            out[count] = code
            count += 1
    return count


@inlined
def _broken(code: int, refused: Ints, count: int) -> bool:
    """Return whether a group is refused."""
    if code == 0 or count == 0:
        return False
    if count < 0:
        return True
    k = 0
    while k < count and refused[k] != code:
        k += 1
    return k < count


@inlined
def _look(view: View, table: int, rules: int, places: Ints, at: tuple[int, int, int]) -> None:
    """Note for each rule which groups may not stand at a place."""
    groups, refused, counts, n, width = view
    answer = ints_at(counts, rules)  # numba drops what is written to an array without a name
    for rule in range(rules):
        codes, own = ints_at(groups + 8 * n * rule, n), ints_at(table + 24 * rule, 3)
        answer[rule] = _refused(codes, places, own, at, ints_at(refused + 8 * width * rule, width))


@inlined
def _wrong(item: int, first: int, rules: int, view: View) -> int:
    """Return the first rule, from one on and before another, that an item would break here; -1: none."""
    groups, refused, counts, n, width = view
    for rule in range(first, rules):
        code = ints_at(groups + 8 * n * rule, n)[item]
        if _broken(code, ints_at(refused + 8 * width * rule, width), ints_at(counts, rules)[rule]):
            return rule
    return -1


@inlined
def _seek(order: Ints, follow: Ints, held: Ints, span: tuple[int, int, int], view: View) -> int:
    """Return the first of the waiting items that breaks none of the first rules, or the end; the others were held.

    ``span``: where to begin, the end, and how many rules.
    """
    i, end, rules = span
    while i < end:
        wrong = _wrong(order[i], 0, rules, view)
        if wrong < 0:
            return i
        if held[order[i]] < 0:
            held[order[i]] = wrong
        i = follow[i]
    return end


@inlined
def _give_way(relaxed: Ints, item: int, place: int, span: tuple[int, int], view: View) -> None:
    """Count the rules that an item breaks although it is chosen."""
    rule = _wrong(item, span[0], span[1], view)
    while rule >= 0:
        if relaxed[2 * rule] == 0:
            relaxed[2 * rule + 1] = place
        relaxed[2 * rule] += 1
        rule = _wrong(item, rule + 1, span[1], view)


@inlined
def _fitting(order: Ints, follow: Ints, members: Ints, span: tuple[int, int, int, int], view: View) -> int:
    """Write the waiting items that break no rule and return how many.

    ``span``: where to begin, the end, the most to write, and how many rules.
    """
    i, end, most, rules = span
    found = 0
    while i < end and found < most:
        if _wrong(order[i], 0, rules, view) < 0:
            members[found] = i
            found += 1
        i = follow[i]
    return found


@inlined
def _weigh(scores: Floats, order: Ints, members: Ints, weights: Floats, by: tuple[int, int, float, float]) -> None:
    """Write the probability of each member: the best but for ``rate``, else one drawn by the method.

    ``by``: how many members, method, rate and temperature.
    """
    found, method, rate, temperature = by
    top, total = -np.inf, 0.0
    for k in range(found):
        top = max(top, scores[order[members[k]]])
    for k in range(found):
        weights[k] = 0.0 if method == _SWAP and k == 0 else 1.0
        if method == _SOFTMAX:
            weights[k] = exp((scores[order[members[k]]] - top) / temperature)
        total += weights[k]
    for k in range(found):
        weights[k] = rate * (weights[k] / total) + (1.0 - rate if k == 0 else 0.0)


@inlined
def _draw(weights: Floats, found: int, uniform: float) -> int:
    """Return which member a number from 0 up to 1 falls on; one of no probability is never drawn."""
    reached, pick = 0.0, 0
    for k in range(found):
        if weights[k] > 0.0:
            pick = k
            reached += weights[k]
            if uniform < reached:
                return k
    return pick


@inlined
def _end(head: int, m1: int, m2: int, m: int) -> int:
    """Return where the class of an item ends."""
    if head < m1:
        return m1
    return m2 if head < m2 else m


@kernel
def fill(n: int, operands: int) -> None:
    """Choose an item for each of n places.

    ``operands``: numbers m, m1, m2, rules, reach, width, pinned, method, depth, pool, the bits of rate and temperature,
    and seed; then addresses. Items are ``order`` (m), scored ones before m1, then unscored ones before m2, then buried
    ones; an earlier class is used up before the next begins. ``places`` (n) has a pinned item's number or -1;
    ``pinned`` is the last such place. ``groups`` (rules, n) is each item's group, 0: not spoken of. ``table``
    (rules, 3) is as for ``_refused``; rules hold up to ``reach``; where nothing fits, later rules give way before
    earlier ones. ``relaxed`` (rules, 2) counts the places where one gave way and has the first of them. ``held`` (n)
    is the first rule that held an item back. ``propensity`` (n, by place) is the probability of what was chosen given
    what stands above it, behind them how often it was not the best. Room: two of m + 1, (rules, width), rules,
    and two of pool; ``scores`` (n) are float64.
    """
    given = ints_at(operands, SLOTS)
    m, m1, m2, rules, pinned = given[0], given[1], given[2], given[3], given[6]
    method, depth, pool, rate, temperature = given[7], given[8], given[9], double_of(given[10]), double_of(given[11])
    order, places, scores = ints_at(given[13], m), ints_at(given[14], n), doubles_at(given[24], n)
    relaxed, held, propensity = ints_at(given[17], 2 * rules), ints_at(given[18], n), doubles_at(given[19], n + 1)
    follow, back = ints_at(given[20], m + 1), ints_at(given[20] + 8 * (m + 1), m + 1)
    members, weights = ints_at(given[23], pool), doubles_at(given[23] + 8 * pool, pool)
    view = (given[15], given[21], given[22], n, given[5])
    for i in range(m + 1):
        follow[i] = i + 1 if i < m else 0
        back[i] = i - 1 if i > 0 else m
    turn = 0
    for place in range(n):
        propensity[place] = 1.0
        if places[place] >= 0:
            continue
        chosen = follow[m]
        if place < given[4]:
            end, level = _end(chosen, m1, m2, m), rules
            _look(view, given[16], rules, places, (place, n, pinned))
            head, chosen = chosen, _seek(order, follow, held, (chosen, end, level), view)
            while chosen == end:
                level -= 1
                chosen = _seek(order, follow, held, (head, end, level), view)
            _give_way(relaxed, order[chosen], place, (level, rules), view)
            if method > 0 and place < depth and level == rules and chosen < min(m1, pool):
                most = 2 if method == _SWAP else pool
                found = _fitting(order, follow, members, (chosen, min(m1, pool), most, rules), view)
                turn += 1
                if found > 1 and (method != _SWAP or turn % 2 == 1):
                    _weigh(scores, order, members, weights, (found, method, rate, temperature))
                    pick = _draw(weights, found, _uniform(given[12], place))
                    chosen, propensity[place] = members[pick], weights[pick]
                    propensity[n] += 1.0 if pick > 0 else 0.0
        places[place] = order[chosen]
        follow[back[chosen]] = follow[chosen]
        back[follow[chosen]] = back[chosen]
