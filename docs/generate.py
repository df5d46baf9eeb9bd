"""Write the reference pages that are read off the code: ``operators.md`` and ``cli.md``.

``python -m docs.generate`` writes them; with ``--check`` it writes nothing and fails when one is out of date.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import itertools
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final

import typer
from typer.models import ArgumentInfo

from searchrank.features import OPERATORS, Operator, Parameter

__all__ = ["cli_page", "main", "operators_page", "pages"]

REFERENCE: Final = Path(__file__).parent / "reference"
_MADE: Final = "<!-- Made by `python -m docs.generate`; do not edit. -->"
_SECTIONS: Final = ("Args:", "Raises:", "Returns:", "Example:")
_VALUES: Final[Mapping[type, str]] = {
    bool: "flag",
    str: "text",
    int: "whole number",
    float: "number",
    Path: "path",
    datetime: "moment",
}


def pages() -> dict[Path, str]:
    """Return the text of every generated page by its file."""
    return {REFERENCE / "operators.md": operators_page(), REFERENCE / "cli.md": cli_page()}


def operators_page() -> str:
    """Return the page of all operators, a table a family, and the operators that only transforms use."""
    lines = ["# Operators", "", _MADE, ""]
    lines += [
        "What an expression in a feature file may call. Operands come first, then parameters, by position or by name;",
        "a parameter is a constant. `NaN` is a missing number. The revision changes with any bit of any result and is",
        "part of every fingerprint. See the [feature language](../guide/features.md).",
        "",
    ]
    families: dict[str, list[Operator]] = {}
    for operator in (one for signatures in OPERATORS.values() for one in signatures):
        families.setdefault(operator.function.__module__, []).append(operator)
    for module, members in families.items():
        written = [one for one in members if not one.fitted]
        if written:
            lines += _family(module, written)
    lines += ["## Used by transforms alone", ""]
    lines += ["A [transform](../guide/features.md#transforms) of a model input fits their parameters.", ""]
    lines += _operator_table([one for members in families.values() for one in members if one.fitted])
    return "\n".join(lines)


def _family(module: str, members: Sequence[Operator]) -> list[str]:
    title = module.rpartition(".")[2].capitalize()
    about = (importlib.import_module(module).__doc__ or "").split("\n\n", 1)[0].replace("\n", " ")
    return [f"## {title}", "", _markdown(about), "", *_operator_table(members)]


def _operator_table(members: Sequence[Operator]) -> list[str]:
    rows = [
        (f"`{one.signature}`", _markdown(one.summary), ", ".join(_defaults(one.parameters)), str(one.revision))
        for one in members
    ]
    return _table(("signature", "what it gives", "when left out", "revision"), rows)


def _defaults(parameters: Sequence[Parameter]) -> list[str]:
    return [f"`{one.name}={one.default!r}`" for one in parameters if one.default is not None]


def cli_page() -> str:
    """Return the page of the command line, a section a verb."""
    lines = ["# The command line", "", _MADE, ""]
    lines += [
        "Verbs are entry points of the group `searchrank.verbs`; another package can add one. Figures go to standard",
        "output, progress to standard error. A deliberate error is one message and exit code 1.",
        "",
    ]
    for entry in sorted(importlib.metadata.entry_points(group="searchrank.verbs"), key=lambda one: one.name):
        name, target = f"searchrank {entry.name}", entry.load()
        if not isinstance(target, typer.Typer):
            lines += _verb(name, target)
            continue
        lines += [f"## {name}", "", str(target.info.help or ""), ""]
        for command in target.registered_commands:
            lines += _verb(f"{name} {command.name}", command.callback, depth=3)
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Word:
    """One argument or option as people write it."""

    name: str
    value: str
    meaning: str
    is_argument: bool


def _verb(name: str, function: Any, depth: int = 2) -> list[str]:
    hints = typing.get_type_hints(function, include_extras=True)
    words = [_word(p, hints[p.name]) for p in inspect.signature(function).parameters.values()]
    usage = " ".join([name, *(w.name for w in words if w.is_argument), "[OPTIONS]"])
    lines = [f"{'#' * depth} {name}", "", _about(function), "", "```text", usage, "```", ""]
    rows = [(f"`{w.name}`", w.value, w.meaning) for w in sorted(words, key=lambda w: not w.is_argument)]
    return lines + _table(("argument or option", "value", "meaning"), rows)


def _about(function: Any) -> str:
    """Return a docstring's paragraphs before its first section."""
    kept = itertools.takewhile(
        lambda line: line.strip() not in _SECTIONS, (inspect.getdoc(function) or "").splitlines()
    )
    return _markdown("\n".join(kept).strip())


def _word(parameter: inspect.Parameter, hint: Any) -> _Word:
    kind, info = typing.get_args(hint)[:2]
    default = parameter.default
    is_argument, required = isinstance(info, ArgumentInfo), default is inspect.Parameter.empty
    if is_argument:
        name = parameter.name.upper() + ("..." if typing.get_origin(kind) is list else "")
        name = name if required else f"[{name}]"
    else:
        written = [
            w for w in (info.default, *(info.param_decls or ())) if isinstance(w, str)
        ]  # Annotated leaves it first
        name = written[0] if written else f"--{parameter.name.replace('_', '-')}"
    shown = "" if required or default in {None, "", False} else f" Default: `{default}`."
    return _Word(name, _value(kind, info), _markdown(info.help or "") + shown, is_argument)


def _value(kind: Any, info: Any) -> str:
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    if typing.get_origin(kind) is list:
        return f"{_value(parts[0], info)}, repeatable"
    if parts:
        return _value(parts[0], info)
    if issubclass(kind, Enum):
        return " or ".join(f"`{member.value}`" for member in kind)
    bounds = [str(bound) for bound in (info.min, info.max) if bound is not None]
    ends = f", {' to '.join(bounds)}" if len(bounds) == 2 else f", at least {bounds[0]}" if bounds else ""
    return _VALUES[kind] + ends


def _markdown(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with ``--check`` say which are out of date; return the exit code."""
    made = pages()
    if "--check" not in arguments:
        for path, text in made.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path.name for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    if stale:
        sys.stderr.write(f"docs/reference is out of date ({', '.join(stale)}): run 'python -m docs.generate'\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
