"""What a client writes: changes and reactions as frozen values, made into wire messages."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from predictor.values import Value, columns
from searchrank.errors import RequestError
from searchrank.v1 import ingest_pb2, ranking_pb2

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Acknowledgement",
    "Change",
    "DeleteItem",
    "DeleteUser",
    "Interaction",
    "LinkUsers",
    "PutItem",
    "PutUser",
    "Reaction",
    "feedback_request",
    "ingest_request",
]


Message = TypeVar("Message", ingest_pb2.Change, ingest_pb2.Reaction)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What became of a call that wrote; all of it is on disk.

    Attributes:
        offset: Offset in the event log after the last of it: an answer whose ``state_offset`` is no lower has seen all.
        accepted: How many were written by this call.
        duplicates: How many the log had already, some perhaps from an earlier attempt of this call.
    """

    offset: int
    accepted: int
    duplicates: int

    @classmethod
    def of(cls, answer: ingest_pb2.IngestResponse | ingest_pb2.FeedbackResponse) -> Acknowledgement:
        """Return an answer as a value."""
        return cls(answer.offset, answer.accepted, answer.duplicates)


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """What everything that happens has.

    Attributes:
        event_id: Unique for ever; a second one is dropped and counted. Made here unless given.
        time: When it happened, with a time zone; None: when the server admits it.
    """

    event_id: str = field(default_factory=_new_id)
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class PutItem(_Event):
    """An item is there, or is different; this replaces its whole document.

    Attributes:
        item_id: Which.
        values: Its ``item.*`` inputs by full name; what is absent is missing from now on.
    """

    item_id: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeleteItem(_Event):
    """An item is gone.

    Attributes:
        item_id: Which.
    """

    item_id: str


@dataclass(frozen=True, slots=True)
class PutUser(_Event):
    """A user's profile is there, or is different; this replaces all of it.

    Attributes:
        user_id: Whose.
        values: Its ``user.*`` inputs by full name; what is absent is missing from now on.
    """

    user_id: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeleteUser(_Event):
    """A user's profile is gone.

    Attributes:
        user_id: Whose.
    """

    user_id: str


@dataclass(frozen=True, slots=True)
class LinkUsers(_Event):
    """Two ids are one person from here on.

    Attributes:
        user_id: One id.
        linked_id: Another, such as that of a device before signing in.
    """

    user_id: str
    linked_id: str


@dataclass(frozen=True, slots=True)
class Interaction(_Event):
    """Something that somebody did, or was shown.

    Attributes:
        kind: ``search``, ``impression``, ``click``, ``order`` or any other word but for the kinds of changes.
        user_id: Who; empty: nobody known.
        item_id: With what; empty: no item.
        session_id: The caller's session; empty: none.
        request_id: Ties impressions, clicks and orders to their search; empty: to none.
        query: Text as typed.
        surface: Where; empty: not said.
        position: Place of the item in what was shown, from 0; None: not known.
        value: What the kind says, such as stars or money; None: none.
        values: Inputs by full name: request, session and query ones of a search, candidate and recall ones of an
            impression.
    """

    kind: str
    _: KW_ONLY
    user_id: str = ""
    item_id: str = ""
    session_id: str = ""
    request_id: str = ""
    query: str = ""
    surface: str = ""
    position: int | None = None
    value: float | None = None
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reaction(_Event):
    """Something that was done with one item of an answer.

    Attributes:
        item_id: With which item.
        kind: ``click``, ``order``, ``impression`` or any other word but for ``search`` and the kinds of changes.
        position: Place of the item in what was shown, from 0; None: not known.
        value: What the kind says, such as stars or money; None: none.
    """

    item_id: str
    kind: str = "click"
    _: KW_ONLY
    position: int | None = None
    value: float | None = None


Change = PutItem | DeleteItem | PutUser | DeleteUser | LinkUsers | Interaction


def ingest_request(changes: Sequence[Change]) -> ingest_pb2.IngestRequest:
    """Return changes as a request.

    Raises:
        RequestError: When a value has a type that no column takes; names the change.
    """
    return ingest_pb2.IngestRequest(changes=[_message(n, c, _change, "changes") for n, c in enumerate(changes)])


def feedback_request(
    request_id: str, reactions: Sequence[Reaction], *, user_id: str, session_id: str, surface: str
) -> ingest_pb2.FeedbackRequest:
    """Return reactions as a request.

    Raises:
        RequestError: When a value has the wrong type; names the reaction.
    """
    return ingest_pb2.FeedbackRequest(
        request_id=request_id,
        user_id=user_id,
        session_id=session_id,
        surface=surface,
        reactions=[_message(n, r, _reaction, "reactions") for n, r in enumerate(reactions)],
    )


def _message(number: int, event: Any, make: Callable[[Any], Message], part: str) -> Message:
    try:
        return make(event)
    except (TypeError, ValueError, AttributeError) as error:
        raise RequestError(f"{error}", field=f"{part}[{number}]") from error
    except RequestError as error:
        raise RequestError(str(error), field=f"{part}[{number}]") from error


def _change(event: Change) -> ingest_pb2.Change:
    change = ingest_pb2.Change(event_id=event.event_id, event_time=_moment(event))
    match event:
        case PutItem():
            change.put_item.item_id = event.item_id
            change.put_item.columns.extend(_columns(event.values))
        case DeleteItem():
            change.delete_item.item_id = event.item_id
        case PutUser():
            change.put_user.user_id = event.user_id
            change.put_user.columns.extend(_columns(event.values))
        case DeleteUser():
            change.delete_user.user_id = event.user_id
        case LinkUsers():
            change.link_users.user_id = event.user_id
            change.link_users.linked_id = event.linked_id
        case Interaction():
            change.interaction.CopyFrom(_interaction(event))
    return change


def _interaction(event: Interaction) -> ingest_pb2.Interaction:
    return ingest_pb2.Interaction(
        kind=event.kind,
        user_id=event.user_id,
        item_id=event.item_id,
        session_id=event.session_id,
        request_id=event.request_id,
        query=event.query,
        surface=event.surface,
        position=event.position,
        value=event.value,
        columns=_columns(event.values),
    )


def _reaction(event: Reaction) -> ingest_pb2.Reaction:
    return ingest_pb2.Reaction(
        event_id=event.event_id,
        event_time=_moment(event),
        item_id=event.item_id,
        kind=event.kind,
        position=event.position,
        value=event.value,
    )


def _columns(values: Mapping[str, Value]) -> list[ranking_pb2.Column]:
    """Return one column a value; a missing one is left out, which says the same."""
    return columns({name: [value] for name, value in values.items() if value is not None})


def _moment(event: _Event) -> datetime | None:
    if event.time is not None and event.time.tzinfo is None:
        raise ValueError("a time needs a time zone, for instance datetime.now(UTC)")
    return event.time
