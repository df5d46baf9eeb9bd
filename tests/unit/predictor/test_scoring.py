"""Scoring in blocks."""

from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest

from predictor.block import ItemBlock
from predictor.journey import Deadline
from predictor.scoring import BLOCK, Pairs, Scoring
from predictor.stages import ordered
from searchrank.features import Rows


class Doubling:
    """Stands for an evaluator: its one column is the item row, doubled."""

    def evaluate_pairs(self, _records, rows):
        return (2 * rows.item_rows).astype(np.float32)[None, :]


class First:
    """Stands for a model: its score is the first column; it may take the last of somebody's time."""

    def __init__(self, stop_after=None):
        self.calls = 0
        self.stop_after = stop_after
        self.deadline = Deadline(monotonic() + 60)

    def score(self, columns, _items, _numbers, _trees=None):
        self.calls += 1
        if self.calls == self.stop_after:
            object.__setattr__(self.deadline, "expires", 0.0)
        return columns[0].astype(np.float64)


def rows(n: int) -> Rows:
    zeros = np.zeros(n, np.int64)
    return Rows(np.arange(n), np.zeros(1), zeros, np.zeros(n))


def scoring(model: First) -> Scoring:
    plan = SimpleNamespace(item_only=(), columns=("one",))
    return Scoring(SimpleNamespace(scorer=None, pair_scorer=model, plan=plan), Doubling())


def pairs(n: int) -> Pairs:
    layout = [("digest", "<i8"), ("prepared", "u1", (0,))]
    return Pairs(rows(n), ItemBlock(np.zeros(n, [("_pad", "<i8")]), np.zeros(n, layout)))


@pytest.mark.parametrize("n", [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_every_row_is_scored_in_order(n):
    model = First()
    scored = scoring(model).score(pairs(n), model.deadline)
    np.testing.assert_array_equal(scored.scores, 2.0 * np.arange(n))
    assert (scored.done, model.calls) == (n, -(-n // BLOCK))


def test_blocks_after_the_deadline_are_not_computed_and_not_scored():
    model = First(stop_after=2)
    scored = scoring(model).score(pairs(5 * BLOCK), model.deadline)
    assert model.calls == 2
    assert scored.done == 2 * BLOCK
    assert not np.isnan(scored.scores[: 2 * BLOCK]).any()
    assert np.isnan(scored.scores[2 * BLOCK :]).all()


def test_work_whose_time_passed_in_the_queue_is_not_begun():
    model = First()
    scored = scoring(model).score(pairs(10), Deadline(monotonic() - 1))
    assert (model.calls, scored.done) == (0, 0)


def test_order_is_by_score_then_place_and_unscored_rows_come_last():
    scores = np.array([1.0, np.nan, 3.0, 3.0, -np.inf, np.inf])
    assert ordered(scores, 0).tolist() == [5, 2, 3, 0, 4, 1]
    assert ordered(scores, 2).tolist() == [5, 2]
