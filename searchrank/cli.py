"""The ``searchrank`` command: verbs are entry points, found at once and imported only when called."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from searchrank.errors import SearchRankError
from searchrank.workspace import Workspace

__all__ = ["Home", "Json", "emit", "main", "workspace"]

Home = Annotated[Path, typer.Option("--home", help="The project's folder.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="End with one line of JSON on standard output.")]

EXIT_ERROR = 1


def workspace(home: Path) -> Workspace:
    """Return the workspace of ``--home``, which must hold a project."""
    return Workspace(home).require()


def emit(figures: Mapping[str, Any]) -> None:
    """Write a command's figures as the last line of standard output."""
    sys.stdout.write(json.dumps(figures, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def _verbs() -> dict[str, importlib.metadata.EntryPoint]:
    return {e.name: e for e in importlib.metadata.entry_points(group="searchrank.verbs")}


def _summary(entry: importlib.metadata.EntryPoint) -> str:
    """Return the first line of a verb's docstring without importing it."""
    module, _, name = entry.value.partition(":")
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        places = spec.submodule_search_locations if spec is not None else None
        tree = ast.parse(Path((places or [""])[0], *parts).with_suffix(".py").read_bytes())
    except (ImportError, OSError, SyntaxError):
        return "(cannot be imported)"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").split("\n", 1)[0]
    return (ast.get_docstring(tree) or "").split("\n", 1)[0]


class _Verbs(TyperGroup):
    @override
    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return sorted(_verbs())

    @override
    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        entry = _verbs().get(cmd_name)
        return None if entry is None else _load(cmd_name, entry)

    @override
    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(entry)) for name, entry in sorted(_verbs().items())])


def _load(name: str, entry: importlib.metadata.EntryPoint) -> Any:
    target = entry.load()
    if isinstance(target, typer.Typer):
        command = typer.main.get_command(target)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(target)
        command = typer.main.get_command(single)
    command.name = name
    return command


app = typer.Typer(cls=_Verbs, add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _searchrank() -> None:
    """Train, release and serve a search ranking: one feature definition from the event log to the answer."""


def main() -> None:
    """Run the command line; deliberate errors are one message and exit code 1, never a traceback."""
    try:
        app(standalone_mode=True)
    except SearchRankError as error:
        sys.stderr.write(f"searchrank: {error}\n")
        sys.exit(EXIT_ERROR)
