"""One file of the log: an Arrow IPC stream that grows until it is sealed, read message by message.

A message counts when all of it is there, so that a torn tail harms nobody; a reader asks again later. A sealed
segment ends with Arrow's end mark and never grows again, but may be replaced by one with the same events. Nothing is
held open between reads; a file that is no longer the one that was indexed is noticed by its head, which has a token.
"""

from __future__ import annotations

import uuid
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from searchrank.errors import DataError
from searchrank.events.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["END_MARK", "TOKEN", "Segment", "offset_of", "segment_name", "segment_paths", "tokened"]

END_MARK: Final = b"\xff\xff\xff\xff\0\0\0\0"
"""What an Arrow stream ends with."""
TOKEN: Final = b"segment"
"""Key in the schema's metadata: tells this file from another of the same name."""

_PREFIX: Final = "events-"
_SUFFIX: Final = ".arrow"
_SMALL: Final = 1 << 16
_RUN_BYTES: Final = 4 << 20


def segment_paths(folder: Path) -> list[Path]:
    """Return the files of a log in the order of their offsets."""
    return sorted(p for p in folder.glob(f"{_PREFIX}*{_SUFFIX}") if offset_of(p) is not None)


def segment_name(first: int) -> str:
    """Return the file name of the segment whose first event has this offset."""
    return f"{_PREFIX}{first:016d}{_SUFFIX}"


def offset_of(path: Path) -> int | None:
    """Return the offset of a segment's first event, None when the name is no segment's."""
    digits = path.name[len(_PREFIX) : -len(_SUFFIX)]
    return int(digits) if len(digits) == 16 and digits.isdecimal() else None


def tokened(schema: pa.Schema) -> pa.Schema:
    """Return a schema for a new file: the same columns under a token of its own."""
    return schema.with_metadata({TOKEN: uuid.uuid4().hex.encode()})


class Segment:
    """The whole record batches of one file.

    Attributes:
        path: The file.
        first: Offset of its first event in the log.
        schema: Its columns, or None while not even the schema is whole.
        rows: Events in whole batches.
        size: Bytes up to the end of the last whole batch.
        sealed: Whether it ends with the end mark.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and index the batches in it.

        Args:
            path: A file that ``segment_paths`` gave, or one that is still to be made.
        """
        self.path = path
        self.first = offset_of(path) or 0
        self.schema: pa.Schema | None = None
        self.rows = 0
        self.size = 0
        self.sealed = False
        self._head = b""
        self._seen: tuple[int, int] = (0, 0)
        self._starts: list[int] = []
        self._positions: list[int] = []
        self.refresh()

    @classmethod
    def made(cls, folder: Path, first: int, schema: pa.Schema) -> Self:
        """Begin an empty segment whose first event will have this offset; the caller writes ``head``."""
        path = folder / segment_name(first)
        path.unlink(missing_ok=True)
        segment = cls(path)
        segment._begin(tokened(schema))
        return segment

    @property
    def end(self) -> int:
        """Offset after its last event."""
        return self.first + self.rows

    @property
    def head(self) -> bytes:
        """The bytes before the first batch: the schema and its token."""
        return self._head

    @property
    def token(self) -> str:
        """What tells this file from others of its name; empty in files from before there were tokens."""
        metadata: dict[bytes, bytes] = (self.schema.metadata if self.schema else None) or {}
        return metadata.get(TOKEN, b"").decode()

    @property
    def starts(self) -> list[int]:
        """First row of every batch."""
        return self._starts

    @property
    def extents(self) -> list[tuple[int, int]]:
        """First byte and end of every batch."""
        return list(pairwise([*self._positions, self.size])) if self._positions else []

    def refresh(self) -> bool:
        """Index the batches that were written since the last look, at the cost of one stat when there are none.

        Returns:
            Whether the file is still the one that was indexed; if not, make another ``Segment``.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return not self._head
        if self._seen == (status.st_ino, status.st_size):
            return True
        with self._source() as source:
            if self.schema is None and not self._read_head(source):
                return True
            if not self._is_mine(source):
                return False
            seal = Seal.load(self.path, ("positions", "starts")) if not self._positions else None
            if seal is not None and seal.fits(self.token, status.st_size):
                self._adopt(seal)
            else:
                self._index(source)
        self._seen = (status.st_ino, status.st_size)
        return True

    def _read_head(self, source: pa.NativeFile) -> bool:
        try:
            schema = pa.ipc.read_schema(source)
        except (OSError, EOFError, pa.ArrowInvalid):
            return False
        size = source.tell()
        source.seek(0)
        self.schema, self._head, self.size = schema, source.read(size), size
        return True

    def _begin(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._head = schema.serialize().to_pybytes()
        self.size = len(self._head)

    def _is_mine(self, source: pa.NativeFile) -> bool:
        source.seek(0)
        return bool(source.read(len(self._head)) == self._head)

    def _adopt(self, seal: Seal) -> None:
        self._positions, self._starts = seal.columns["positions"].tolist(), seal.columns["starts"].tolist()
        self.rows, self.size, self.sealed = seal.rows, seal.size, True

    def _index(self, source: pa.NativeFile) -> None:
        source.seek(self.size)
        while True:
            try:
                message = pa.ipc.read_message(source)
                batch = pa.ipc.read_record_batch(message, self.schema)
            except (OSError, EOFError, pa.ArrowInvalid):
                break
            self.note(batch.num_rows, self.size, source.tell())
        source.seek(self.size)
        self.sealed = source.read(len(END_MARK)) == END_MARK and not source.read(1)

    def note(self, rows: int, position: int, end: int) -> None:
        """Index a batch that lies between these bytes."""
        self._starts.append(self.rows)
        self._positions.append(position)
        self.rows += rows
        self.size = end

    def batches(self, start: int = 0, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Give the batches from row ``start`` of this segment on; ends at once when the file is another by now.

        Large batches are views of the mapped file; runs of small ones are copied into one.

        Args:
            start: First row.
            columns: The columns that matter; others may be left out. None: all.

        Raises:
            DataError: When a batch that was whole can no longer be read.
        """
        if start >= self.rows:
            return
        number = bisect_right(self._starts, start) - 1
        skip = start - self._starts[number]
        try:
            source = self._source()
        except FileNotFoundError:
            return
        with source:
            if not self._is_mine(source):
                return
            for run in _runs(self.extents[number:]):
                yield self._read(source, run, columns).slice(skip)
                skip = 0

    def _read(
        self, source: pa.NativeFile, run: Sequence[tuple[int, int]], columns: Sequence[str] | None
    ) -> pa.RecordBatch:
        """Read adjacent batches as one.

        Raises:
            DataError: When they are damaged.
        """
        position, end = run[0][0], run[-1][1]
        source.seek(position)
        try:
            if len(run) == 1:
                return pa.ipc.read_record_batch(pa.ipc.read_message(source), self.schema)
            return _joined(self._head + source.read(end - position), self._chosen(columns))
        except (OSError, EOFError, pa.ArrowInvalid) as error:
            raise DataError(f"the event log is damaged at byte {position} of {self.path}: {error}") from error

    def _chosen(self, columns: Sequence[str] | None) -> list[int]:
        """Return the places of the columns that matter; one at least, since Arrow takes none for all."""
        names: list[str] = self.schema.names if self.schema else []
        return [at for at, name in enumerate(names) if columns is None or name in columns] or [0]

    def _source(self) -> pa.NativeFile:
        return pa.memory_map(str(self.path))


def _runs(extents: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Group small batches that lie side by side; a large one stays alone."""
    run: list[tuple[int, int]] = []
    for extent in extents:
        large = extent[1] - extent[0] >= _SMALL
        if run and (large or extent[1] - run[0][0] > _RUN_BYTES):
            yield run
            run = []
        run.append(extent)
        if large:
            yield run
            run = []
    if run:
        yield run


def _joined(stream: bytes, columns: list[int]) -> pa.RecordBatch:
    options = pa.ipc.IpcReadOptions(included_fields=columns, use_threads=False)
    with pa.ipc.open_stream(pa.BufferReader(stream), options=options) as reader:
        return reader.read_all().combine_chunks().to_batches()[0]
