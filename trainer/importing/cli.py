"""The verbs ``import`` and ``validate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from searchrank.cli import Home, Json, emit
from searchrank.errors import ConfigError, ConflictError
from searchrank.workspace import Workspace
from trainer.console import say
from trainer.importing.console import figures, reading, show_findings, show_imported
from trainer.importing.findings import Findings, Severity
from trainer.importing.mapping import FileMapping, Kind

__all__ = ["imports", "validate"]

imports = typer.Typer(
    help="Bring tables of your own into a workspace, or have a mapping suggested for them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HOME = Path(".searchrank")
Items = Annotated[list[Path] | None, typer.Option("--items", help="File of items; repeat it for several.")]
Users = Annotated[list[Path] | None, typer.Option("--users", help="File of users; repeat it for several.")]
Events = Annotated[list[Path] | None, typer.Option("--events", help="File of events; repeat it for several.")]
MappingFile = Annotated[Path, typer.Option("--mapping", help="Which column becomes what.")]
SomeMapping = Annotated[Path | None, typer.Option("--mapping", help="Which column becomes what, for files.")]


@imports.command("table")
def import_table(  # noqa: PLR0913, PLR0917 - one parameter an option
    mapping: MappingFile,
    items: Items = None,
    users: Users = None,
    events: Events = None,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Import CSV, JSON lines, Parquet or Arrow files as a mapping says; a second import adds nothing twice."""
    from trainer.importing.importer import import_tables  # noqa: PLC0415 - the command line starts quickly

    with reading() as progress:
        made = import_tables(Workspace(home), mapping, _given(items, users, events), progress)
    show_findings(made.findings)
    show_imported(made, on_stderr=json)
    say(f"next: searchrank demo --project {home}, or searchrank refresh --home {home}", on_stderr=True)
    if json:
        emit(figures(made))


@imports.command("suggest")
def suggest_mapping(
    out: Annotated[Path, typer.Option("--out", help="Where to write the mapping; must not exist.")],
    items: Items = None,
    users: Users = None,
    events: Events = None,
) -> None:
    """Guess a mapping from files alone, write it with a reason for each line, and say what was guessed."""  # noqa: DOC501
    from trainer.importing import suggestion  # noqa: PLC0415 - the command line starts quickly

    given = _given(items, users, events)
    if not given:
        raise ConfigError("name the files with --items, --users and --events")
    if out.exists():
        raise ConflictError(f"{out} exists already; name another file with --out")
    text, said = suggestion.suggest_mapping(given)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    for line in said:
        say(line)
    say(f"{out} is written: read it, change it, then check it with searchrank validate --mapping {out} …")


def validate(  # noqa: PLR0913, PLR0917 - one parameter an option
    items: Items = None,
    users: Users = None,
    events: Events = None,
    mapping: SomeMapping = None,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Say in plain words what is wrong with files to be imported, or with what a workspace holds.

    The exit code is 1 when an error would stop an import; warnings leave it at 0.
    """  # noqa: DOC501
    given = _given(items, users, events)
    findings = _of_files(mapping, given, home) if given or mapping is not None else _of_workspace(home)
    show_findings(findings)
    if json:
        errors = len(findings.of(Severity.ERROR))
        emit({"errors": errors, "findings": [one.to_json() for one in findings]})
    if findings.of(Severity.ERROR):
        raise typer.Exit(1)


def _given(
    items: Sequence[Path] | None, users: Sequence[Path] | None, events: Sequence[Path] | None
) -> dict[Kind, Sequence[Path]]:
    named = {Kind.ITEMS: items, Kind.USERS: users, Kind.EVENTS: events}
    return {kind: paths for kind, paths in named.items() if paths}


def _of_files(mapping: Path | None, given: dict[Kind, Sequence[Path]], home: Path) -> Findings:
    """Check files against a mapping.

    Raises:
        ConfigError: When there is no mapping.
    """
    from trainer.importing.importer import surroundings  # noqa: PLC0415 - the command line starts quickly
    from trainer.importing.survey import survey  # noqa: PLC0415 - as above

    if mapping is None:
        raise ConfigError("say which column is what; 'searchrank import suggest' writes a mapping", field="--mapping")
    with reading() as progress:
        around = surroundings(Workspace(home), mapping.parent)
        return survey(FileMapping.load(mapping), given, around, progress=progress).findings


def _of_workspace(home: Path) -> Findings:
    from trainer.importing.held import check_workspace  # noqa: PLC0415 - the command line starts quickly

    with reading() as progress:
        return check_workspace(Workspace(home).require(), progress)
