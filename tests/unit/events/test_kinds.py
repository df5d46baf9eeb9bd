"""Events that change items and users say whom they mean, and nothing else carries a document."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.events import DELETE_ITEM, DELETE_USER, LINK, PUT_ITEM, PUT_USER, RESERVED_KINDS
from searchrank.events.validation import conform

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)


def conformed(*rows):
    full = [{"event_id": str(i), "event_time": NOON} | row for i, row in enumerate(rows)]
    names = dict.fromkeys(name for row in full for name in row)
    return conform(pa.table({name: [row.get(name) for row in full] for name in names}), {}, strict=False)


def test_each_reserved_kind_is_taken_with_its_ids():
    result = conformed(
        {"kind": PUT_ITEM, "item_id": "i", "item.price": 3.0},
        {"kind": DELETE_ITEM, "item_id": "i"},
        {"kind": PUT_USER, "user_id": "u", "user.city": "Bern"},
        {"kind": DELETE_USER, "user_id": "u"},
        {"kind": LINK, "user_id": "u", "linked_id": "v"},
        {"kind": "click", "user_id": "u", "item_id": "i"},
    )
    assert result.column("kind").to_pylist() == [*RESERVED_KINDS, "click"]
    assert result.column("linked_id").to_pylist() == [None] * 4 + ["v", None]


@pytest.mark.parametrize(
    ("kind", "field"),
    [(PUT_ITEM, "item_id"), (DELETE_ITEM, "item_id"), (PUT_USER, "user_id"), (DELETE_USER, "user_id")],
)
def test_a_change_of_nobody_is_located(kind, field):
    with pytest.raises(DataError, match=rf"^{field}: row 1 is null, but a {kind} event names one"):
        conformed({"kind": "click"}, {"kind": kind})


@pytest.mark.parametrize(("given", "missing"), [("user_id", "linked_id"), ("linked_id", "user_id")])
def test_a_link_names_both_ids(given, missing):
    with pytest.raises(DataError, match=rf"^{missing}: row 0 is null, but a link"):
        conformed({"kind": LINK, given: "u"})


def test_a_link_joins_two_ids_also_after_normal_forms():
    with pytest.raises(DataError, match=r"^linked_id: row 1 is the user_id itself"):
        conformed(
            {"kind": LINK, "user_id": "a", "linked_id": "b"},
            {"kind": LINK, "user_id": "caf\u00e9", "linked_id": "cafe\u0301"},
        )


@pytest.mark.parametrize(("name", "put"), [("item.price", PUT_ITEM), ("user.age", PUT_USER)])
def test_a_document_on_another_event_is_refused(name, put):
    with pytest.raises(DataError, match=rf"^{name}: row 0 is given, but only {put} events carry"):
        conformed({"kind": "click", "item_id": "i", "user_id": "u", name: 3.0})
