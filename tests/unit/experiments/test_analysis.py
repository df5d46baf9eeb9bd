"""Intervals, p-values and the sample-ratio test, against scipy and against simulated truth."""

import math

import numpy as np
import pytest
from scipy import stats

from searchrank.experiments import difference, place, ratio, sample_ratio
from searchrank.experiments.analysis import chi_square_tail


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize("statistic", [0.0, 0.3, 1.0, 5.0, 40.0])
def test_the_chi_square_tail_is_that_of_scipy(statistic, freedom):
    assert chi_square_tail(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-10)


def test_the_sample_ratio_test_is_that_of_scipy():
    counts, weights = [5_100, 2_450, 2_450], [2, 1, 1]
    expected = stats.chisquare(counts, [5_000, 2_500, 2_500]).pvalue
    assert sample_ratio(counts, weights) == pytest.approx(expected, rel=1e-10)
    assert math.isnan(sample_ratio([0, 0], [1, 1]))
    assert math.isnan(sample_ratio([10, 0], [1, 0]))


def test_a_ratio_of_one_item_a_unit_is_a_mean():
    clicks = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    one = ratio(clicks, np.ones(5))
    assert one.value == clicks.mean()
    assert one.error == pytest.approx(stats.sem(clicks))
    assert math.isnan(ratio(clicks[:0], clicks[:0]).value)
    assert math.isnan(ratio(clicks[:1], np.ones(1)).error)


def visits(rng, units, lift=1.0):
    """Clicks and shown items of units that differ in how much they see and how readily they click."""
    shown = rng.geometric(0.2, units) * 10.0
    rates = np.clip(rng.beta(2.0, 18.0, units) * lift, 0.0, 1.0)
    return rng.binomial(shown.astype(int), rates).astype(float), shown


def test_intervals_of_clustered_clicks_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(7)
    held = naive = 0
    for _ in range(400):
        clicks, shown = visits(rng, 500)
        found = ratio(clicks, shown)
        held += found.interval[0] <= 0.1 <= found.interval[1]
        naive += abs(found.value - 0.1) <= 1.96 * math.sqrt(0.09 / shown.sum())
    assert 365 <= held <= 395
    assert naive < 300


def test_a_a_p_values_are_uniform_over_200_salts():
    rng = np.random.default_rng(1)
    clicks, shown = visits(rng, 2_000)
    p_values = []
    for salt in range(200):
        arm = np.array([place(f"salt{salt}", "same", f"u{k}", 2) for k in range(2_000)])
        sides = [ratio(clicks[arm == side], shown[arm == side]) for side in (0, 1)]
        p_values.append(difference(*sides).p)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 0 < sum(p < 0.05 for p in p_values) <= 21


def test_a_lost_part_of_one_arm_trips_the_sample_ratio_test():
    weights, units = [1, 1], 200_000
    rng = np.random.default_rng(5)
    control = int(rng.binomial(units, 0.5))
    long = units - control
    assert sample_ratio([control, long], weights) > 0.001
    assert sample_ratio([control, int(long * 0.98)], weights) < 0.001
