import numpy as np
import pytest

from predictor.comparison import ABOVE, BELOW, BOTH
from predictor.flipping import Flips, Pair, raw_features
from searchrank.features import FeatureSet, FittedInput, Plan
from searchrank.models import Forest, Linear

FEATURES = FeatureSet.parse("""
inputs:
  item.price: {type: float}
  item.kind: {type: category}
  request.hour: {type: float}
features:
  price: item.price * 1
  hour: request.hour * 1
  kind: item.kind
""")
STEP = """tree
feature_names=price hour

Tree=0
num_leaves=3
split_feature=0 0
threshold=10 20
decision_type=8 8
left_child=-1 -2
right_child=1 -3
leaf_value=1 5 2

end of trees
"""


def inputs(*steps):
    """Return price, transformed, and hour as the columns of a model."""
    return Plan.compile(FEATURES, (FittedInput("price", "price", steps), FittedInput("hour", "hour", ())))


def pair(columns, scores, *, raw=None, ties=False):
    columns = np.array(columns, np.float32)
    raw = {"price": columns[0] if raw is None else np.array(raw, np.float32), "hour": columns[1]}
    return Pair(columns, raw, np.array(scores, np.float64), ties_flip=ties)


def flips(scorer, plan=None, spreads=(10.0, 1.0)):
    return Flips(plan or inputs(), scorer, np.array(spreads))


def test_the_nearest_value_that_turns_a_forest_is_found_on_either_side():
    found = flips(Forest.parse(STEP)).of("price", pair([[15.0, 25.0], [0, 0]], [5.0, 2.0]))
    # the one above may fall to 10 (score 1, by 5), the one below to 20 (score 5, a tie that changes nothing)
    assert (found.whose, found.before, found.after, found.spreads) == (ABOVE, 15.0, 10.0, 0.5)


def test_a_tie_turns_the_order_when_the_lower_one_came_first():
    found = flips(Forest.parse(STEP)).of("price", pair([[11.0, 20.5], [0, 0]], [5.0, 2.0], ties=True))
    assert (found.whose, found.after) == (BELOW, 20.0)


def test_a_feature_without_effect_turns_nothing():
    assert flips(Forest.parse(STEP)).of("hour", pair([[15.0, 25.0], [0, 0]], [5.0, 2.0])) is None


def test_a_feature_of_the_request_changes_for_both_and_cannot_turn_a_sum():
    assert flips(Linear((1.0, 3.0))).of("hour", pair([[2.0, 1.0], [4, 4]], [14.0, 13.0])) is None
    crossing = STEP.replace("split_feature=0 0", "split_feature=1 0").replace("threshold=10 20", "threshold=8 20")
    found = flips(Forest.parse(crossing)).of("hour", pair([[25.0, 15.0], [4, 4]], [1.0, 1.0], ties=False))
    assert (found.whose, found.before) == (BOTH, 4.0)
    assert found.after == np.nextafter(np.float32(8), np.float32(9))


def test_a_sum_is_solved_to_the_last_bit():
    both = pair([[2.0, 1.0], [0, 0]], [0.3 * 2, 0.3])
    found = flips(Linear((0.3, 1.0))).of("price", both)
    assert found.after == pytest.approx(1.0 if found.whose == ABOVE else 2.0)
    at = np.float32(found.after)
    back = np.nextafter(at, np.float32(found.before))
    score = {ABOVE: lambda v: 0.3 * float(v) > 0.3, BELOW: lambda v: 0.3 * float(v) > 0.6}[found.whose]
    turned = (lambda v: 0.3 * float(v) < 0.3) if found.whose == ABOVE else score
    assert (turned(at), turned(back)) == (True, False)


def test_a_transformed_feature_is_changed_in_its_own_unit():
    plan = inputs(("standardize", (100.0, 50.0)))
    found = flips(Linear((1.0, 0.0)), plan).of("price", pair([[1.0, 0.0], [0, 0]], [1.0, 0.0], raw=[150.0, 100.0]))
    assert (found.before, round(found.after, 3)) in {(150.0, 100.0), (100.0, 150.0)}
    buckets = inputs(("bucketize", ((10.0, 20.0, 30.0),)))
    both = pair([[2.0, 1.0], [0, 0]], [2.0, 1.0], raw=[25.0, 15.0])
    found = flips(Linear((1.0, 0.0)), buckets).of("price", both)
    values = {ABOVE: 10.0, BELOW: 30.0}
    assert abs(found.after - values[found.whose]) < 1e-4
    assert found.before == {ABOVE: 25.0, BELOW: 15.0}[found.whose]


def test_a_missing_value_may_become_one():
    found = flips(Linear((1.0, 0.0))).of("price", pair([[3.0, np.nan], [0, 0]], [3.0, 0.0]))
    assert found is not None
    assert found.whose == ABOVE  # as little below 0 as there is; from missing nothing is near
    assert -1e-30 < found.after < 0


def test_codes_of_categories_are_codes():
    plan = Plan.compile(FEATURES, (FittedInput("kind", "kind", (("vocabulary", ((1, 2), (3.0, 4.0))),), True),))
    text = STEP.replace("price hour", "kind").replace("split_feature=0 0", "split_feature=0 0")
    both = Pair(np.array([[15.0, 25.0]], np.float32), {}, np.array([5.0, 2.0]), ties_flip=False)
    found = Flips(plan, Forest.parse(text), np.array([1.0])).of("kind", both)
    assert (found.is_code, found.after) == (True, 10.0)


def test_features_are_read_before_any_transform():
    plan = raw_features(inputs(("clip", (0.0, 1.0))))
    assert plan.columns == ("hour", "price")
    assert all(item.steps == () for item in plan.inputs)
