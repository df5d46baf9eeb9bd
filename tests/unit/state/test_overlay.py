from __future__ import annotations

import itertools
import logging
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchrank.features import hash_text, hash_texts
from searchrank.features.catalogue import Catalogue, stored_inputs
from searchrank.features.inputs import Root
from searchrank.features.records import Encoder
from searchrank.state import Overlay

MISSING = 6  # the row of the missing record: there are six items


@pytest.fixture(scope="session")
def overlay(base, feature_set) -> Overlay:
    return Overlay(Root.ITEM, base.catalogue, Encoder(stored_inputs(feature_set, Root.ITEM)))


def put(item: str, **values: object) -> dict[str, object]:
    return {"kind": "put_item", "item_id": item, **{f"item.{name}": value for name, value in values.items()}}


def delete(item: str) -> dict[str, object]:
    return {"kind": "delete_item", "item_id": item}


def test_nothing_new_is_false_and_answers_as_the_snapshot_does(overlay):
    assert not overlay
    assert overlay.rows(["i1", "nobody"]).tolist() == [1, MISSING]
    assert overlay.ids_of(np.array([1, MISSING])) == ["i1", ""]
    assert overlay.revisions(np.array([0, MISSING])).tolist() == [-1, -1]
    assert len(overlay.records) == 0
    assert len(overlay.dead_rows) == 0
    assert overlay.current(np.array([3, 0])).tolist() == [3, 0]


def test_a_put_stands_over_the_snapshot_and_replaces_the_whole_document(overlay, batch):
    told = overlay.applied(batch([put("i2", price=9.0, title="new tea")]), 50)
    (row,) = told.rows(["i2"])
    record = told.gather(np.array([row]))[0]
    assert row == MISSING + 1
    assert record["item.price"] == 9.0
    assert record["item.category"] == hash_text("other")
    assert np.isnan(record["item.place"]).all()
    assert str(record) == str(told.records[0])
    assert (told.ids_of(told.rows(["i2", "i3"])), told.hashes_of(np.array([row])).tolist()) == (
        ["i2", "i3"],
        [hash_text("i2")],
    )
    assert (told.revisions(np.array([row, 2])).tolist(), told.dead_rows.tolist()) == ([50, -1], [2])
    assert told.current(np.array([1, 2])).tolist() == [1, row]
    assert not overlay


def test_a_new_item_has_a_row_and_no_base_row_dies(overlay, batch):
    told = overlay.applied(batch([{"kind": "click"}, put("new", price=1.5)]), 10)
    assert told.gather(told.rows(["new"]))["item.price"].tolist() == [1.5]
    assert (told.revisions(told.rows(["new"])).tolist(), told.dead_rows.tolist()) == ([11], [])


def test_a_deleted_item_is_unknown_and_a_put_revives_it(overlay, batch):
    gone = overlay.applied(batch([delete("i4"), delete("never")]), 0)
    assert gone.rows(["i4", "never", "i5"]).tolist() == [MISSING, MISSING, 5]
    assert (gone.dead_rows.tolist(), gone.current(np.array([4])).tolist()) == ([4], [MISSING])
    back = gone.applied(batch([put("i4", price=7.0)]), 2)
    assert back.gather(back.rows(["i4"]))["item.price"].tolist() == [7.0]
    assert back.dead_rows.tolist() == [4]
    assert gone.rows(["i4"]).tolist() == [MISSING]


def test_of_one_batch_the_last_word_counts(overlay, batch):
    told = overlay.applied(
        batch([put("a", price=1), delete("a"), put("b", price=1), put("b", price=2), delete("i0")]), 0
    )
    assert told.rows(["a", "i0"]).tolist() == [MISSING, MISSING]
    assert (told.gather(told.rows(["b"]))["item.price"].tolist(), told.count) == ([2.0], 1)
    assert told.revisions(told.rows(["b"])).tolist() == [3]


def test_a_document_that_does_not_fit_is_passed_over_and_named(overlay, batch, caplog):
    good, bad = put("i1", place=[31.0, 121.0]), put("i1", place=[100.0, 0.0])
    with caplog.at_level(logging.WARNING):
        told = overlay.applied(batch([good, bad, put("i2", price=3.0)]), 20)
    assert "offset 21 is passed over" in caplog.text
    assert "item.place" in caplog.text
    assert told.gather(told.rows(["i1"]))["item.place"].tolist() == [[31.0, 121.0]]
    assert told.revisions(told.rows(["i1", "i2"])).tolist() == [20, 22]
    with caplog.at_level(logging.WARNING):
        assert told.applied(batch([bad]), 30).revisions(told.rows(["i1"])).tolist() == [20]


def test_users_have_an_overlay_of_their_own(base, feature_set, batch):
    users = Overlay(Root.USER, base.users, Encoder(stored_inputs(feature_set, Root.USER)))
    events = [
        {"kind": "put_user", "user_id": "u9", "user.age": 50.0},
        put("u9", price=1),
        {"kind": "delete_user", "user_id": "u0"},
    ]
    told = users.applied(batch(events), 0)
    assert told.gather(told.rows(["u9", "u0", "u1"]))["user.age"].tolist() == [50.0, 30.0, 30.0]
    assert told.dead_rows.tolist() == [0]


def test_two_successors_of_one_overlay_do_not_disturb_each_other(overlay, batch):
    first = overlay.applied(batch([put("a", price=1)]), 0)
    one, other = (first.applied(batch([put(name, price=price)]), 1) for name, price in (("b", 2), ("c", 3)))
    assert one.gather(one.rows(["a", "b", "c"]))["item.price"].tolist()[:2] == [1.0, 2.0]
    assert other.ids_of(other.rows(["a", "c"])) == ["a", "c"]
    assert one.ids_of(one.rows(["a", "b"])) == ["a", "b"]


def test_replaced_documents_are_thrown_away_and_the_lineage_says_so(overlay, batch):
    told = overlay
    for k in range(5):
        told = told.applied(batch([put(f"n{j}", price=10 * k + j) for j in range(400)]), 400 * k)
    assert told.lineage == 1
    assert told.count < 1_200
    assert told.gather(told.rows([f"n{j}" for j in range(400)]))["item.price"].tolist() == [
        40.0 + j for j in range(400)
    ]


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "delete", "click"]), st.sampled_from(["i0", "i1", "i5", "a", "ü", "c"])),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(OPERATIONS, st.lists(st.integers(0, 60), max_size=6))
def test_any_split_into_batches_tells_the_same(overlay, batch, operations, cuts):
    events = [
        {"put": put(item, price=100.0 + k), "delete": delete(item), "click": {"kind": "click", "item_id": item}}[what]
        for k, (what, item) in enumerate(operations)
    ]
    told, known = replace(overlay), {f"i{k}": float(k) for k in range(6)}
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for start, stop in itertools.pairwise(edges):
        told = told.applied(batch(events[start:stop]), start)
    revisions = {}
    for k, (what, item) in enumerate(operations):
        if what == "put":
            known[item], revisions[item] = 100.0 + k, k
        elif what == "delete":
            known.pop(item, None)
            revisions.pop(item, None)
    ids = ["i0", "i1", "i2", "i5", "a", "ü", "c", "nobody"]
    rows = told.rows_of_hashes(hash_texts(ids))
    prices = [float(p) for p in told.gather(rows)["item.price"]]
    assert [None if np.isnan(p) else p for p in prices] == [known.get(i) for i in ids]
    assert told.revisions(rows).tolist() == [revisions.get(i, -1) for i in ids]
    changed = {item for what, item in operations if what != "click"}
    assert told.dead_rows.tolist() == [k for k in range(6) if f"i{k}" in changed]
    assert told.ids_of(rows) == [i if i in known else "" for i in ids]


def test_an_empty_snapshot_has_an_overlay_too(tmp_path, feature_set, batch):
    Catalogue.write(tmp_path / "none", feature_set, pa.table({"item_id": pa.array([], pa.string())}))
    base = Catalogue.open(tmp_path / "none", feature_set)
    overlay = Overlay(Root.ITEM, base, Encoder(stored_inputs(feature_set, Root.ITEM)))
    told = overlay.applied(batch([put("first", price=2.0), delete("other")]), 0)
    assert (told.rows(["first", "other"]).tolist(), told.ids_of(np.array([0, 1]))) == ([1, 0], ["", "first"])
    assert overlay.ids_of(np.array([0])) == [""]
    assert told.gather(np.array([1]))["item.price"].tolist() == [2.0]
    assert overlay.hashes_of(np.array([], np.int64)).tolist() == []
