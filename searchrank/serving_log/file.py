"""One file of the log: an Arrow IPC stream that takes whole batches or nothing."""

from __future__ import annotations

import contextlib
import io
import os
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    from io import FileIO

__all__ = ["OPTIONS", "SUFFIX", "LogFile"]

SUFFIX: Final = ".arrows"
OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


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
        self._buffer = io.BytesIO()
        self._file: FileIO = self.path.open("xb", buffering=0)
        self._stream = pa.ipc.new_stream(self._buffer, schema, options=OPTIONS)

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return monotonic() - self._began

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch, all of it or nothing; after a failure the file must be given up.

        Raises:
            OSError: When the disk takes no more; what was there before stays readable.
        """
        self._stream.write_batch(batch)
        self._flush()

    def _flush(self) -> None:
        data = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
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
            self._stream.close()
            self._flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def give_up(self) -> None:
        """Close after a failure; a file without a single batch is removed."""
        with contextlib.suppress(OSError):
            self._file.close()
            if not self.size:
                self.path.unlink()
