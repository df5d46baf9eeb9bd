"""Admission: what is accepted, what is refused, and by which name."""

from datetime import UTC, datetime

import numpy as np
import pytest

from predictor.requests import Candidates, Question, Schema, admit_candidates, admit_question
from predictor.values import column, columns, item_ids
from searchrank.errors import RequestError
from searchrank.features import FeatureSet
from searchrank.v1 import ranking_pb2

TEXT = """
inputs:
  request.time: {type: time}
  request.query: {type: tokens, limit: 8}
  request.location: {type: point}
  user.clicks: {type: signal, count: click}
  user.age: {type: float}
  user.home: {type: vector, size: 2}
  item.price: {type: float}
  candidate.eta_min: {type: float}
  candidate.tags: {type: list, limit: 4}
  candidate.near: {type: map, limit: 4}
  candidate.badge: {type: category}
  candidate.position: {type: float, training_only: true, serving: 1}
  recall.lexical_rank: {type: float}
"""
SCHEMA = Schema.of(FeatureSet.parse(TEXT).inputs.values())


def question(**fields) -> Question:
    return admit_question(ranking_pb2.RankRequest(surface="places", **fields), SCHEMA)


def candidates(ids, sent=None, most=10_000) -> Candidates:
    return admit_candidates(item_ids(ids), columns(sent or {}), SCHEMA, most=most, part="candidates")


def test_time_and_query_inputs_are_filled_from_the_request():
    moment = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
    admitted = question(query="hot pot", request_time=moment)
    assert admitted.time_us == int(moment.timestamp()) * 1_000_000 + 250_000
    assert admitted.context["request.time"].tolist() == [admitted.time_us]
    assert admitted.context["request.query"] == ["hot pot"]


def test_a_query_input_sent_by_the_caller_takes_precedence():
    admitted = question(query="hot pot", context=columns({"request.query": ["noodles"]}))
    assert admitted.context["request.query"] == ["noodles"]
    assert admitted.query == "hot pot"


def test_a_request_without_id_gets_one_of_its_own():
    first, second = question(), question()
    assert first.request_id
    assert first.request_id != second.request_id
    assert question(request_id="mine").request_id == "mine"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"query": "x" * 10_240}, "query"),
        ({"query": "锅" * 1_400}, "query"),
        ({"user_id": "u" * 129}, "user_id"),
        ({"session_id": "é" * 65}, "session_id"),
        ({"request_id": "r" * 200}, "request_id"),
        ({"context": columns({"candidate.eta_min": [1.0]})}, 'context["candidate.eta_min"]'),
        ({"context": columns({"user.clicks": [1.0]})}, 'context["user.clicks"]'),
        ({"context": columns({"user.agee": [1.0]})}, 'context["user.agee"]'),
        ({"context": columns({"user.age": ["old"]})}, 'context["user.age"]'),
        ({"context": columns({"user.age": [1.0, 2.0]})}, 'context["user.age"]'),
        ({"context": [column("user.age", [1.0])] * 2}, 'context["user.age"]'),
    ],
)
def test_what_is_wrong_with_a_question_is_named(fields, field):
    with pytest.raises(RequestError) as refusal:
        question(**fields)
    assert refusal.value.field == field
    assert str(refusal.value).startswith(field)


def test_a_chinese_query_at_the_limit_is_accepted():
    assert question(query="锅" * 1_365).query == "锅" * 1_365


def test_an_impossible_time_is_refused():
    request = ranking_pb2.RankRequest()
    request.request_time.seconds = 1 << 60
    with pytest.raises(RequestError, match="request_time"):
        admit_question(request, SCHEMA)


def test_no_candidates_are_an_empty_list():
    assert admit_candidates(ranking_pb2.Ids(), [], SCHEMA, most=10, part="candidates").ids == []


def test_repeated_candidates_are_kept():
    assert candidates(["a", "b", "a"]).ids == ["a", "b", "a"]


def test_integer_ids_name_the_items_of_their_digits():
    admitted = candidates([42, -7])
    assert admitted.ids == ["42", "-7"]
    assert admitted.integers.tolist() == [42, -7]


def test_too_many_candidates_are_refused_with_the_limit():
    with pytest.raises(RequestError, match=r"candidates: 100,000 ids, at most 10,000") as refusal:
        candidates(range(100_000))
    assert refusal.value.field == "candidates"


@pytest.mark.parametrize(("ids", "match"), [(["a", ""], "position 1 is empty"), (["a", "b" * 129], r"candidates\[1\]")])
def test_an_id_that_cannot_be_one_is_named_by_position(ids, match):
    with pytest.raises(RequestError, match=match):
        candidates(ids)


def test_columns_keep_values_and_missing_ones():
    sent = {
        "candidate.eta_min": [3.5, None, float("nan")],
        "candidate.badge": ["new", None, "hot"],
        "candidate.tags": [["a", "b"], None, []],
        "candidate.near": [{"x": 1.5}, {}, None],
        "recall.lexical_rank": [1.0, 2.0, 3.0],
    }
    admitted = candidates(["a", "b", "c"], sent).columns
    np.testing.assert_array_equal(admitted["candidate.eta_min"], [3.5, np.nan, np.nan])
    assert admitted["candidate.badge"] == ["new", None, "hot"]
    assert admitted["candidate.tags"].to_pylist() == [["a", "b"], None, []]
    assert admitted["candidate.near"].to_pylist() == [[("x", 1.5)], [], None]


def test_context_points_vectors_and_times_are_read():
    when = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    sent = {"request.location": [(31.2, 121.5)], "user.home": [np.array([0.25, 0.5])], "request.time": [when]}
    admitted = question(context=columns(sent)).context
    assert admitted["request.location"].tolist() == [[31.2, 121.5]]
    assert admitted["user.home"].tolist() == [[0.25, 0.5]]
    assert admitted["request.time"].tolist() == [int(when.timestamp()) * 1_000_000 + 6]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"candidate.eta_min": [1.0]}, "holds 1 values, expected 2"),
        ({"candidate.eta_min": ["a", "b"]}, "is of type float, send doubles instead of strings"),
        ({"candidate.eta_min": [1.0, float("inf")]}, "value 1 is infinite"),
        ({"candidate.badge": [1.0, 2.0]}, "is of type category, send strings instead of doubles"),
        ({"candidate.badge": ["a", "b" * 70_000]}, "longer than 65,536 bytes"),
        ({"candidate.position": [1.0, 2.0]}, "is known in training alone"),
        ({"item.price": [1.0, 2.0]}, "is an input of the item"),
        ({"candidate.eta": [1.0, 2.0]}, "is not a declared input"),
    ],
)
def test_a_wrong_candidate_column_is_named_with_what_is_wrong(sent, words):
    with pytest.raises(RequestError, match=words) as refusal:
        candidates(["a", "b"], sent)
    assert refusal.value.field == f'candidate_columns["{next(iter(sent))}"]'


def test_a_column_without_values_is_refused():
    empty = [ranking_pb2.Column(name="candidate.eta_min")]
    with pytest.raises(RequestError, match="send doubles instead of nothing"):
        admit_candidates(item_ids(["a"]), empty, SCHEMA, most=10, part="candidates")


def test_a_validity_bitmap_of_another_length_is_refused():
    sent = column("candidate.eta_min", [1.0, 2.0])
    sent.validity = b"\x03\x00"
    with pytest.raises(RequestError, match="validity is 2 bytes, 2 values need 1"):
        admit_candidates(item_ids(["a", "b"]), [sent], SCHEMA, most=10, part="candidates")


@pytest.mark.parametrize("offsets", [[0, 1], [0, 2, 1], [1, 1, 3], [0, 1, 2], []])
def test_offsets_that_do_not_cover_the_members_are_refused(offsets):
    lists = ranking_pb2.ListColumn(members=["x", "y", "z"], offsets=offsets)
    sent = ranking_pb2.Column(name="candidate.tags", lists=lists)
    with pytest.raises(RequestError, match=r"candidate\.tags"):
        admit_candidates(item_ids(["a", "b"]), [sent], SCHEMA, most=10, part="candidates")


def test_a_vector_of_another_size_is_refused():
    with pytest.raises(RequestError, match="vectors have size 3, expected 2"):
        question(context=columns({"user.home": [np.zeros(3)]}))


def test_an_infinite_number_where_nothing_is_said_to_be_present_is_missing():
    sent = column("candidate.eta_min", [float("inf"), 2.0])
    sent.validity = b"\x02"
    admitted = admit_candidates(item_ids(["a", "b"]), [sent], SCHEMA, most=10, part="candidates")
    np.testing.assert_array_equal(admitted.columns["candidate.eta_min"], [np.nan, 2.0])
