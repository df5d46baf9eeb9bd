"""One file of the log: an Arrow IPC stream that only grows, read by message so that a torn tail harms nobody.

A reader indexes the whole messages it finds and asks again later; a message counts when all of it is there.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from searchrank.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Segment", "segment_paths"]

_PREFIX: Final = "events-"
_SUFFIX: Final = ".arrow"


def segment_paths(folder: Path) -> list[Path]:
    """Return the files of a log in the order of their offsets."""
    return sorted(p for p in folder.glob(f"{_PREFIX}*{_SUFFIX}") if _offset_of(p) is not None)


def _offset_of(path: Path) -> int | None:
    digits = path.name[len(_PREFIX) : -len(_SUFFIX)]
    return int(digits) if len(digits) == 16 and digits.isdecimal() else None


class Segment:
    """The whole record batches of one file.

    Attributes:
        path: The file.
        first: Offset of its first event in the log.
        schema: Its columns, or None while not even the schema is whole.
        rows: Events in whole batches.
        size: Bytes up to the end of the last whole batch.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and index the batches in it.

        Args:
            path: A file that ``segment_paths`` gave, or one that is still to be made.
        """
        self.path = path
        self.first = _offset_of(path) or 0
        self.schema: pa.Schema | None = None
        self.rows = 0
        self.size = 0
        self._starts: list[int] = []
        self._positions: list[int] = []
        self.refresh()

    @classmethod
    def made(cls, folder: Path, first: int, schema: pa.Schema) -> Self:
        """Begin an empty segment whose first event will have this offset; the caller writes the schema."""
        path = folder / f"{_PREFIX}{first:016d}{_SUFFIX}"
        path.unlink(missing_ok=True)
        segment = cls(path)
        segment.schema = schema
        return segment

    @property
    def end(self) -> int:
        """Offset after its last event."""
        return self.first + self.rows

    def refresh(self) -> None:
        """Index the batches that were written since the last look."""
        if not self.path.is_file() or self.path.stat().st_size == self.size:
            return
        with self._source() as source:
            if self.schema is None:
                try:
                    self.schema = pa.ipc.read_schema(source)
                except (OSError, EOFError, pa.ArrowInvalid):
                    return
                self.size = source.tell()
            self._index(source)

    def _index(self, source: pa.NativeFile) -> None:
        source.seek(self.size)
        while True:
            try:
                message = pa.ipc.read_message(source)
                batch = pa.ipc.read_record_batch(message, self.schema)
            except (OSError, EOFError, pa.ArrowInvalid):
                return
            self.note(batch.num_rows, self.size)
            self.size = source.tell()

    def note(self, rows: int, position: int) -> None:
        """Index a batch that the caller has just written at this byte."""
        self._starts.append(self.rows)
        self._positions.append(position)
        self.rows += rows

    def batches(self, start: int = 0) -> Iterator[pa.RecordBatch]:
        """Give the batches from row ``start`` of this segment on; columns are views of the mapped file.

        Raises:
            DataError: When a batch that was whole can no longer be read.
        """
        if start >= self.rows:
            return
        number = bisect_right(self._starts, start) - 1
        positions = self._positions[number:]
        skip = start - self._starts[number]
        with self._source() as source:
            for position in positions:
                source.seek(position)
                try:
                    batch = pa.ipc.read_record_batch(pa.ipc.read_message(source), self.schema)
                except (OSError, EOFError, pa.ArrowInvalid) as error:
                    raise DataError(f"the event log is damaged at byte {position} of {self.path}: {error}") from error
                yield batch.slice(skip)
                skip = 0

    def _source(self) -> pa.NativeFile:
        return pa.memory_map(str(self.path))
