"""One at a time: an advisory lock on a file, which the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from searchrank.errors import ConflictError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WriterLock"]


class WriterLock:
    """An exclusive lock held until ``release`` or the end of the process; the file says who holds it."""

    def __init__(self, path: Path, what: str, instead: str = "") -> None:
        """Take the lock.

        Args:
            path: The lock file, made if absent.
            what: What a second one is told is under way; "by process …" follows.
            instead: What others are told to do; empty: to wait.

        Raises:
            ConflictError: When somebody else holds it.
        """
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder, _, words = os.read(self._descriptor, 512).decode("utf-8", "replace").partition("\n")
            os.close(self._descriptor)
            raise ConflictError(
                f"{what} by process {holder or 'unknown'}; {words.strip() or 'wait until it has ended, or stop it'}"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n{instead}\n".encode(), 0)

    def release(self) -> None:
        """Let the next writer in; does nothing the second time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
