"""What must survive a power cut: files and folders flushed to the disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["sync", "sync_tree"]


def sync(path: Path) -> None:
    """Flush a file's content, or what entries a folder has; returns when the disk says it is done.

    Raises:
        OSError: When the disk reports an error.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush a folder with all that is in it, and that it is there.

    Raises:
        OSError: When the disk reports an error.
    """
    for path in (*folder.rglob("*"), folder, folder.parent):
        sync(path)
