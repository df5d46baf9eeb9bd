"""Files with one JSON object a line; ``a.b`` is the member b of the member a."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
    for number, value in _objects(path, encoding, Findings()):
        names |= dict.fromkeys(_leaves(value))
        if number >= _LOOKED_AT:
            break

    def read(wanted: Sequence[str]) -> Iterator[Part]:
        held: list[dict[str, Any]] = []
        chosen, first = list(wanted) or list(names), 1
        for number, value in _objects(path, encoding, findings):
            held.append(value)
            if len(held) >= ROWS:
                yield _rows_of(held, chosen, first)
                held, first = [], number + 1
        if held:
            yield _rows_of(held, chosen, first)

    return Source(path, tuple(names), read)


def _objects(path: Path, encoding: str, findings: Findings) -> Iterator[tuple[int, dict[str, Any]]]:
    with open_text(path, encoding) as file:
        for number, line in enumerate(file, start=1):
            value = _parsed(line)
            if isinstance(value, dict):
                yield number, value
            elif line.strip():
                findings.add(_no_object(path.name, number, line.strip()))


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


def _rows_of(held: Sequence[dict[str, Any]], names: Sequence[str], first: int) -> Part:
    return Part(first, {name: _json_column([_member(value, name) for value in held]) for name in names}, len(held))


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
