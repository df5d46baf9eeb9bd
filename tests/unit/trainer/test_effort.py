"""What a forest loses by doing less."""

import numpy as np

from searchrank.models import Forest, Linear
from trainer.effort import RankedLists, measure_effort, places
from trainer.evaluation.metrics import mean, ndcg
from trainer.evaluation.ranking import Ranking

TREE = """Tree={number}
num_leaves=2
split_feature=0
threshold={threshold}
decision_type=8
left_child=-1
right_child=-2
leaf_value=0 {value}
"""
VALUES = (0.5, 1.0)
FOREST = Forest.parse(
    "tree\nfeature_names=price\n\n"
    + "\n".join(TREE.format(number=k, threshold=k + 0.5, value=value) for k, value in enumerate(VALUES))
    + "\nend of trees\n"
)
SIZES = np.array([4])
COLUMNS = np.array([[0.0, 1.0, 2.0, 0.0]], np.float32)
LABELS = np.array([0.0, 0.0, 1.0, 0.0])
LISTS = RankedLists(COLUMNS, np.arange(4), SIZES)


def at_ten(scores):
    return mean(ndcg(Ranking.of(scores, LABELS, SIZES), 10))


def test_places_count_from_the_front_of_each_list():
    order = np.array([1.0, 3.0, 2.0, 5.0, 5.0])
    assert places(order, np.array([3, 2])).tolist() == [2, 0, 1, 0, 1]


def test_the_whole_work_comes_first_and_is_the_whole_forest():
    curve = measure_effort(FOREST, LISTS, at_ten)
    assert curve.whole.ndcg == at_ten(FOREST.score(COLUMNS)) == 1.0
    assert (curve.trees, curve.lists, curve.length) == (2, 1, 4.0)


def test_fewer_trees_and_candidates_give_what_they_would_when_served():
    found = {(p.candidates, p.trees): p.ndcg for p in measure_effort(FOREST, LISTS, at_ten).points}
    assert found[1.0, 1] == at_ten(FOREST.score(COLUMNS, 1)) < 1.0
    served_half = np.array([0.0, 0.5, -1.0, -2.0])  # the first two scored, the others after them as they came
    assert found[0.5, 0] == at_ten(served_half) == 1 / np.log2(2 + 2)


def test_another_kind_of_model_has_no_curve():
    assert measure_effort(Linear((1.0,)), LISTS, at_ten) is None
