"""From one entry under ``inputs:`` to an ``Input``: every word checked, every mistake named with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from searchrank.errors import DefinitionError
from searchrank.features.inputs import Input, InputType, Root, Statistic, StatisticKind
from searchrank.features.language import nearest

__all__ = ["declare", "duration_us"]

Refuse = Callable[[str, str], DefinitionError]

_NAME: Final = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_UNITS_US: Final = {"s": 10**6, "m": 60 * 10**6, "h": 3_600 * 10**6, "d": 86_400 * 10**6}
_LIMITS: Final = {InputType.TOKENS: 32, InputType.LIST: 50, InputType.MAP: 200}
_MAX_LIMIT: Final = 10_000
_MOST_DAYS: Final = 36_500
_LARGEST: Final = 3.4e38  # a float32
_NUMBERS: Final = frozenset({InputType.FLOAT, InputType.SIGNAL})
_SENT_ROOTS: Final = frozenset({Root.REQUEST, Root.SESSION, Root.CANDIDATE})
_IMPLIED: Final = {
    "request.time": frozenset({InputType.TIME}),
    "request.query": frozenset({InputType.TOKENS, InputType.CATEGORY}),
}
_KEYS: Final = frozenset(
    {"type", "missing", "unit", "size", "limit", "of", "by", "over", "window", "refresh", "prior", "strength"}
    | {"training_only", "serving"}
    | {kind.value for kind in StatisticKind}
)


def duration_us(text: str | int | float) -> int:
    """Return a duration such as ``30m`` or ``7d`` in microseconds.

    Raises:
        ValueError: When it is not a positive whole number and one of s, m, h, d, or longer than 100 years.

    Example:
        >>> duration_us("1h")
        3600000000
    """
    found = re.fullmatch(r"(\d{1,9})([smhd])", str(text))
    if not found or int(found[1]) == 0:
        raise ValueError(f"{text!r} is not a duration such as 30s, 15m, 1h or 7d")
    duration = int(found[1]) * _UNITS_US[found[2]]
    if duration > _MOST_DAYS * _UNITS_US["d"]:
        raise ValueError(f"{text!r} is longer than {_MOST_DAYS:,} days")
    return duration


def declare(name: str, entry: Any, refuse: Refuse) -> Input:
    """Return the input that a YAML entry declares.

    Args:
        name: ``root.noun``.
        entry: The entry's mapping.
        refuse: Makes an error at a key of this entry (empty: at the name): ``refuse(key, message)``.

    Raises:
        DefinitionError: When anything is unknown, missing or out of range.
    """
    root, _, noun = name.partition(".")
    if root not in {r.value for r in Root} or not _NAME.match(noun):
        roots = ", ".join(Root)
        raise refuse(
            "",
            f"an input is named root.noun with a root of {roots} and a noun of a-z, 0-9, _; not {name!r:.60}",
        )
    if not isinstance(entry, Mapping) or "type" not in entry:
        raise refuse("", f"{name} needs at least a type, for example {{type: float}}")
    for key in entry:
        if key not in _KEYS:
            raise refuse(str(key), f"unknown key {key!r:.40}; {nearest(str(key), _KEYS)}".rstrip("; "))
    try:
        kind = InputType(entry["type"])
    except ValueError:
        hint = nearest(str(entry["type"]), [t.value for t in InputType])
        raise refuse("type", f"unknown type {entry['type']!r:.40}; {hint}".rstrip("; ")) from None
    if kind not in _IMPLIED.get(name, {kind}):
        raise refuse("type", f"{name} is filled in from the request: its type is {' or '.join(sorted(_IMPLIED[name]))}")
    statistic = _statistic(Root(root), kind, entry, refuse)
    _check_training_only(Root(root), kind, entry, refuse)
    return Input(
        name=name,
        type=kind,
        missing=_missing(kind, entry, refuse),
        unit=str(entry.get("unit", "")),
        size=_whole(entry, "size", 1, refuse) if kind is InputType.VECTOR else 0,
        limit=_whole(entry, "limit", _LIMITS[kind], refuse) if kind in _LIMITS else 0,
        of=str(entry.get("of", "")),
        statistic=statistic,
        training_only=bool(entry.get("training_only", False)),
        serving=_serving(entry, refuse),
    )


def _whole(entry: Mapping[str, Any], key: str, default: int, refuse: Refuse) -> int:
    if key == "size" and key not in entry:
        raise refuse("type", "a vector needs its size, for example {type: vector, size: 64}")
    value = entry.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_LIMIT:
        raise refuse(key, f"{key} is a whole number from 1 to {_MAX_LIMIT}, not {value!r:.40}")
    return value


def _number(entry: Mapping[str, Any], key: str, default: float, refuse: Refuse) -> float:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise refuse(key, f"{key} is a finite number that fits a float32, not {value!r:.40}")
    return float(value)


def _strength(entry: Mapping[str, Any], refuse: Refuse) -> float:
    strength = _number(entry, "strength", 0.0, refuse)
    if strength < 0:
        raise refuse("strength", f"strength is a number of events, not {strength:g}")
    return strength


def _word(entry: Mapping[str, Any], key: str, refuse: Refuse) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value:
        raise refuse(key, f"{key}: names a kind of event, not {value!r:.40}")
    return value


def _duration(entry: Mapping[str, Any], key: str, default: int, refuse: Refuse) -> int:
    try:
        return duration_us(entry[key]) if key in entry else default
    except ValueError as error:
        raise refuse(key, str(error)) from None


def _missing(kind: InputType, entry: Mapping[str, Any], refuse: Refuse) -> float | str | tuple[()] | None:
    if entry.get("training_only") and "serving" in entry:
        if "missing" in entry:
            raise refuse("missing", "a training-only input's serving constant is its missing policy; drop 'missing'")
        return _number(entry, "serving", 0.0, refuse)
    value = entry.get("missing")
    if value in (None, "nan", "missing") or (isinstance(value, float) and math.isnan(value)):
        return None
    if kind in _NUMBERS:
        return _number(entry, "missing", 0.0, refuse)
    if kind is InputType.CATEGORY and isinstance(value, str):
        return value
    if kind in _LIMITS and value == "empty":
        return ()
    raise refuse("missing", f"missing: {value!r:.40} does not fit {kind}; write nan, missing, empty or a constant")


def _check_training_only(root: Root, kind: InputType, entry: Mapping[str, Any], refuse: Refuse) -> None:
    """Refuse what serving would know in spite of ``training_only``, or could not put a number in the place of."""
    if entry.get("training_only") and not (kind in _NUMBERS and root in _SENT_ROOTS):
        roots = ", ".join(sorted(_SENT_ROOTS))
        raise refuse("training_only", f"training_only goes with a float of {roots}, not with a {kind} of {root}")


def _serving(entry: Mapping[str, Any], refuse: Refuse) -> float | None:
    if not entry.get("training_only"):
        if "serving" in entry:
            raise refuse("serving", "serving: goes with training_only: true")
        return None
    if "serving" not in entry:
        raise refuse("training_only", "a training-only input declares the constant that serving uses (serving: 1)")
    return _number(entry, "serving", 0.0, refuse)


def _statistic(root: Root, kind: InputType, entry: Mapping[str, Any], refuse: Refuse) -> Statistic | None:
    named = [k for k in StatisticKind if k.value in entry]
    if not named:
        for key in ("by", "over", "window", "refresh", "prior", "strength"):
            if key in entry:
                raise refuse(key, f"{key} goes with a statistic ({', '.join(StatisticKind)})")
        return None
    if len(named) > 1 or root not in {Root.USER, Root.ITEM, Root.QUERY}:
        raise refuse(named[-1], "one statistic an input, of a user, an item or a query")
    wanted = {StatisticKind.LAST: InputType.LIST}.get(named[0], InputType.MAP if "by" in entry else InputType.SIGNAL)
    if kind is not wanted:
        raise refuse("type", f"this statistic gives a {wanted}, not a {kind}")
    if wanted is not InputType.SIGNAL and root is Root.ITEM:
        raise refuse(named[0], "lists and maps are statistics of users and queries")
    if (named[0] is StatisticKind.RATE) != ("over" in entry):
        raise refuse(named[0], "a rate needs over: (the event kind in the denominator), nothing else has it")
    return Statistic(
        kind=named[0],
        event=_word(entry, named[0].value, refuse),
        over=_word(entry, "over", refuse) if "over" in entry else "",
        by=str(entry.get("by", "")),
        window_us=_duration(entry, "window", 0, refuse),
        refresh_us=_duration(entry, "refresh", 1, refuse),
        prior=_number(entry, "prior", 0.0, refuse),
        strength=_strength(entry, refuse),
    )
