"""Files that are whole or absent, and one writer at a time: what the ledger and releases are written with."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from searchrank.errors import ConflictError

__all__ = ["exclusive", "write_file"]

_PAUSE: Final = 0.02


@contextmanager
def exclusive(path: Path, *, patience: float = 10.0) -> Iterator[None]:
    """Hold the lock file at ``path``, made if needed; it is let go when the process dies.

    Args:
        path: The lock file.
        patience: Longest wait for another writer, seconds.

    Raises:
        ConflictError: When another process holds it for longer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise ConflictError(f"another process is writing ({path}); try again when it is done") from None
                time.sleep(_PAUSE)
        yield


def write_file(path: Path, content: bytes) -> None:
    """Write a file that nobody is to change, synced."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)
