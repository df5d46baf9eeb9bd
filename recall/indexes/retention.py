"""Which snapshots may go: old ones that nobody needs to say what was answered."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Final

from searchrank.errors import DataError, NotFoundError
from searchrank.features.snapshot import current
from searchrank.features.snapshot_manifest import read_manifest
from searchrank.serving_log import ServingLog

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.workspace import Workspace

__all__ = ["KEPT", "LEAST", "made_snapshots", "prune"]

KEPT: Final = 3
LEAST: Final = 2
"""Never fewer: a worker may still be moving from the last but one."""

_logger = logging.getLogger(__name__)


def prune(workspace: Workspace, kept: int = KEPT) -> tuple[str, ...]:
    """Remove the snapshots before the last ones, but for the live one and those that the serving log names.

    Args:
        workspace: Holds the snapshots.
        kept: How many of the last ones stay; at least ``LEAST`` do.

    Returns:
        The ids of those removed.
    """
    made = sorted(made_snapshots(workspace.snapshots))
    old = [folder for _, folder in made[: -max(kept, LEAST)]]
    if not old:
        return ()
    try:
        named = ServingLog.open(workspace.serving).snapshots()
    except NotFoundError:
        named = frozenset()
    except DataError as error:
        _logger.warning("no snapshot is removed, since the serving log may need any of them: %s", error)
        return ()
    live = current(workspace.snapshots)
    gone = [folder for folder in old if folder != live and folder.name not in named]
    for folder in gone:
        shutil.rmtree(folder)
    return tuple(folder.name for folder in gone)


def made_snapshots(snapshots: Path) -> list[tuple[int, Path]]:
    """Return the snapshots and when each was finished."""
    found = []
    for folder in snapshots.iterdir():
        try:
            read_manifest(folder)
            found.append(((folder / "manifest.json").stat().st_mtime_ns, folder))
        except (NotFoundError, DataError):
            continue
    return found
