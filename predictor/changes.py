"""Admission of writes: what came over the wire becomes rows of the event log, or a refusal that names the field."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from predictor.requests import MAX_ID_BYTES, MAX_QUERY_BYTES, admit_columns, check_length, microseconds
from predictor.scattering import scatter
from predictor.writable import Writable
from searchrank.errors import RequestError
from searchrank.events import (
    CORE,
    DELETE_ITEM,
    DELETE_USER,
    LINK,
    MAX_VALUE,
    PUT_ITEM,
    PUT_USER,
    RESERVED_KINDS,
)

if TYPE_CHECKING:
    from searchrank.v1 import ingest_pb2

__all__ = ["MAX_CHANGES", "admit_feedback", "admit_ingest"]

MAX_CHANGES: Final = 10_000
MAX_POSITION: Final = (1 << 31) - 1
_COLUMNS: Final = [field for field in CORE if field.name != "arrival_time"]  # the log says when it arrived
_OPTIONAL_IDS: Final = ("user_id", "session_id", "item_id", "request_id", "surface")


def admit_ingest(request: ingest_pb2.IngestRequest, writable: Writable) -> pa.RecordBatch:
    """Return changes as rows of the event log, in their order.

    Raises:
        RequestError: When there are none or too many, or anything in one of them is wrong; nothing of the call is
            to be written.
    """
    rows = _Rows(writable)
    _check_count(len(request.changes), "changes")
    for number, change in enumerate(request.changes):
        part = f"changes[{number}]"
        what = change.WhichOneof("change")
        if what is None:
            raise RequestError("says nothing: set one of put_item, delete_item, …, interaction", field=part)
        _ADMISSIONS[what](rows, change, f"{part}.{what}", rows.begun(change, part))
    return rows.batch()


def admit_feedback(request: ingest_pb2.FeedbackRequest) -> pa.RecordBatch:
    """Return reactions to an answer as rows of the event log, in their order.

    Raises:
        RequestError: As ``admit_ingest``.
    """
    _check_count(len(request.reactions), "reactions")
    shared = {"request_id": _required(request, "request_id", "")}
    shared |= _optional(request, ("user_id", "session_id", "surface"), "")
    rows = _Rows(Writable.of([]))
    for number, reaction in enumerate(request.reactions):
        part = f"reactions[{number}]"
        row = rows.begun(reaction, part) | shared
        row["kind"] = _kind(reaction, part, ("search", *RESERVED_KINDS))
        row["item_id"] = _required(reaction, "item_id", part)
        rows.add(row | _measures(reaction, part))
    return rows.batch()


class _Rows:
    """Rows of the event log as they are admitted."""

    def __init__(self, writable: Writable) -> None:
        self._writable = writable
        self._rows: list[dict[str, Any]] = []
        self._pieces: dict[str, list[tuple[int, Any]]] = {}
        self._now = time.time_ns() // 1_000

    def begun(self, sent: ingest_pb2.Change | ingest_pb2.Reaction, part: str) -> dict[str, Any]:
        """Return the beginning of a row: event id and time."""
        event_id = _required(sent, "event_id", part)
        moment = self._now
        if sent.HasField("event_time"):
            moment = microseconds(sent.event_time, f"{part}.event_time")
        return {"event_id": event_id, "event_time": moment}

    def add(self, row: dict[str, Any], sent: Any = (), part: str = "") -> None:
        """Add a row and its columns."""
        if sent:
            allowed = self._writable.of_kind.get(row["kind"], {})
            raws = admit_columns(sent, self._writable.schema, allowed, rows=1, part=f"{part}.columns")
            for name, raw in raws.items():
                self._pieces.setdefault(name, []).append((len(self._rows), raw))
        self._rows.append(row)

    def batch(self) -> pa.RecordBatch:
        """Return the rows in columns; a column of which no row says anything is left out."""
        columns: dict[str, pa.Array] = {}
        for field in _COLUMNS:
            values = [row.get(field.name) for row in self._rows]
            if any(value is not None for value in values):
                columns[field.name] = pa.array(values, field.type)
        for name, pieces in self._pieces.items():
            columns[name] = scatter(pieces, self._writable.schema.declared[name], len(self._rows))
        return pa.record_batch(columns)


def _put_item(rows: _Rows, change: ingest_pb2.Change, part: str, row: dict[str, Any]) -> None:
    sent = change.put_item
    rows.add(row | {"kind": PUT_ITEM, "item_id": _required(sent, "item_id", part)}, sent.columns, part)


def _delete_item(rows: _Rows, change: ingest_pb2.Change, part: str, row: dict[str, Any]) -> None:
    rows.add(row | {"kind": DELETE_ITEM, "item_id": _required(change.delete_item, "item_id", part)})


def _put_user(rows: _Rows, change: ingest_pb2.Change, part: str, row: dict[str, Any]) -> None:
    sent = change.put_user
    rows.add(row | {"kind": PUT_USER, "user_id": _required(sent, "user_id", part)}, sent.columns, part)


def _delete_user(rows: _Rows, change: ingest_pb2.Change, part: str, row: dict[str, Any]) -> None:
    rows.add(row | {"kind": DELETE_USER, "user_id": _required(change.delete_user, "user_id", part)})


def _link_users(rows: _Rows, change: ingest_pb2.Change, part: str, row: dict[str, Any]) -> None:
    sent = change.link_users
    ids = {name: _required(sent, name, part) for name in ("user_id", "linked_id")}
    if ids["user_id"] == ids["linked_id"]:
        raise RequestError("is the user_id itself; a link joins two ids", field=f"{part}.linked_id")
    rows.add(row | {"kind": LINK} | ids)


def _interaction(rows: _Rows, change: ingest_pb2.Change, part: str, row: dict[str, Any]) -> None:
    sent = change.interaction
    row["kind"] = _kind(sent, part, RESERVED_KINDS)
    row |= _optional(sent, _OPTIONAL_IDS, part) | _measures(sent, part)
    if sent.query:
        check_length(sent.query, MAX_QUERY_BYTES, f"{part}.query")
        row["query"] = sent.query
    rows.add(row, sent.columns, part)


_ADMISSIONS: Final[dict[str, Callable[[_Rows, Any, str, dict[str, Any]], None]]] = {
    "put_item": _put_item,
    "delete_item": _delete_item,
    "put_user": _put_user,
    "delete_user": _delete_user,
    "link_users": _link_users,
    "interaction": _interaction,
}


def _check_count(count: int, part: str) -> None:
    if not count:
        raise RequestError("there are none; send at least one", field=part)
    if count > MAX_CHANGES:
        raise RequestError(f"{count:,}, at most {MAX_CHANGES:,} are accepted in one call", field=part)


def _required(sent: Any, name: str, part: str) -> str:
    text: str = getattr(sent, name)
    if not text:
        raise RequestError("is empty; every one needs it", field=_join(part, name))
    check_length(text, MAX_ID_BYTES, _join(part, name))
    return text


def _optional(sent: Any, names: tuple[str, ...], part: str) -> dict[str, str]:
    given = {name: text for name in names if (text := getattr(sent, name))}
    for name, text in given.items():
        check_length(text, MAX_ID_BYTES, _join(part, name))
    return given


def _kind(sent: ingest_pb2.Interaction | ingest_pb2.Reaction, part: str, refused: tuple[str, ...]) -> str:
    kind = _required(sent, "kind", part)
    if kind in refused:
        raise RequestError(f"{kind!r} has a message of its own in Ingest; send that", field=f"{part}.kind")
    return kind


def _measures(sent: ingest_pb2.Interaction | ingest_pb2.Reaction, part: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if sent.HasField("position"):
        if sent.position > MAX_POSITION:
            raise RequestError(f"{sent.position:,}, at most {MAX_POSITION:,} is accepted", field=f"{part}.position")
        row["position"] = sent.position
    if sent.HasField("value"):
        if not abs(sent.value) <= MAX_VALUE:
            words = f"{sent.value:g} is not a number up to {MAX_VALUE:,.0f} either way; leave it out when there is none"
            raise RequestError(words, field=f"{part}.value")
        row["value"] = sent.value
    return row


def _join(part: str, name: str) -> str:
    return f"{part}.{name}" if part else name
