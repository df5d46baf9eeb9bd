"""What tells that something else is to be served: the identity on disk of what says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.workspace import Workspace

__all__ = ["Stamp", "identity", "take_stamp"]

Stamp = tuple[tuple[int, int, int], ...]


def take_stamp(workspace: Workspace) -> Stamp:
    """Return a value that changes whenever ledger, snapshot pointer, experiments or project are written."""
    files = (workspace.ledger, workspace.snapshots / "CURRENT", workspace.experiments, workspace.project)
    return tuple(map(identity, files))


def identity(path: Path) -> tuple[int, int, int]:
    """Return a value that changes whenever a file is written or replaced; zeros when there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_size)
