"""The protocol's measures, by hand and beside the trainer's."""

import math

import numpy as np
import pytest

from trainer.evaluation.metrics import ndcg
from trainer.evaluation.ranking import Ranking
from trainer.levels import measure, ranked


def test_ndcg_and_recall_are_what_the_formulas_say():
    gains, recalls = measure([np.array([5, 7, 9])], [np.array([7, 1])])
    assert gains[0] == pytest.approx((1 / math.log2(3)) / (1 / math.log2(2) + 1 / math.log2(3)))
    assert recalls[0] == 1 / 2


def test_a_perfect_list_has_ndcg_one_however_many_are_liked():
    rows = np.arange(150)
    for likes in (1, 9, 10, 11, 40, 120):
        gains, recalls = measure([rows], [rows[:likes]])
        assert gains[0] == pytest.approx(1.0)
        assert recalls[0] == pytest.approx(min(100, likes) / likes)


def test_a_list_that_finds_nothing_counts_zero():
    for rows in (np.array([1, 2]), np.array([], np.int64)):
        gains, recalls = measure([rows], [np.array([3])])
        assert (gains[0], recalls[0]) == (0.0, 0.0)


def test_lists_are_sorted_by_score_and_equal_scores_keep_their_order():
    found = ranked(np.array([4, 5, 6, 8, 9]), np.array([1.0, 2.0, 1.0, -np.inf, 0.0]), np.array([3, 2]))
    assert [part.tolist() for part in found] == [[5, 4, 6], [9, 8]]


def test_the_trainer_measures_the_same_where_recall_finds_everything():
    rng = np.random.default_rng(3)
    rows, scores = np.tile(np.arange(30), 20), rng.normal(size=600)
    labels = rng.random(600) < 0.2
    sizes = np.full(20, 30)
    positives = [np.flatnonzero(part) for part in labels.reshape(20, 30)]
    gains, _ = measure(ranked(rows, scores, sizes), positives)
    np.testing.assert_allclose(gains, ndcg(Ranking.of(scores, labels, sizes), 10))
