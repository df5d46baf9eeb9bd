"""Files with one JSON object a line; ``a.b`` is the member b of the member a."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from trainer.importing.encoding import open_text
from trainer.importing.findings import Finding, Findings, Severity
from trainer.importing.part import ROWS, Part, Source

__all__ = ["open_json_lines"]

_LOOKED_AT: Final = 1_000


def open_json_lines(path: Path, encoding: str, findings: Findings) -> Source:
    """Open a file; lines that are no object are noted as errors while it is read."""
    names: dict[str, None] = {}
    _, head = next(_objects(path, encoding, Findings(), _LOOKED_AT), (1, []))
    for value in head:
        names |= dict.fromkeys(_leaves(value))

    def read(wanted: Sequence[str]) -> Iterator[Part]:
        chosen = list(wanted) or list(names)
        for first, held in _objects(path, encoding, findings):
            yield Part(first, {name: _json_column(_members(held, name)) for name in chosen}, len(held))

    return Source(path, tuple(names), read)


def _objects(
    path: Path, encoding: str, findings: Findings, rows: int = ROWS
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield (line of the first, objects) of as many lines at a time."""
    with open_text(path, encoding) as file:
        first = 1
        while lines := list(islice(file, rows)):
            held = _together(lines)
            if held is None:
                held = list(_one_by_one(path.name, lines, first, findings))
            if held:
                yield first, held
            first += len(lines)


def _together(lines: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return the objects of many lines, parsed at once, which is three times as quick; None if a line is no object."""
    try:
        found = json.loads(f"[{','.join(lines)}]")
    except ValueError:
        return None
    return found if len(found) == len(lines) and all(type(one) is dict for one in found) else None


def _one_by_one(file: str, lines: Sequence[str], first: int, findings: Findings) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=first):
        value = _parsed(line)
        if isinstance(value, dict):
            yield value
        elif line.strip():
            findings.add(_no_object(file, number, line.strip()))


def _no_object(file: str, number: int, line: str) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        what="not_json",
        file=file,
        message="lines that are no JSON object",
        row=number,
        example=line[:80],
        advice='write one object a line: {"id": "a", …}, without commas between the lines',
    )


def _parsed(line: str) -> Any:
    try:
        return json.loads(line) if line.strip() else None
    except ValueError:
        return None


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, part in value.items():
        if isinstance(part, dict):
            yield from _leaves(part, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _members(held: Sequence[dict[str, Any]], name: str) -> list[Any]:
    return [_member(value, name) for value in held] if "." in name else [value.get(name) for value in held]


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict) and name in value:
        return value[name]
    head, _, rest = name.partition(".")
    return _member(value.get(head), rest) if rest and isinstance(value, dict) else None


def _json_column(values: list[Any]) -> pa.Array:
    """Return values of one type as they are, of several as text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([v if v is None or isinstance(v, str) else json.dumps(v) for v in values], pa.string())
