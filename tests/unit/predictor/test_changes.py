"""Admission of writes: what becomes rows of the log, and what is refused by the name of its field."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from predictor import DeleteItem, DeleteUser, Interaction, LinkUsers, PutItem, PutUser, Reaction
from predictor.changes import admit_feedback, admit_ingest
from predictor.writable import Writable
from predictor.writing import feedback_request, ingest_request
from searchrank.errors import RequestError
from searchrank.events import EventLog, schema
from searchrank.features import FeatureSet
from searchrank.v1 import ingest_pb2

FEATURES = FeatureSet.parse("""
inputs:
  item.price: {type: float}
  item.title: {type: tokens}
  item.brand: {type: category}
  item.opened: {type: time}
  item.place: {type: point}
  item.vector: {type: vector, size: 3}
  item.tags: {type: list, limit: 4}
  item.scores: {type: map, limit: 4}
  item.clicks: {type: signal, count: click}
  user.age: {type: float}
  request.query: {type: tokens}
  request.time: {type: time}
  request.device: {type: category}
  candidate.stock: {type: float}
  candidate.position: {type: float, training_only: true, serving: 1}
features:
  price: item.price * 1
""")
WRITABLE = Writable.of(FEATURES.inputs.values())
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DOCUMENT = {
    "item.price": 3.5,
    "item.title": "green tea",
    "item.brand": "Zhao",
    "item.opened": NOON,
    "item.place": (30.2, 120.1),
    "item.vector": np.array([1, 2, 3], np.float32),
    "item.tags": ["a", "b"],
    "item.scores": {"x": 0.5},
}


def admitted(*changes) -> pa.Table:
    return pa.Table.from_batches([admit_ingest(ingest_request(changes), WRITABLE)])


def refusal(*changes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        admitted(*changes)
    return caught.value


def test_every_change_is_a_row_in_its_order():
    table = admitted(
        PutItem("tea", {"item.price": 2.0}, event_id="e0"),
        DeleteItem("tea", event_id="e1"),
        PutUser("ann", {"user.age": 30.0}, event_id="e2"),
        DeleteUser("ann", event_id="e3"),
        LinkUsers("ann", "phone", event_id="e4"),
        Interaction("order", user_id="ann", item_id="tea", position=2, value=9.5, event_id="e5", time=NOON),
    )
    assert table["event_id"].to_pylist() == [f"e{k}" for k in range(6)]
    assert table["kind"].to_pylist() == ["put_item", "delete_item", "put_user", "delete_user", "link", "order"]
    assert table["item_id"].to_pylist() == ["tea", "tea", None, None, None, "tea"]
    assert table["user_id"].to_pylist() == [None, None, "ann", "ann", "ann", "ann"]
    assert table["linked_id"].to_pylist() == [None] * 4 + ["phone", None]
    assert table["item.price"].to_pylist() == [2.0] + [None] * 5
    assert table["user.age"].to_pylist() == [None, None, 30.0, None, None, None]
    last = {name: table[name].to_pylist()[-1] for name in ("position", "value", "event_time")}
    assert last == {"position": 2, "value": 9.5, "event_time": NOON}


def test_a_document_of_every_type_reaches_the_log_as_it_was_sent(tmp_path):
    table = admitted(PutItem("bare"), PutItem("tea", DOCUMENT), DeleteItem("bare"))
    with EventLog.open(tmp_path, writable=True, schema=schema(FEATURES)) as log:
        assert log.append(table).accepted == 3
        rows = log.table().select(list(DOCUMENT)).to_pylist()
    sent = DOCUMENT | {"item.place": [30.2, 120.1], "item.vector": [1, 2, 3], "item.scores": [("x", 0.5)]}
    assert rows == [dict.fromkeys(DOCUMENT), sent, dict.fromkeys(DOCUMENT)]


def test_what_is_missing_is_null():
    request = ingest_request([PutItem("tea", DOCUMENT)])
    for column in request.changes[0].put_item.columns:
        column.validity = b"\0"
    batch = admit_ingest(request, WRITABLE)
    assert {name: batch.column(name).null_count for name in DOCUMENT} == dict.fromkeys(DOCUMENT, 1)
    assert admitted(PutItem("tea", {"item.price": float("nan")}))["item.price"].null_count == 1
    assert "item.price" not in admitted(PutItem("tea", {"item.price": None})).column_names


def test_searches_and_impressions_carry_their_inputs():
    table = admitted(
        Interaction("search", request_id="r", query="tea", surface="shop", values={"request.device": "ios"}),
        Interaction(
            "impression", request_id="r", item_id="x", values={"candidate.stock": 2.0, "candidate.position": 1}
        ),
    )
    assert table["request.device"].to_pylist() == ["ios", None]
    assert table["candidate.stock"].to_pylist() == [None, 2.0]
    assert table["candidate.position"].to_pylist() == [None, 1.0]
    assert table["query"].to_pylist() == ["tea", None]


def test_reactions_share_who_and_which_answer():
    request = feedback_request(
        "r1",
        [Reaction("a", position=0, event_id="e1", time=NOON), Reaction("b", "order", value=2.5, event_id="e2")],
        user_id="ann",
        session_id="",
        surface="shop",
    )
    rows = admit_feedback(request).to_pylist()
    assert [(r["event_id"], r["kind"], r["item_id"], r["position"], r["value"]) for r in rows] == [
        ("e1", "click", "a", 0, None),
        ("e2", "order", "b", None, 2.5),
    ]
    assert [(r["request_id"], r["user_id"], r["surface"]) for r in rows] == [("r1", "ann", "shop")] * 2
    assert "session_id" not in rows[0]
    assert rows[0]["event_time"] == NOON
    assert abs((rows[1]["event_time"] - datetime.now(UTC)).total_seconds()) < 60


LONG = "x" * 129


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (PutItem("a", event_id=""), "changes[1].event_id", "is empty"),
        (PutItem("a", event_id=LONG), "changes[1].event_id", "129 bytes, at most 128"),
        (PutItem(""), "changes[1].put_item.item_id", "is empty"),
        (DeleteItem("é" * 65), "changes[1].delete_item.item_id", "130 bytes"),
        (PutUser(""), "changes[1].put_user.user_id", "is empty"),
        (DeleteUser(""), "changes[1].delete_user.user_id", "is empty"),
        (LinkUsers("a", ""), "changes[1].link_users.linked_id", "is empty"),
        (LinkUsers("a", "a"), "changes[1].link_users.linked_id", "joins two ids"),
        (Interaction(""), "changes[1].interaction.kind", "is empty"),
        (Interaction("put_item"), "changes[1].interaction.kind", "message of its own"),
        (Interaction("click", surface=LONG), "changes[1].interaction.surface", "129 bytes"),
        (Interaction("search", query="x" * 4097), "changes[1].interaction.query", "at most 4,096"),
        (Interaction("click", position=1 << 31), "changes[1].interaction.position", "at most 2,147,483,647"),
        (Interaction("click", value=float("inf")), "changes[1].interaction.value", "inf is not a number"),
        (Interaction("click", value=-2e9), "changes[1].interaction.value", "up to 1,000,000,000 either way"),
        (PutItem("a", {"item.prize": 1.0}), 'put_item.columns["item.prize"]', "here you may send: item.brand"),
        (PutItem("a", {"item.clicks": 1.0}), 'put_item.columns["item.clicks"]', "counted from events"),
        (PutItem("a", {"user.age": 1.0}), 'put_item.columns["user.age"]', "input of the user"),
        (PutItem("a", {"item.price": "dear"}), 'put_item.columns["item.price"]', "send doubles instead of strings"),
        (PutItem("a", {"item.price": float("inf")}), 'put_item.columns["item.price"]', "is infinite"),
        (PutItem("a", {"item.vector": np.ones(2)}), 'put_item.columns["item.vector"]', "size 2, expected 3"),
        (Interaction("click", values={"candidate.stock": 1.0}), 'columns["candidate.stock"]', "cannot be sent here"),
        (Interaction("search", values={"request.query": "x"}), 'columns["request.query"]', "cannot be sent here"),
    ],
    ids=lambda given: "" if isinstance(given, tuple) or not isinstance(given, str) else given,
)
def test_what_is_wrong_is_named(change, field, words):
    error = refusal(DeleteItem("fine"), change)
    assert error.field.endswith(field)
    assert words in str(error)


def test_a_column_that_is_sent_twice_or_with_two_values_is_refused():
    request = ingest_request([PutItem("a", {"item.price": 1.0})])
    request.changes[0].put_item.columns[0].doubles.values.append(2.0)
    with pytest.raises(RequestError, match="holds 2 values, expected 1"):
        admit_ingest(request, WRITABLE)
    request = ingest_request([PutItem("a", {"item.price": 1.0})])
    request.changes[0].put_item.columns.append(request.changes[0].put_item.columns[0])
    with pytest.raises(RequestError, match="is sent twice"):
        admit_ingest(request, WRITABLE)


def test_a_time_that_no_calendar_has_is_refused():
    request = ingest_request([DeleteItem("a", time=NOON)])
    request.changes[0].event_time.seconds = 1 << 60
    with pytest.raises(RequestError, match=r"changes\[0\].event_time: is not a moment between the years 1 and 9999"):
        admit_ingest(request, WRITABLE)


def test_nothing_and_too_much_are_refused():
    assert "at least one" in str(refusal())
    assert "10,001, at most 10,000" in str(refusal(*[DeleteItem("a")] * 10_001))
    with pytest.raises(RequestError, match=r"changes\[0\]: says nothing"):
        admit_ingest(ingest_pb2.IngestRequest(changes=[ingest_pb2.Change(event_id="e")]), WRITABLE)


@pytest.mark.parametrize(
    ("fields", "reaction", "field"),
    [
        ({"request_id": ""}, Reaction("a"), "request_id"),
        ({"user_id": LONG}, Reaction("a"), "user_id"),
        ({}, Reaction(""), "reactions[0].item_id"),
        ({}, Reaction("a", "search"), "reactions[0].kind"),
        ({}, Reaction("a", "delete_user"), "reactions[0].kind"),
        ({}, Reaction("a", value=float("nan")), "reactions[0].value"),
    ],
)
def test_wrong_feedback_is_named(fields, reaction, field):
    given = {"request_id": "r", "user_id": "", "session_id": "", "surface": ""} | fields
    with pytest.raises(RequestError) as caught:
        admit_feedback(feedback_request(given.pop("request_id"), [reaction], **given))
    assert caught.value.field == field
    with pytest.raises(RequestError, match="at least one"):
        admit_feedback(feedback_request("r", [], user_id="", session_id="", surface=""))


def test_a_client_names_the_change_that_no_message_can_hold():
    with pytest.raises(RequestError, match=r"changes\[1\].*time zone"):
        ingest_request([DeleteItem("a"), DeleteItem("a", time=datetime(2026, 5, 1))])  # noqa: DTZ001 - the mistake
    with pytest.raises(RequestError, match=r"changes\[0\]"):
        ingest_request([DeleteItem(7)])
    with pytest.raises(RequestError, match=r"changes\[0\].*item.price"):
        ingest_request([PutItem("a", {"item.price": object()})])


def test_every_event_made_by_a_client_has_an_id_of_its_own():
    request = ingest_request([DeleteItem("a"), DeleteItem("a")])
    assert len({change.event_id for change in request.changes} - {""}) == 2


def test_of_two_declarations_the_served_one_counts():
    other = FeatureSet.parse("inputs: {item.price: {type: category}, item.new: {type: float}}\nfeatures: {}")
    both = Writable.of([*FEATURES.inputs.values(), *other.inputs.values()])
    assert both.of_kind["put_item"]["item.price"].type == "float"
    assert "item.new" in both.of_kind["put_item"]
