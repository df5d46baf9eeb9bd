import numpy as np
import pytest

from predictor.parity.random_forest import random_forest
from searchrank.models import Forest, Linear, turning_points

ONE = """tree
feature_names=price kind

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
threshold=1.5 0
decision_type=8 1
left_child=-1 -2
right_child=1 -3
leaf_value=0.25 -1 2
cat_boundaries=0 1
cat_threshold=20

end of trees
"""


def test_of_each_stretch_between_thresholds_the_nearest_value_is_given():
    forest = Forest.parse(ONE)
    beyond = np.nextafter(np.float32(1.5), np.float32(9))
    assert turning_points(forest, 0, 0.5, 1.0).tolist() == [0.0, beyond]
    assert turning_points(forest, 0, 1.5, 1.0).tolist() == [0.0, beyond]  # up to the threshold goes left
    assert turning_points(forest, 0, 7.0, 1.0).tolist() == [0.0, 1.5]
    assert turning_points(forest, 0, np.nan, 1.0).tolist() == [0.0, 1.5, beyond]


def test_codes_are_tried_each_and_one_that_no_node_knows():
    assert turning_points(Forest.parse(ONE), 1, 2.0, 1.0).tolist() == [2.0, 4.0, 5.0]  # bits of 20 = 4 + 16


@pytest.mark.parametrize("seed", range(3))
def test_no_value_beside_the_points_gives_another_score(seed):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(4, 50)).astype(np.float32)
    forest = Forest.parse(random_forest(columns, tuple(f"f{k}" for k in range(4)), trees=10, seed=seed))
    row = rng.normal(size=4).astype(np.float32)
    for column in range(4):
        points = turning_points(forest, column, float(row[column]), 1.0)
        tried = np.concatenate([points, row[column : column + 1]])
        others = np.unique(np.concatenate([rng.normal(scale=3, size=500).astype(np.float32), tried]))
        known, scanned = (np.repeat(row[:, None], len(values), axis=1) for values in (tried, others))
        known[column], scanned[column] = tried, others
        assert set(forest.score(scanned).tolist()) <= set(forest.score(known).tolist())


def test_a_weighted_sum_is_solved():
    linear = Linear((2.0, 0.0, -0.5))
    points = turning_points(linear, 0, 1.0, 3.0)
    assert {2.5, -0.5} <= set(points.tolist())
    assert len(points) == 14
    assert np.abs(points - np.where(points > 0, 2.5, -0.5)).max() < 1e-5
    assert turning_points(linear, 1, 1.0, 3.0).size == 0
    assert {6.0, -6.0} <= set(turning_points(linear, 2, np.nan, 3.0).tolist())


def test_a_solution_beyond_all_numbers_is_none():
    assert turning_points(Linear((1e-30,)), 0, 0.0, 1e300).size == 0
