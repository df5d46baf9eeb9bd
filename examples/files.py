"""What every example does with files: write a table, copy its definitions, refuse to mix with what is there."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING

import pyarrow as pa

from searchrank.errors import ConflictError

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.workspace import Workspace

__all__ = ["Progress", "copy_definitions", "require_no_events", "write_table"]

Progress = Callable[[str, float], None]
"""Told what is being done and how much of it is, 0 to 1."""


def write_table(path: Path, table: pa.Table) -> None:
    """Write an Arrow IPC file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


def copy_definitions(package: str, workspace: Workspace) -> None:
    """Copy ``features.yaml`` and ``project.yaml`` out of an example's package, installed or not."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    for target in (workspace.features, workspace.project):
        source = resources.files(package).joinpath(target.name)
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")


def require_no_events(workspace: Workspace) -> None:
    """Refuse a workspace that has events already.

    Raises:
        ConflictError: When there are any: two worlds in one log would be neither.
    """
    if any(workspace.events.glob("events-*.arrow")):
        raise ConflictError(
            f"{workspace.events} holds events already; name an empty folder with --home, or delete {workspace.root}"
        )
