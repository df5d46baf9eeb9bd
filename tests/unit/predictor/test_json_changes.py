"""Changes as JSON lines: what a line says, and what is wrong with it in words."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from predictor import DeleteItem, DeleteUser, Interaction, LinkUsers, PutItem, PutUser
from predictor.json_changes import read_change
from searchrank.errors import DataError
from searchrank.features import FeatureSet

DECLARED = FeatureSet.parse("""
inputs:
  item.price: {type: float}
  item.title: {type: tokens}
  item.opened: {type: time}
  item.place: {type: point}
  item.vector: {type: vector, size: 3}
  item.tags: {type: list, limit: 4}
  item.scores: {type: map, limit: 4}
  user.age: {type: float}
features:
  price: item.price * 1
""").inputs
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def read(**row):
    return read_change(json.dumps({"event_id": "e"} | row), DECLARED)


def test_each_kind_is_read():
    assert read(kind="delete_item", item_id="a") == DeleteItem("a", event_id="e")
    assert read(kind="put_user", user_id="u", **{"user.age": 3}) == PutUser("u", {"user.age": 3}, event_id="e")
    assert read(kind="delete_user", user_id="u") == DeleteUser("u", event_id="e")
    assert read(kind="link", user_id="u", linked_id="v") == LinkUsers("u", "v", event_id="e")
    click = read(kind="click", user_id="u", item_id="a", position=0, value=2.5, event_time="2026-05-01T14:00:00+02:00")
    assert click == Interaction("click", user_id="u", item_id="a", position=0, value=2.5, event_id="e", time=NOON)


def test_values_are_read_as_their_inputs_are_declared():
    given = {
        "item.price": 3,
        "item.title": None,
        "item.opened": "2026-05-01T12:00:00Z",
        "item.place": [30, 120.5],
        "item.vector": [1, 2, 3],
        "item.tags": [],
        "item.scores": {"x": 1},
    }
    change = read(kind="put_item", item_id="a", **given)
    assert isinstance(change, PutItem)
    vector = change.values["item.vector"]
    assert isinstance(vector, np.ndarray)
    assert vector.tolist() == [1, 2, 3]
    rest = {name: value for name, value in change.values.items() if name != "item.vector"}
    assert rest == {
        "item.price": 3,
        "item.opened": NOON,
        "item.place": (30.0, 120.5),
        "item.tags": [],
        "item.scores": {"x": 1},
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "this is not JSON"),
        ("[1]", "one change is an object"),
        ('{"event_id": "e"}', "kind: every change needs it"),
        ('{"kind": "click"}', "event_id: every change needs it"),
        ('{"kind": "click", "event_id": 7}', "event_id: every change needs it, a text"),
        ('{"kind": "put_item", "event_id": "e"}', "item_id: 'put_item' needs it"),
        (
            '{"kind": "delete_item", "event_id": "e", "item_id": "a", "item.price": 1}',
            "item.price: 'delete_item' carries",
        ),
        (
            '{"kind": "click", "event_id": "e", "itemid": "a"}',
            "itemid: is not a part of 'click'; it has user_id, item_id",
        ),
        ('{"kind": "put_item", "event_id": "e", "item_id": "a", "item.prize": 1}', "item.prize: is not an input"),
        ('{"kind": "put_item", "event_id": "e", "item_id": "a", "item.price": "3"}', 'item.price: "3" is no float'),
        ('{"kind": "put_item", "event_id": "e", "item_id": "a", "item.price": true}', "write a number"),
        ('{"kind": "put_item", "event_id": "e", "item_id": "a", "item.place": [1]}', r"write \[latitude, longitude\]"),
        ('{"kind": "put_item", "event_id": "e", "item_id": "a", "item.opened": "now"}', "'now' is no time such as"),
        ('{"kind": "click", "event_id": "e", "event_time": "2026-05-01"}', "event_time: '2026-05-01' has no time zone"),
        ('{"kind": "click", "event_id": "e", "event_time": 7}', "event_time: 7 is no time"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(line, words):
    with pytest.raises(DataError, match=words):
        read_change(line, DECLARED)
