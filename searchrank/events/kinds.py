"""The kinds of events that change items and users, and what each must say; every other kind is behaviour."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError

__all__ = ["DELETE_ITEM", "DELETE_USER", "LINK", "PUT_ITEM", "PUT_USER", "RESERVED_KINDS", "check_kinds"]

PUT_ITEM: Final = "put_item"
DELETE_ITEM: Final = "delete_item"
PUT_USER: Final = "put_user"
DELETE_USER: Final = "delete_user"
LINK: Final = "link"

_NEEDS: Final = {
    PUT_ITEM: ("item_id",),
    DELETE_ITEM: ("item_id",),
    PUT_USER: ("user_id",),
    DELETE_USER: ("user_id",),
    LINK: ("user_id", "linked_id"),
}
RESERVED_KINDS: Final = tuple(_NEEDS)
_DOCUMENTS: Final = {"item.": PUT_ITEM, "user.": PUT_USER}


def check_kinds(events: pa.Table) -> None:
    """Refuse reserved kinds without their ids, and documents on events that put none.

    Args:
        events: Columns of the log's schema, ids in NFC.

    Raises:
        DataError: When there is one; names the column and the first bad row.
    """
    kind = events.column("kind")
    present = set(pc.unique(kind).to_pylist())
    for name in RESERVED_KINDS:
        for needed in _NEEDS[name] if name in present else ():
            missing = pc.and_(pc.equal(kind, name), pc.is_null(events.column(needed)))
            _refuse(missing, f"null, but a {name} event names one", needed)
    if LINK in present:
        same = pc.equal(events.column("user_id"), events.column("linked_id"))
        _refuse(pc.and_(pc.equal(kind, LINK), same), "the user_id itself; a link joins two ids", "linked_id")
    for root, put in _DOCUMENTS.items():
        for name in (name for name in events.column_names if name.startswith(root)):
            given = pc.and_(pc.is_valid(events.column(name)), pc.not_equal(kind, put))
            _refuse(given, f"given, but only {put} events carry {root}* columns", name)


def _refuse(wrong: pa.ChunkedArray, why: str, field: str) -> None:
    row = int(pc.index(wrong, value=True).as_py())
    if row >= 0:
        raise DataError(f"row {row} is {why}", field=field)
