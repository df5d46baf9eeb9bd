"""Slices: the same test in each, with the probability of any false alarm held together."""

from math import inf, isnan, nan

import numpy as np
import pytest

from searchrank.errors import DataError
from trainer.evaluation.slices import ALL, by_slice, holm, regressions, worst


def test_holm_multiplies_the_smallest_by_the_number_of_tests():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def noisy(queries=4000, seed=1):
    generator = np.random.default_rng(seed)
    theirs = generator.random(queries)
    return theirs + generator.normal(0, 0.1, queries), theirs


def test_a_slice_that_loses_is_named_and_the_rest_passes():
    ours, theirs = noisy()
    small = np.arange(4000) < 400
    found = by_slice({"tail": small, "rest": ~small}, ours - 0.03 * small, theirs)
    assert [one.name for one in found] == [ALL, "tail", "rest"]
    assert regressions(found)[0].name == "tail"
    assert "rest" not in [one.name for one in regressions(found)]
    assert worst(found).name == "tail"
    assert worst(found).difference == pytest.approx(-0.03, abs=0.015)
    assert found[1].queries == 400


def test_what_is_found_in_four_of_five_trials_is_what_is_called_detectable():
    slices = {"a": np.arange(1000) < 500}
    caught = 0
    for seed in range(200):
        ours, theirs = noisy(1000, seed)
        loss = by_slice(slices, ours, theirs)[1].detectable
        caught += by_slice(slices, ours - loss * slices["a"], theirs)[1].p <= 0.025 / 2
    assert 140 <= caught <= 180


def test_noise_over_many_slices_seldom_alarms():
    generator = np.random.default_rng(9)
    members = {f"s{i}": generator.random(1500) < 0.2 for i in range(20)}
    alarms = sum(bool(regressions(by_slice(members, *noisy(1500, seed)))) for seed in range(60))
    assert alarms <= 6


def test_an_empty_slice_shows_nothing_and_alarms_nobody():
    found = by_slice({"nobody": np.zeros(3, bool)}, [0.1, 0.2, nan], [0.3, 0.3, 0.3])
    assert (found[0].queries, found[1].queries) == (2, 0)
    assert isnan(found[1].ours)
    assert (found[1].p, found[1].detectable) == (1.0, inf)
    assert worst(by_slice({}, [], [])) is None


def test_masks_of_other_queries_are_refused():
    with pytest.raises(DataError, match="slice 'x' has"):
        by_slice({"x": np.ones(2, bool)}, [1.0], [1.0])
