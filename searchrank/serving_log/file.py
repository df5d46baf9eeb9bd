"""One file of the log: an Arrow IPC stream that takes whole batches or nothing."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from searchrank.serving_log.sealed import SealedStream

if TYPE_CHECKING:
    from io import FileIO

    import pyarrow as pa

__all__ = ["SUFFIX", "LogFile"]

SUFFIX: Final = ".arrows"


class LogFile:
    """A file being written by one thread; the first batch brings the schema with it.

    Attributes:
        path: ``<UTC start>-<process id>.arrows``.
        size: Bytes up to the end of the last whole batch.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        """Begin a file in a folder that is made if need be.

        Raises:
            OSError: When it cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{os.getpid()}{SUFFIX}"
        self.size = 0
        self._began = monotonic()
        self._file: FileIO = self.path.open("xb", buffering=0)
        self._stream = SealedStream(schema)

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return monotonic() - self._began

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch, all of it or nothing; after a failure the file must be given up.

        Raises:
            OSError: When the disk takes no more; what was there before stays readable.
        """
        self._append(self._stream.batch(batch))

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        """Mark the end and flush to disk; the descriptor is closed whatever happens.

        Raises:
            OSError: When the disk reports an error.
        """
        try:
            self._append(self._stream.end())
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def give_up(self) -> None:
        """Close after a failure; a file without a single batch is removed."""
        with contextlib.suppress(OSError):
            self._file.close()
            if not self.size:
                self.path.unlink()
