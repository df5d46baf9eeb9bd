"""Comparing rankings: on the same requests, without position bias where the log allows, with an interval."""

from math import isnan, log2

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.features import FeatureSet
from trainer.collect import EXPLORATION
from trainer.evaluation.comparison import MODEL, ORACLE, POPULARITY, RECALL_ORDER, compare, unbiased
from trainer.fit import split_by_time
from trainer.samples import Samples

DAY = 86_400 * 10**6
FEATURES = FeatureSet.parse("inputs: {item.price: {type: float}}")


def samples(labels, times=None, exploring=None):
    """Requests of two impressions each."""
    count = len(labels) // 2
    requests = {"request_id": pa.array([str(i) for i in range(count)])}
    if exploring is not None:
        requests[EXPLORATION] = pa.array(exploring, pa.float64())
    return Samples(
        FEATURES,
        pa.table(requests),
        pa.table({"item_id": pa.array([str(i % 2) for i in range(len(labels))])}),
        np.asarray(times if times is not None else range(count), np.int64),
        np.full(count, 2),
        np.tile([0, 1], count),
        np.asarray(labels, np.float32),
    )


def test_random_lists_are_preferred_and_empty_requests_left_out():
    chosen, exploration = unbiased(samples([1, 0, 0, 1, 0, 0], exploring=[None, 1.0, 1.0]))
    assert exploration
    assert chosen.requests.column("request_id").to_pylist() == ["1"]


def test_without_random_lists_all_requests_count():
    for exploring in (None, [0.0, None, None]):
        chosen, exploration = unbiased(samples([1, 0, 0, 1, 0, 0], exploring=exploring))
        assert not exploration
        assert chosen.requests.column("request_id").to_pylist() == ["0", "1"]


def test_nothing_relevant_is_nothing_to_measure():
    with pytest.raises(DataError, match="no request to measure on"):
        unbiased(samples([0, 0]))


def test_the_gap_is_counted_from_popularity_to_the_oracle():
    test = samples([1, 0, 1, 0])
    right, half, wrong = [2.0, 1.0] * 2, [2.0, 1.0, 1.0, 2.0], [1.0, 2.0] * 2
    found = compare(test, {MODEL: half, POPULARITY: wrong, RECALL_ORDER: wrong, ORACLE: right}, exploration=True)
    low = 1 / log2(3)
    assert found.metrics[POPULARITY]["ndcg@10"] == pytest.approx(low)
    assert found.metrics[MODEL]["ndcg@10"] == pytest.approx((1 + low) / 2)
    assert found.gap_closed == pytest.approx(1 / 2)
    assert found.differences[POPULARITY].mean == pytest.approx((1 - low) / 2)
    figures = found.figures()
    assert figures["popularity_ndcg@10"] == pytest.approx(low)
    assert figures["recall_order_ndcg@10"] == pytest.approx(low)
    assert figures["oracle_ndcg@10"] == 1.0


def test_without_an_oracle_no_gap_is_claimed():
    found = compare(samples([1, 0]), {MODEL: [2.0, 1.0], POPULARITY: [1.0, 2.0]}, exploration=False)
    assert isnan(found.gap_closed)


def test_the_last_days_are_for_test_and_those_before_for_valid():
    times = [day * DAY + DAY // 2 for day in range(20)]
    split = split_by_time(samples([1, 0] * 20, times))
    assert (split.train.times < split.valid.times.min()).all()
    assert (split.valid.times < split.test.times.min()).all()
    assert [len(part.sizes) for part in (split.train, split.valid, split.test)] == [14, 2, 4]


def test_a_split_without_anything_to_learn_is_refused():
    with pytest.raises(DataError, match="valid part"):
        split_by_time(samples([1, 0] * 14 + [0, 0] * 2 + [1, 0] * 4, [d * DAY + DAY // 2 for d in range(20)]))


def test_hours_instead_of_days_are_cut_anywhere():
    split = split_by_time(samples([1, 0] * 100))
    assert [len(part.sizes) for part in (split.train, split.valid, split.test)] == [70, 10, 20]
