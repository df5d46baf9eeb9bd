from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recall.behaviour import ease as module
from recall.behaviour.ease import ease
from recall.behaviour.neighbours import Nearest
from tests.unit.recall.behaviour.clicks import graph, nothing, random_pairs

CLICKS = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 9)), max_size=60)


def dense(found: Nearest) -> np.ndarray:
    """Weights by predicting and predicted item."""
    size = len(found.numbers)
    weights = np.zeros((size, size))
    weights[found.rows, np.repeat(np.arange(size), found.numbers)] = found.weights
    return weights


def by_hand(pairs: list[tuple[int, int]], size: int, penalty: float) -> np.ndarray:
    """The closed form, with a general inverse and all items; one without users predicts nothing."""
    clicked = np.zeros((1 + max((user for user, _ in pairs), default=0), size))
    for user, row in pairs:
        clicked[user, row] = 1.0
    inverse = np.linalg.inv(clicked.T @ clicked + penalty * np.eye(size))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


@settings(max_examples=60, deadline=None)
@given(CLICKS, st.sampled_from([0.5, 10.0, 500.0]))
def test_it_equals_the_closed_form(pairs: list[tuple[int, int]], penalty: float):
    found = ease(graph(10, *pairs), 10, nothing, penalty, 100)
    np.testing.assert_allclose(dense(found), by_hand(pairs, 10, penalty), rtol=1e-5, atol=1e-9)


def test_each_item_has_the_weights_of_a_ridge_regression_on_the_others():
    pairs = random_pairs(5, 30, 8, 90)
    clicked = np.zeros((30, 8))
    for user, row in pairs:
        clicked[user, row] = 1.0
    found = dense(ease(graph(8, *pairs), 8, nothing, 3.0, 100))
    for item in range(8):
        others = [other for other in range(8) if other != item]
        gram = clicked[:, others].T @ clicked[:, others] + 3.0 * np.eye(7)
        ridge = np.linalg.solve(gram, clicked[:, others].T @ clicked[:, item])
        np.testing.assert_allclose(found[others, item], ridge, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_the_weights_of_each_item_farthest_from_nothing_are_kept(count: int):
    clicks = graph(20, *random_pairs(2, 40, 20, 300))
    whole, cut = (dense(ease(clicks, most, nothing, 5.0, 100)) for most in (20, count))
    for item in range(20):
        near = sorted((-abs(weight), other) for other, weight in enumerate(whole[:, item]) if weight)
        assert {other: whole[other, item] for _, other in near[:count]} == {
            other: weight for other, weight in enumerate(cut[:, item]) if weight
        }


def test_blocks_of_any_size_give_the_same_weights_and_tell_how_far_they_are(monkeypatch: pytest.MonkeyPatch):
    clicks = graph(40, *random_pairs(3, 30, 40, 300))
    whole = dense(ease(clicks, 5, nothing, 5.0, 100))
    for items in (1, 7, 40):
        monkeypatch.setattr(module, "_BLOCK", items)
        told: list[tuple[int, int]] = []
        cut = ease(clicks, 5, lambda *done: told.append(done), 5.0, 100)  # noqa: B023 - called at once
        np.testing.assert_array_equal(dense(cut), whole)
        assert told == [(done, told[-1][1]) for done in range(1, told[-1][1] + 1)]


def test_items_with_few_users_are_left_out_with_a_warning(caplog: pytest.LogCaptureFixture):
    pairs = [(user, row) for row, users in enumerate((3, 1, 3, 2)) for user in range(1, 1 + users)]
    with caplog.at_level(logging.WARNING):
        found = dense(ease(graph(5, *pairs), 5, nothing, 1.0, 3))
    assert "3 items with most users; 1 others have no neighbours (most_items)" in caplog.text
    assert not found[1].any()
    assert not found[:, 1].any()
    without = [(user, row) for user, row in pairs if row != 1]
    np.testing.assert_allclose(found, by_hand(without, 5, 1.0), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("size", [0, 1, 3])
def test_no_events_give_empty_lists(size: int):
    assert ease(graph(size), 5, nothing, 1.0, 10).numbers.tolist() == [0] * size
