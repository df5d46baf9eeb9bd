"""Bootstrap intervals: seeded, honest about missing queries, and covering what they promise."""

from itertools import product
from math import isnan, nan, sqrt

import numpy as np
import pytest

from searchrank.errors import DataError
from trainer.evaluation.significance import bootstrap, difference, paired_bootstrap, randomisation


def test_the_interval_is_that_of_the_normal_law_for_many_queries():
    values = np.random.default_rng(1).normal(0.3, 0.2, 400)
    interval = bootstrap(values)
    half = 1.96 * values.std() / sqrt(400)
    assert interval.mean == values.mean()
    assert interval.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(2).random(100)
    assert bootstrap(values, seed=5) == bootstrap(values, seed=5)
    assert bootstrap(values, seed=5) != bootstrap(values, seed=6)


def test_queries_without_a_value_are_left_out():
    assert bootstrap([1.0, nan, 1.0]).mean == 1.0
    assert bootstrap([1.0, nan, 1.0]).low == 1.0


def test_no_queries_give_no_interval():
    interval = bootstrap([nan, nan])
    assert isnan(interval.mean)
    assert isnan(interval.low)


def test_a_constant_difference_has_a_point_interval_however_the_values_vary():
    ours = np.random.default_rng(3).random(200)
    interval = paired_bootstrap(ours, ours - 0.25)
    assert (interval.low, interval.high) == pytest.approx((0.25, 0.25))


def test_a_pair_with_a_missing_side_is_left_out():
    assert paired_bootstrap([1.0, nan, 0.5], [0.5, 0.0, nan]).mean == 0.5


def test_values_of_different_queries_are_not_paired():
    with pytest.raises(DataError, match="cannot be paired"):
        paired_bootstrap([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("resamples", "confidence"), [(0, 0.95), (10, 0.0), (10, 1.0)])
def test_an_impossible_interval_is_refused(resamples, confidence):
    with pytest.raises(DataError, match="no interval"):
        bootstrap([1.0], resamples=resamples, confidence=confidence)


def every_sign(values):
    """The share of all sign draws whose sum is as low."""
    sums = [
        sum(s * abs(v) for s, v in zip(signs, values, strict=True)) for signs in product((-1, 1), repeat=len(values))
    ]
    return np.mean([total <= sum(values) + 1e-12 for total in sums])


@pytest.mark.parametrize("values", [[-1.0] * 8, [0.5, -0.2, -0.4, 0.1, -0.9, -0.3], [0.2, 0.3, 0.0, nan]])
def test_the_chance_of_a_loss_is_that_over_all_signs(values):
    told = [v for v in values if not isnan(v)]
    assert randomisation(values) == pytest.approx(every_sign(told), abs=0.03)


def test_the_normal_law_gives_what_draws_give():
    values = np.random.default_rng(4).normal(-0.05, 1.0, 1600)
    exact = np.random.default_rng(5).choice([-1, 1], (4_000, 1600)) @ np.abs(values)
    assert randomisation(values) == pytest.approx(np.mean(exact <= values.sum()), abs=0.012)


def test_a_few_large_differences_among_many_small_ones_are_drawn():
    values = np.full(5_000, 1e-9)
    values[:3] = -1.0
    assert randomisation(values) == pytest.approx(1 / 8, abs=0.03)


def test_nothing_different_is_no_loss():
    assert randomisation([0.0, nan, 0.0]) == 1.0
    assert randomisation([]) == 1.0


def test_a_difference_has_an_interval_and_a_two_sided_chance():
    ours = np.random.default_rng(6).random(300)
    found = difference(ours + 0.1, ours)
    assert (found.mean, found.queries) == (pytest.approx(0.1), 300)
    assert found.p <= 2 / 10_000
    assert difference(ours, ours).p == 1.0
    assert isnan(difference([nan], [1.0]).p)
