"""LambdaMART: it learns, stops when told by valid rows, and is the same on every run."""

import numpy as np
import pytest

from searchrank.errors import ConfigError
from trainer.boosting import Lists, boost
from trainer.evaluation.metrics import mean, ndcg
from trainer.evaluation.ranking import Ranking

SMALL = {"num_iterations": 20, "num_leaves": 4, "min_data_in_leaf": 5}


def lists(seed, queries=40):
    """Rows of which the first column, a code in {0, 1, 2}, tells the label: code 1 is best."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 3, queries * 10)
    matrix = np.stack([codes, generator.normal(size=len(codes))]).astype(np.float32)
    return Lists(matrix.T, (codes == 1).astype(np.float32), np.full(queries, 10))


def test_it_learns_what_tells_the_label_apart():
    data, unseen = lists(1), lists(2)
    model = boost(data, None, SMALL, categorical=[0])
    assert model.trees == 20
    assert mean(ndcg(Ranking.of(model.score(unseen.matrix), unseen.labels, unseen.sizes), 10)) == 1.0


def test_training_twice_gives_the_same_text():
    assert boost(lists(1), None, SMALL).text == boost(lists(1), None, SMALL).text


def test_valid_rows_stop_training_and_only_the_best_trees_count():
    noise = lists(3)
    shuffled = Lists(noise.matrix, np.random.default_rng(4).permutation(noise.labels), noise.sizes)
    model = boost(lists(1), shuffled, SMALL | {"early_stopping_round": 3})
    assert model.trees < 20
    assert model.text.count("\nTree=") == model.trees


def test_progress_is_told_tree_by_tree():
    told = []
    boost(lists(1), None, SMALL, progress=lambda done, of: told.append((done, of)))
    assert told == [(i, 20) for i in range(1, 21)]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"num_leaves": 1}, "LightGBM refused"), ({"num_iterations": -1}, "not a number of rounds")],
)
def test_refused_parameters_are_a_config_error(parameters, message):
    with pytest.raises(ConfigError, match=message):
        boost(lists(1), None, SMALL | parameters)
