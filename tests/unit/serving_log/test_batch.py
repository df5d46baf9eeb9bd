import numpy as np
import pyarrow as pa
import pytest

from searchrank.experiments import Assigned
from searchrank.features import encode
from searchrank.features.inputs import MISSING_TIME
from searchrank.serving_log import CORE, schema, sent_inputs
from searchrank.serving_log.batch import record_batch
from searchrank.serving_log.raw import join
from searchrank.serving_log.schema import Columns


@pytest.fixture
def rows(features):
    def of(*answers):
        return record_batch(answers, Columns.of(features)).to_pylist(maps_as_pydicts="strict")

    return of


def test_a_row_says_who_asked_what_and_what_answered(answered, rows):
    (row,) = rows(answered(user_offset=9, experiments="v1"))
    assert {name: row[name] for name in ("request_id", "rpc", "surface", "query")} == {
        "request_id": "r0",
        "rpc": "Search",
        "surface": "shop",
        "query": "tea",
    }
    assert (row["release_name"], row["release_version"], row["release_digest"]) == ("taste", 3, "ab" * 32)
    assert (row["snapshot_id"], row["offset"], row["user_offset"], row["experiments"]) == ("first", 17, 9, "v1")
    assert (row["user_id"], row["session_id"]) == ("u1", None)
    assert (row["answered_at"] - row["request_time"]).total_seconds() == 0.5
    assert (row["features_digest"], row["elapsed_us"]) == (-5, 900)


def test_candidates_keep_their_order_and_know_where_they_were_returned(answered, rows):
    first, second = rows(answered(), answered(1, rows=np.array([1]), scores=np.ones(1), order=np.array([0]), first=20))
    assert first["item_id"] == ["i4", "i2", "i7"]
    assert first["position"] == [-1, 1, 0]
    assert first["revision"] == [-1, -1, -1]
    assert np.array_equal(first["score"], [0.25, np.nan, 1.5], equal_nan=True)
    assert (second["item_id"], second["position"]) == (["i1"], [20])


def test_ids_that_the_caller_sent_are_kept_beside_recalled_ones(answered, rows):
    catalogue = pa.array([f"other{k}" for k in range(10)])
    sent = answered(1, rpc="Rank", item_ids=pa.array(["i4", "unknown", "i4"]), revisions=np.array([-1, -1, 99]))
    found = rows(answered(), sent, answered(2), answered(3, catalogue_ids=catalogue))
    assert found[1]["item_id"] == ["i4", "unknown", "i4"]
    assert found[1]["revision"] == [-1, -1, 99]
    assert found[2]["item_id"] == ["i4", "i2", "i7"]
    assert found[3]["item_id"] == ["other4", "other2", "other7"]


def test_the_interpreter_is_left_to_others_after_each_column(answered, features):
    layout, rests = Columns.of(features), []
    batch = record_batch([answered()], layout, lambda: rests.append(1))
    assert len(rests) == batch.num_columns


def test_an_answer_without_candidates_is_a_row_with_empty_lists(answered, rows):
    nothing = np.empty(0, np.int64)
    empty = answered(rows=nothing, scores=np.empty(0), order=nothing, features_digest=None)
    (row,) = rows(empty)
    assert (row["item_id"], row["score"], row["position"], row["features_digest"]) == ([], [], [], None)
    assert rows(empty, answered(1))[1]["item_id"] == ["i4", "i2", "i7"]


def test_arms_and_what_was_left_out_are_lists(answered, rows):
    arm = Assigned("page", "longer", "long", 0.5, overridden=True)
    left_out = ("recall", "popular", "too late")
    with_both, without = rows(answered(arms=(arm,), coverage=[left_out]), answered(1))
    assert with_both["arms"] == [
        {"layer": "page", "experiment": "longer", "arm": "long", "propensity": 0.5, "overridden": True}
    ]
    assert with_both["coverage"] == [{"stage": "recall", "subject": "popular", "reason": "too late"}]
    assert (without["arms"], without["coverage"]) == ([], [])


def test_inputs_are_kept_as_sent_and_null_when_not_sent(answered, rows):
    context = {
        "request.location": np.array([[31.2, 121.5]]),
        "session.device": ["phone"],
        "user.age": np.array([np.nan]),
        "user.recent": pa.array([["i1", "i2"]]),
        "query.weights": pa.array([[("a", 1.5)]], pa.map_(pa.string(), pa.float32())),
    }
    columns = {
        "candidate.eta": np.array([1.0, np.nan, 3.0]),
        "candidate.badge": ["new", None, "old"],
        "candidate.vector": np.array([[1, 2], [np.nan, np.nan], [5, 6]], np.float32),
    }
    full, bare = rows(answered(context=context, columns=columns), answered(1))
    assert full["request.location"] == [31.2, 121.5]
    assert (full["session.device"], full["user.age"], full["user.recent"]) == ("phone", None, ["i1", "i2"])
    assert full["query.weights"] == {"a": 1.5}
    assert full["candidate.eta"] == [1.0, None, 3.0]
    assert full["candidate.badge"] == ["new", None, "old"]
    assert full["candidate.vector"] == [[1.0, 2.0], None, [5.0, 6.0]]
    assert all(bare[name] is None for name in (*context, *columns))
    assert bare["request.query"] == "tea"


def test_statistics_and_what_only_training_knows_have_no_column(features):
    names = set(schema(features).names)
    assert {"candidate.place", "item.clicks", "item.price"}.isdisjoint(names)
    assert set(CORE.names) < names


def test_logged_values_become_the_records_that_were_served(answered, features):
    columns = {
        "candidate.eta": np.array([1.0, np.nan, 3.0]),
        "candidate.badge": ["new", None, "old"],
        "candidate.vector": np.array([[1, 2], [np.nan, np.nan], [5, 6]], np.float32),
        "recall.score": np.array([0.1, 0.2, np.nan]),
    }
    batch = record_batch([answered(columns=columns)], Columns.of(features))
    inputs = sent_inputs(features)[1]
    logged = {item.name: batch.column(item.name).flatten() for item in inputs}
    assert encode(inputs, logged, 3).tobytes() == encode(inputs, columns, 3).tobytes()


def test_a_missing_time_is_null(features):
    time = features.inputs["request.time"]
    assert join(time, [np.array([5, MISSING_TIME])]).cast(pa.int64()).to_pylist() == [5, None]


def test_columns_of_different_make_are_joined(features):
    age = features.inputs["user.age"]
    assert join(age, [np.array([1.0]), [None], pa.array([2], pa.int32())]).to_pylist() == [1.0, None, 2.0]
