"""Coverage and diversity against brute force over every order of tied rows."""

from itertools import combinations, pairwise, permutations, product
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchrank.errors import DataError
from trainer.evaluation.ranking import Ranking
from trainer.evaluation.variety import coverage, diversity


def one(scores):
    return Ranking.of(scores, np.zeros(len(scores)), [len(scores)])


def orders(scores):
    return [o for o in permutations(range(len(scores))) if all(scores[a] >= scores[b] for a, b in pairwise(o))]


def test_coverage_is_the_share_of_the_catalogue_on_top_of_some_list():
    ranking = Ranking.of([3.0, 2.0, 1.0, 3.0, 2.0, 1.0], np.zeros(6), [3, 3])
    assert coverage(ranking, np.array([0, 1, 2, 0, 3, 2]), 5, 1) == pytest.approx(1 / 5)
    assert coverage(ranking, np.array([0, 1, 2, 0, 3, 2]), 5, 2) == pytest.approx(3 / 5)


def test_items_of_no_catalogue_cover_nothing():
    assert coverage(one([2.0, 1.0]), np.array([-1, 3]), 4, 2) == pytest.approx(1 / 4)


def test_items_beyond_the_catalogue_are_refused():
    with pytest.raises(DataError, match="are not those of 1 rows"):
        coverage(one([1.0]), np.array([4]), 4, 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=4), st.lists(st.integers(0, 2), min_size=1, max_size=4))
def test_coverage_is_its_expectation_over_the_orders_of_tied_rows(first, second):
    scores, items = [*first, *second], np.array([*range(len(first)), *range(len(second))])
    found = [
        len({o[i] for o in pair for i in range(min(2, len(o)))}) / 4 for pair in product(orders(first), orders(second))
    ]
    ranking = Ranking.of(scores, np.zeros(len(scores)), [len(first), len(second)])
    assert coverage(ranking, items, 4, 2) == pytest.approx(np.mean(found))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=6), st.integers(2, 6))
def test_diversity_is_its_expectation_over_the_orders_of_tied_rows(pairs, k):
    scores, codes = [float(s) for s, _ in pairs], np.array([c for _, c in pairs])
    if len(pairs) < 2:
        assert isnan(diversity(one(scores), codes, k)[0])
        return
    expected = np.mean([np.mean([codes[a] != codes[b] for a, b in combinations(o[:k], 2)]) for o in orders(scores)])
    assert diversity(one(scores), codes, k)[0] == pytest.approx(expected)
    assert diversity(one(scores), np.eye(3)[codes], k)[0] == pytest.approx(expected, abs=1e-7)


def test_a_vector_of_zeros_is_like_nothing():
    assert diversity(one([2.0, 1.0]), np.zeros((2, 3)), 2)[0] == 1.0


def test_shuffled_rows_change_no_bit():
    generator = np.random.default_rng(3)
    query = np.repeat(np.arange(30), 12)
    scores, items = (
        generator.integers(0, 4, 360) / 3,
        np.concatenate([generator.permutation(50)[:12] for _ in range(30)]),
    )
    vectors = generator.normal(size=(50, 8))
    moved = np.lexsort((generator.random(360), query))
    left = Ranking.of(scores, np.zeros(360), np.full(30, 12))
    right = Ranking.of(scores[moved], np.zeros(360), np.full(30, 12))
    assert coverage(left, items, 50, 5) == coverage(right, items[moved], 50, 5)
    for alike in (vectors, np.arange(50) % 7):
        assert diversity(left, alike[items], 5).tobytes() == diversity(right, alike[items[moved]], 5).tobytes()


def test_values_of_other_rows_are_refused():
    with pytest.raises(DataError, match="not those of 2 rows"):
        diversity(one([2.0, 1.0]), np.zeros(3), 2)
