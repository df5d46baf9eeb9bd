"""Which column of a file of events says who, what, when, and what happened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trainer.importing.mapping import Kind
from trainer.importing.seen import GRADES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.importing.profile import ColumnProfile, FileProfile

__all__ = ["event_lines", "is_named", "noun_of", "quoted"]

_NAMED: Final = {
    "user_id": r"(user|customer|member|visitor|client|person|account)s?_?(id|code|no)?",
    "item_id": r"(item|product|place|movie|book|article|sku|asin|doc|business|listing|venue|object)s?_?(id|code|no)?",
    "event_id": r"(event|action|transaction|interaction)_?id|id|uuid",
    "request_id": r"(request|query|search|impression_list)_?id",
    "session_id": r"session(_?id)?|visit(_?id)?",
    "query": r"query|search(_?(term|text|query))?|keywords?|user_query|q",
    "position": r"position|rank|place_in_list|slot",
    "value": r"rating|stars|score|value|grade|amount|total|revenue|quantity",
    "kind": r"event|action|type|kind|event_?(type|name)|action_?(type|name)|behaviou?r",
}
_ARRIVAL: Final = r"(arriv(al|ed)|received|ingest(ed|ion)|logged|inserted)(_(time|at|ts|timestamp))?"
_RATING: Final = r"rating|stars|score|grade"
_WORDS: Final = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})
_UNLIKELY: Final = 50
_LIKED: Final = 0.8


def is_named(name: str, pattern: str) -> bool:
    """Whether a column's name is like this, however it is written."""
    snake = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.fullmatch(pattern, re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")) is not None


def noun_of(name: str) -> str:
    """Return a column's name as part of an input's name."""
    snake = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    plain = re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")[:50]
    return plain if plain[:1].isalpha() else f"column_{plain}".rstrip("_")


def quoted(name: str) -> str:
    """Return a name as YAML has it."""
    if re.fullmatch(r"[A-Za-z_][\w.\-]*", name) and name.lower() not in _WORDS:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def event_lines(
    profile: FileProfile, keys: Mapping[Kind, ColumnProfile], said: list[str]
) -> list[tuple[list[str], list[str]]]:
    """Return the entries of a file of events: for each its settings and its columns.

    Args:
        profile: What the file looks like.
        keys: Ids of items and users, as far as they are known.
        said: Where a guess is told.
    """
    found = _roles(profile, keys)
    file = profile.path.name
    plain = [f"      {role}: {quoted(column.name)}" for role, column in found.items() if role not in {"kind", "value"}]
    lines = [*_time_lines(profile, said), *plain]
    if "value" in found:
        lines.append(f"      value: {{number: {quoted(found['value'].name)}}}  # what the kind says: stars, money")
    rest = [c.name for c in profile.columns.values() if c not in found.values() and not c.is_time and c.known]
    lines += [f"      # {name} is left out; if a request came with it: request.{noun_of(name)}: {{…}}" for name in rest]
    for role, column in found.items():
        said.append(f"{file}: {column.name} is taken for {role}")
    if "kind" in found:
        words = ", ".join(found["kind"].values[:6])
        return [([], [f"      kind: {quoted(found['kind'].name)}  # what happened: {words}", *lines])]
    rated = found.get("value")
    if rated is not None and is_named(rated.name, _RATING) and rated.is_number:
        least = rated.low + _LIKED * (rated.high - rated.low)
        least = next((v for v in sorted({float(t) for t in rated.values}) if v >= least), rated.high)
        said.append(
            f"{file}: a {rated.name} of {least:g} and more is taken for a like; change min_value: if that is wrong"
        )
        return [
            ([], ["      kind: {const: rating}  # every row is a rating …", *lines]),
            ([f"    min_value: {least:g}"], ["      kind: {const: like}  # … and a high one is a like, too", *lines]),
        ]
    kind = next((word for word in GRADES if word in file.lower()), "click")
    said.append(f"{file}: no column says what happened; every row is taken for a {kind}")
    return [([], [f"      kind: {{const: {kind}}}  # no column says what happened", *lines])]


def _roles(profile: FileProfile, keys: Mapping[Kind, ColumnProfile]) -> dict[str, ColumnProfile]:
    """Return which column says what, each column once."""
    found: dict[str, ColumnProfile] = {}
    for kind, role in ((Kind.USERS, "user_id"), (Kind.ITEMS, "item_id")):
        column = _like(profile, keys.get(kind))
        if column is not None and column not in found.values():
            found[role] = column
    for role, pattern in _NAMED.items():
        free = [c for c in profile.columns.values() if c not in found.values() and c.known and not c.is_time]
        named = [c for c in free if is_named(c.name, pattern) and _fits(role, c)]
        if role not in found and named:
            found[role] = named[0]
    return found


def _like(profile: FileProfile, key: ColumnProfile | None) -> ColumnProfile | None:
    """Return the column with the ids of a table: with mostly the same values, best of the same name."""
    if key is None:
        return None
    known = set(key.values)
    alike = [c for c in profile.columns.values() if c.values and len(known & set(c.values)) * 2 > len(c.values)]
    same = [c for c in profile.columns.values() if c.name == key.name and known & set(c.values)]
    return next(iter([*(c for c in same if c in alike), *alike, *same]), None)


def _fits(role: str, column: ColumnProfile) -> bool:
    if role == "event_id":
        return column.is_key
    if role in {"position", "value"}:
        return column.is_number
    if role == "kind":
        return not column.is_number and column.distinct <= _UNLIKELY
    return True


def _time_lines(profile: FileProfile, said: list[str]) -> list[str]:
    """Return the lines of event time and, if there is one, arrival time."""
    file = profile.path.name
    times = [column for column in profile.columns.values() if column.is_time]
    arrivals = [column for column in times if is_named(column.name, _ARRIVAL)]
    happened = [column for column in times if column not in arrivals] or times
    if not happened:
        said.append(f"{file}: no column holds times; all events get one")
        return ["      event_time: {const: 2024-01-01}  # no column holds times"]
    first = happened[0]
    said.append(f"{file}: {first.name} is taken for the time" + (f", in {first.unit}" if first.unit else ", in UTC"))
    lines = [_time_line("event_time", first)]
    if arrivals and arrivals[0] is not first:
        said.append(f"{file}: {arrivals[0].name} is taken for the time when it was received")
        lines.append(_time_line("arrival_time", arrivals[0]))
    return lines


def _time_line(target: str, column: ColumnProfile) -> str:
    if column.unit:
        return f"      {target}: {{time: {quoted(column.name)}, unit: {column.unit}}}  # since 1970"
    form = f', format: "{column.format}"' if column.format else ""
    return f"      {target}: {{time: {quoted(column.name)}{form}}}  # add zone: Europe/Berlin if it is not UTC"
