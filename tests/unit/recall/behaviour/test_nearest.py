from __future__ import annotations

from itertools import combinations, pairwise
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recall.behaviour import nearest
from recall.behaviour.nearest import cosine, swing
from recall.behaviour.neighbours import Nearest
from tests.unit.recall.behaviour.clicks import graph, nothing, random_pairs

CLICKS = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 9)), max_size=60)


def by_item(found: Nearest) -> list[dict[int, float]]:
    ends = np.cumsum([0, *found.numbers.tolist()])
    return [dict(zip(found.rows[a:b].tolist(), found.weights[a:b].tolist(), strict=True)) for a, b in pairwise(ends)]


def cosine_by_hand(pairs: set[tuple[int, int]], item: int, other: int) -> float:
    own, its = ({user for user, row in pairs if row == one} for one in (item, other))
    return len(own & its) / sqrt(len(own) * len(its)) if own & its else 0.0


def swing_by_hand(pairs: set[tuple[int, int]], item: int, other: int, smoothing: float) -> float:
    items = {user: {row for one, row in pairs if one == user} for user, _ in pairs}
    both = [user for user, own in items.items() if {item, other} <= own]
    return sum(
        1 / sqrt(len(items[u]) * len(items[v])) / (smoothing + len(items[u] & items[v]))
        for u, v in combinations(both, 2)
    )


@settings(max_examples=60, deadline=None)
@given(CLICKS, st.integers(1, 12))
def test_cosine_equals_its_definition(pairs: list[tuple[int, int]], count: int):
    found = by_item(cosine(graph(10, *pairs), count, nothing))
    for item in range(10):
        weights = {other: float(np.float32(cosine_by_hand(set(pairs), item, other))) for other in range(10)}
        near = sorted((-weight, other) for other, weight in weights.items() if weight and other != item)
        assert found[item] == {other: -weight for weight, other in near[:count]}


@settings(max_examples=60, deadline=None)
@given(CLICKS, st.sampled_from([0.0, 1.0, 7.5]))
def test_swing_equals_its_definition(pairs: list[tuple[int, int]], smoothing: float):
    found = by_item(swing(graph(10, *pairs), 10, nothing, smoothing))
    for item in range(10):
        weights = {other: swing_by_hand(set(pairs), item, other, smoothing) for other in range(10) if other != item}
        assert found[item] == pytest.approx({other: weight for other, weight in weights.items() if weight}, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(CLICKS, st.integers(1, 9))
def test_swing_keeps_the_nearest_and_of_equal_ones_the_lower_rows(pairs: list[tuple[int, int]], count: int):
    whole, cut = (by_item(swing(graph(10, *pairs), most, nothing, 1.0)) for most in (10, count))
    for all_of_it, kept in zip(whole, cut, strict=True):
        near = sorted((-weight, other) for other, weight in all_of_it.items())
        assert kept == {other: -weight for weight, other in near[:count]}


def test_two_users_who_share_little_else_say_more_than_two_alike():
    alike = [(user, row) for user in (1, 2) for row in (0, 1, 4, 5)]
    unlike = [(3, 2), (3, 3), (3, 6), (3, 7), (4, 2), (4, 3), (4, 8), (4, 9)]
    found = by_item(swing(graph(10, *alike, *unlike), 9, nothing, 1.0))
    assert found[2][3] == pytest.approx(1 / 4 / (1 + 2))
    assert found[0][1] == pytest.approx(1 / 4 / (1 + 4))


def test_one_user_in_common_is_no_swing():
    assert by_item(swing(graph(2, (1, 0), (1, 1)), 5, nothing, 1.0)) == [{}, {}]


def test_swing_compares_the_latest_users_of_an_item_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nearest, "SWING_USERS", 2)
    pairs = [(user, row) for user, others in ((1, 1), (2, 1), (3, 2), (4, 2)) for row in (others, 0)]
    found = by_item(swing(graph(3, *pairs), 5, nothing, 1.0))
    assert set(found[0]) == {2}
    assert set(found[1]) == {0}


@pytest.mark.parametrize("method", [cosine, lambda *given: swing(*given, 1.0)])
def test_blocks_of_any_size_give_the_same_bits_and_tell_how_far_they_are(method, monkeypatch: pytest.MonkeyPatch):
    clicks = graph(40, *random_pairs(3, 30, 40, 300))
    whole = method(clicks, 5, nothing)
    for items in (1, 7, 40):
        monkeypatch.setattr(nearest, "_BLOCK", items)
        told: list[tuple[int, int]] = []
        cut = method(clicks, 5, lambda *done: told.append(done))  # noqa: B023 - called at once
        assert told == [(min(done, 40), 40) for done in range(items, 40 + items, items)]
        for name in Nearest.__slots__:
            assert getattr(cut, name).tobytes() == getattr(whole, name).tobytes()


@pytest.mark.parametrize("method", [cosine, lambda *given: swing(*given, 1.0)])
@pytest.mark.parametrize("size", [0, 1, 3])
def test_no_events_give_empty_lists(method, size: int):
    assert method(graph(size), 5, nothing).numbers.tolist() == [0] * size
