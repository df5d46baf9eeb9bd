"""Calibration: predictions beside what happened."""

from math import isnan, nan

import numpy as np
import pytest

from searchrank.errors import DataError
from trainer.evaluation.calibration import calibration


def test_the_error_is_the_mean_distance_of_a_bin_from_what_happened():
    found = calibration([0.2, 0.2, 0.8, 0.8], [0, 1, 1, 1], bins=2)
    assert found.rows.tolist() == [2, 2]
    assert found.error == pytest.approx((abs(0.2 - 1 / 2) + abs(0.8 - 1)) / 2)
    assert found.ratio == pytest.approx((0.2 + 0.2 + 0.8 + 0.8) / 3)


def test_equal_predictions_share_a_bin():
    assert calibration([0.5] * 7, [0, 1, 0, 1, 0, 1, 0], bins=3).rows.tolist() == [7]


def test_true_probabilities_are_calibrated():
    generator = np.random.default_rng(5)
    chance = generator.random(40_000)
    found = calibration(chance, generator.random(40_000) < chance)
    assert found.error < 0.01
    assert found.ratio == pytest.approx(1.0, abs=0.02)
    assert calibration(chance**2, generator.random(40_000) < chance).error > 0.1


def test_shuffled_rows_change_no_bit():
    generator = np.random.default_rng(6)
    chance, true = generator.integers(0, 20, 500) / 20, generator.integers(0, 2, 500)
    moved = generator.permutation(500)
    left, right = calibration(chance, true), calibration(chance[moved], true[moved])
    assert (left.error, left.ratio) == (right.error, right.ratio)


def test_nothing_that_happened_has_no_ratio():
    assert isnan(calibration([0.1], [0]).ratio)


@pytest.mark.parametrize(("chance", "message"), [([1.5], "from 0 to 1"), ([nan], "from 0 to 1"), ([], "predictions")])
def test_what_is_no_probability_is_refused(chance, message):
    with pytest.raises(DataError, match=message):
        calibration(chance, [1] * len(chance))
