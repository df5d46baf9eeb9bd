"""Intervals, p-values and the sample-ratio test, against scipy and against simulated truth."""

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from searchrank.experiments import Experiments, difference, place, ratio, report, sample_ratio
from searchrank.experiments.analysis import chi_square_tail

TEXT = """
surfaces:
  shop:
    page:
      salt: page
      parameters: {size: {type: integer, default: 1}}
      experiments:
        longer:
          buckets: 0-9999
          where: {request.device: phone}
          arms:
            control: {weight: 1}
            long: {weight: 1, set: {size: 2}}
"""
LONGER = Experiments.parse(TEXT)


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


def log(units, *, lift=1.0, lost=0.0, seed=3):
    """Return the events of one search a unit, five items each; ``long`` clicks ``lift`` times as often."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(units):
        user, request = f"u{k}", f"r{k}"
        long = place("page", "longer", user, 2) == 1
        rows.append(("search", request, user, None, None, "shop", "phone"))
        if long and rng.random() < lost:
            continue
        for item in range(5):
            rows.append(("impression", request, user, None, f"i{item}", "shop", None))
            if rng.random() < 0.1 * (lift if long else 1.0):
                rows += [("click", request, user, None, f"i{item}", "shop", None)] * 2
    names = ["kind", "request_id", "user_id", "session_id", "item_id", "surface", "request.device"]
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )


def test_a_planted_better_arm_is_found():
    (told,) = report(LONGER, log(4_000, lift=1.3))
    control, long = told.arms
    assert (control.name, long.name) == ("control", "long")
    assert control.units + long.units == 4_000
    assert control.shown == 5 * control.units
    assert control.ctr.value == pytest.approx(0.1, abs=0.01)
    assert control.change is None
    assert long.change.low > 0
    assert long.change.p < 0.001
    assert told.is_fair


def test_equal_arms_are_not_told_apart():
    (told,) = report(LONGER, log(4_000))
    assert told.arms[1].change.low < 0 < told.arms[1].change.high


def test_a_lost_part_of_one_arm_trips_the_sample_ratio_test():
    weights, units = [1, 1], 200_000
    rng = np.random.default_rng(5)
    control = int(rng.binomial(units, 0.5))
    long = units - control
    assert sample_ratio([control, long], weights) > 0.001
    assert sample_ratio([control, int(long * 0.98)], weights) < 0.001


def test_a_report_counts_only_units_that_were_shown_something():
    (told,) = report(LONGER, log(4_000, lost=0.3))
    assert not told.is_fair
    assert told.arms[1].units < 0.8 * told.arms[0].units


def test_a_report_leaves_out_other_audiences_surfaces_and_overridden_units():
    events = log(50)
    for name, value in (("request.device", "desk"), ("surface", "plaza")):
        other = events.set_column(events.column_names.index(name), name, pa.array([value] * len(events)))
        (told,) = report(LONGER, other)
        assert [arm.units for arm in told.arms] == [0, 0]
        assert math.isnan(told.sample_ratio_p)
    listed = Experiments.parse(TEXT.replace("where:", "overrides: {u3: long}\n          where:"))
    (told,) = report(listed, events)
    assert sum(arm.units for arm in told.arms) == 49
