"""Any model scores pairs as it scores whole rows."""

from __future__ import annotations

import numpy as np
import pytest

from searchrank.errors import DataError
from searchrank.models import Linear
from searchrank.models.pair_scorer import FloatScorer, pair_scorer

LINEAR = Linear((2.0, -1.0, 0.5), 3.0)


@pytest.mark.parametrize("own", [(), (1,), (0, 2), (0, 1, 2)])
def test_a_model_of_floats_gets_whole_rows(own):
    rows = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
    rows[1, ::5] = np.nan
    others = [k for k in range(3) if k not in own]
    scorer = pair_scorer(LINEAR, own, 3)
    items = scorer.prepare(np.ascontiguousarray(rows[list(own)]))
    assert items.shape == (40, 4 * len(own))
    numbers = np.array([5, 5, 0, 39])
    found = scorer.score(np.ascontiguousarray(rows[others][:, numbers]), items, numbers)
    assert found.tobytes() == LINEAR.score(np.ascontiguousarray(rows[:, numbers])).tobytes()


def test_records_of_other_columns_have_another_fingerprint():
    prints = {FloatScorer(LINEAR, own, 3).fingerprint for own in ((), (0,), (1,), (0, 1))}
    assert len(prints) == 4


def test_what_is_no_record_is_refused():
    scorer = FloatScorer(LINEAR, (0,), 3)
    with pytest.raises(DataError, match="not records of 4 bytes"):
        scorer.score(np.ones((2, 1), np.float32), np.zeros((1, 8), np.uint8), np.zeros(1, np.int64))
