import numpy as np
import pytest

from searchrank.serving_log import candidate_columns, flat, returned, schema
from searchrank.serving_log.batch import record_batch
from searchrank.serving_log.schema import Columns


@pytest.fixture
def batch(answered, features):
    nothing = np.empty(0, np.int64)
    answers = [
        answered(columns={"candidate.eta": np.array([1.0, np.nan, 3.0])}),
        answered(1, order=nothing),
        answered(2, rows=nothing, scores=np.empty(0), order=nothing),
        answered(3, first=20),
    ]
    return record_batch(answers, Columns.of(features))


def test_candidates_that_were_not_returned_are_gone_and_the_others_in_order(batch):
    kept = returned(batch)
    assert kept.column("item_id").to_pylist() == [["i7", "i2"], [], [], ["i7", "i2"]]
    assert kept.column("position").to_pylist() == [[0, 1], [], [], [20, 21]]
    assert kept.column("candidate.eta").to_pylist()[0] == [3.0, None]
    assert kept.column("request_id").to_pylist() == ["r0", "r1", "r2", "r3"]
    assert kept.schema == batch.schema


def test_a_column_lies_flat_beside_the_items_null_where_it_was_not_sent(batch):
    assert flat(batch, "item_id").to_pylist() == ["i4", "i2", "i7"] * 3
    assert flat(batch, "candidate.eta").to_pylist() == [1.0, None, 3.0, *[None] * 6]
    assert flat(batch, "recall.score").to_pylist() == [None] * 9
    assert flat(returned(batch), "candidate.eta").to_pylist() == [3.0, None, None, None]


def test_the_columns_with_a_value_a_candidate_are_known(features):
    assert candidate_columns(schema(features)) == [
        *("item_id", "revision", "position", "score", "propensity"),
        *("candidate.badge", "candidate.eta", "candidate.vector", "recall.score"),
    ]
