"""What must survive a power cut or a kill: files and folders flushed to the disk, and put in place at once."""

from __future__ import annotations

import ctypes
import os
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["replace_folder", "sync", "sync_tree"]

_HERE: Final = -100  # AT_FDCWD: paths are as the process sees them
_EXCHANGE: Final = 2  # RENAME_EXCHANGE


def replace_folder(fresh: Path, target: Path) -> None:
    """Put a folder in the place of another and remove that one; a kill at any moment leaves either in place.

    Args:
        fresh: Beside the target; it is gone afterwards.
        target: What is replaced; there may be none yet.

    Raises:
        OSError: When the file system refuses.
    """
    if not target.exists():
        fresh.rename(target)
        return
    if _exchanged(fresh, target):
        shutil.rmtree(fresh, ignore_errors=True)
        return
    old = target.with_name(f".{target.name}.old")  # a file system that cannot exchange: for a moment there is none
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two folders change names in one step; return whether the file system did."""
    call = getattr(ctypes.CDLL(None), "renameat2", None)
    return call is not None and call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


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
