"""Changes as JSON lines: one object a line with the names of the event log's columns, values as the inputs declare."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from predictor.writing import Change, DeleteItem, DeleteUser, Interaction, LinkUsers, PutItem, PutUser
from searchrank.errors import DataError
from searchrank.events import DELETE_ITEM, DELETE_USER, LINK, PUT_ITEM, PUT_USER
from searchrank.features.inputs import InputType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from predictor.values import Value
    from searchrank.features.inputs import Input

__all__ = ["read_change"]

_FIELDS: Final = {
    PUT_ITEM: ("item_id",),
    DELETE_ITEM: ("item_id",),
    PUT_USER: ("user_id",),
    DELETE_USER: ("user_id",),
    LINK: ("user_id", "linked_id"),
}
_INTERACTION: Final = (
    "user_id",
    "item_id",
    "session_id",
    "request_id",
    "query",
    "surface",
    "position",
    "value",
)
_CHANGES: Final[dict[str, Callable[..., Change]]] = {
    PUT_ITEM: PutItem,
    DELETE_ITEM: DeleteItem,
    PUT_USER: PutUser,
    DELETE_USER: DeleteUser,
    LINK: LinkUsers,
}
_CARRIES_NONE: Final = (DELETE_ITEM, DELETE_USER, LINK)


def read_change(line: str, declared: Mapping[str, Input]) -> Change:
    """Return the change that a line of JSON says.

    Args:
        line: An object with ``kind``, ``event_id``, perhaps ``event_time`` (ISO 8601 with a time zone), the kind's ids
            and inputs by full name. Null says the same as leaving out.
        declared: Declared inputs by name; their types say what a JSON value means.

    Raises:
        DataError: When it is no such object; ``field`` names the part.
    """
    row = _object(line)
    kind = _text(row, "kind")
    names = _FIELDS.get(kind, _INTERACTION)
    given: dict[str, Any] = {"event_id": _text(row, "event_id")}
    if "event_time" in row:
        given["time"] = _moment(row.pop("event_time"), "event_time")
    values = {name: _value(row.pop(name), name, declared) for name in [n for n in row if "." in n]}
    given |= {name: row.pop(name) for name in names if name in row}
    if row:
        raise DataError(f"is not a part of {kind!r}; it has {', '.join(names)}", field=next(iter(row)))
    if values and kind in _CARRIES_NONE:
        raise DataError(f"{kind!r} carries no inputs", field=next(iter(values)))
    for name in _FIELDS.get(kind, ()):
        if name not in given:
            raise DataError(f"{kind!r} needs it", field=name)
    if values:
        given["values"] = values
    return _CHANGES[kind](**given) if kind in _CHANGES else Interaction(kind, **given)


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"this is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError('one change is an object, such as {"event_id": "e1", "kind": "click", "item_id": "tea-7"}')
    return {name: value for name, value in row.items() if value is not None}


def _text(row: dict[str, Any], name: str) -> str:
    text = row.pop(name, None)
    if not isinstance(text, str) or not text:
        raise DataError("every change needs it, a text", field=name)
    return text


def _moment(value: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"{value!r} is no time such as 2026-05-01T12:00:00Z", field=name) from error
    if moment.tzinfo is None:
        raise DataError(f"{value!r} has no time zone; write 2026-05-01T12:00:00Z", field=name)
    return moment.astimezone(UTC)


def _value(value: Any, name: str, declared: Mapping[str, Input]) -> Value:
    """Return a JSON value as what a client sends for this input.

    Raises:
        DataError: When the input is not declared, or the value is not of its type.
    """
    item = declared.get(name)
    if item is None:
        raise DataError("is not an input that features.yaml declares", field=name)
    wanted, holds = _HOLDS[item.type]
    if not holds(value):
        raise DataError(f"{json.dumps(value)[:80]} is no {item.type}: write {wanted}", field=name)
    match item.type:
        case InputType.TIME:
            return _moment(value, name)
        case InputType.POINT:
            return float(value[0]), float(value[1])
        case InputType.VECTOR:
            return np.array(value, np.float32)  # type: ignore[return-value]  # a sequence of numbers to the wire
        case _:
            return value  # type: ignore[no-any-return]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(of, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_HOLDS: Final[dict[InputType, tuple[str, Callable[[Any], bool]]]] = {
    InputType.FLOAT: ("a number", _is_number),
    InputType.SIGNAL: ("a number", _is_number),
    InputType.CATEGORY: ("a text", _is_text),
    InputType.TOKENS: ("a text", _is_text),
    InputType.TIME: ("a text such as 2026-05-01T12:00:00Z", _is_text),
    InputType.POINT: ("[latitude, longitude]", lambda v: _are(v, _is_number) and len(v) == 2),
    InputType.VECTOR: ("a list of numbers", lambda v: _are(v, _is_number) and len(v) > 0),
    InputType.LIST: ("a list of texts", lambda v: _are(v, _is_text)),
    InputType.MAP: (
        "an object of numbers",
        lambda v: isinstance(v, dict) and all(map(_is_number, v.values())),
    ),
}
