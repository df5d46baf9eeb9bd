"""The verb ``forget``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from recall.forgetting import ForgottenUser, forget_user
from searchrank.cli import Home, Json, emit, workspace

__all__ = ["forget"]


def forget(
    user: Annotated[str, typer.Argument(help="Id of the person.")],
    home: Home = Path(".searchrank"),
    json: Json = False,
) -> None:
    """Take a person out of the event log, the profiles and the serving log; the service must be stopped."""
    found = forget_user(workspace(home), user)
    console = Console(stderr=json, highlight=False)
    for line in _told(user, found, home):
        console.print(line, markup=False, soft_wrap=True)
    if json:
        emit(asdict(found))


def _told(user: str, found: ForgottenUser, home: Path) -> list[str]:
    lines = []
    if found.repaired:
        lines.append(f"An unfinished append of {found.repaired:,} bytes, never acknowledged, was removed from the log.")
    if not (found.events or found.profiles or found.answers):
        return [*lines, f"Nothing of {user!r} was found."]
    lines += [
        f"{found.events:,} events no longer say who, what was asked, or from where.",
        f"{found.profiles:,} profiles and {found.answers:,} answers of the serving log were removed.",
    ]
    if found.linked:
        lines.append(f"Linked with {', '.join(found.linked)}: forget these too if they are the same person.")
    if found.snapshots:
        lines.append(
            f"{len(found.snapshots)} snapshots still know the person: run 'searchrank refresh --home {home}' before "
            "the service starts again. Older ones go as they are replaced, or remove them from snapshots/ by hand."
        )
    return lines
