"""The writing half of the log: lock, repair, validate, drop duplicates, write, flush to disk, acknowledge."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import UnavailableError
from searchrank.events.identity import SeenIds, hash_ids
from searchrank.events.lock import WriterLock
from searchrank.events.segment import Segment
from searchrank.events.validation import conform

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Appended", "LogWriter"]

SEGMENT_BYTES: Final = 128 << 20
BATCH_ROWS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of an append.

    Attributes:
        offset: Offset after the last event of the log: a reader that has reached it has seen the append.
        accepted: Events written.
        duplicates: Events dropped because their ``event_id`` was there already.
        fresh: Which events were written, shape ``(n,)``, in the order handed in.
    """

    offset: int
    accepted: int
    duplicates: int
    fresh: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_), compare=False, repr=False)


class LogWriter:
    """Holds the lock and the open file; the segments themselves belong to the log."""

    def __init__(self, folder: Path, *, strict: bool, instead: str = "") -> None:
        """Lock the folder.

        Args:
            folder: The log's folder, which exists.
            strict: Whether input columns that are not declared are refused.
            instead: What others who want to write are told to do.
        """
        self._folder = folder
        self._strict = strict
        self._closed = False
        self._lock = WriterLock(folder / "writer.lock", instead)
        self._seen = SeenIds()
        self._file: FileIO | None = None

    def recover(self, segments: list[Segment]) -> int:
        """Cut what follows the last whole batch, learn every event id and return how many bytes were cut.

        The bytes that are cut are kept beside the segment as ``*.cut``: they were never acknowledged, unless
        the disk damaged them afterwards.
        """
        cut = 0
        if segments:
            last = segments[-1]
            cut = _cut_tail(last)
            if last.schema is None:
                last.path.unlink()
                segments.pop()
        for segment in segments:
            for batch in segment.batches():
                self._seen.add(hash_ids(batch.column("event_id")))
        return cut

    def append(
        self, events: pa.Table | pa.RecordBatch, segments: list[Segment], extra: dict[str, pa.DataType]
    ) -> Appended:
        """Write events behind the last segment, in a new one when it is full or the columns grew.

        Args:
            events: As handed in.
            segments: The log's segments; a new one is added here.
            extra: Known input columns; new ones are added here.

        Raises:
            UnavailableError: When the log is closed or the disk takes no more; send the same events again.
        """
        if self._closed:
            raise UnavailableError(f"the event log in {self._folder} was closed; open it again to write")
        given = pa.table(events) if isinstance(events, pa.RecordBatch) else events
        table = conform(given, extra, strict=self._strict)
        hashes = hash_ids(table.column("event_id"))
        fresh = self._seen.unseen(hashes)
        accepted = int(fresh.sum())
        if accepted < len(fresh):
            table = table.filter(pa.array(fresh))
        extra.update({f.name: f.type for f in table.schema if "." in f.name})
        if accepted:
            self._write(_stamped(table), hashes[fresh], segments)
        return Appended(segments[-1].end if segments else 0, accepted, len(fresh) - accepted, fresh)

    def _write(self, table: pa.Table, hashes: npt.NDArray[np.int64], segments: list[Segment]) -> None:
        done = 0
        try:
            for batch in table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
                segment = self._segment_for(batch.schema, segments)
                position = segment.size
                self._put(segment, batch.serialize())
                segment.note(batch.num_rows, position)
                self._seen.add(hashes[done : done + batch.num_rows])
                done += batch.num_rows
        finally:
            if done:  # also what came before a failure: sent again, it is called a duplicate
                self._sync(segments[-1])

    def _segment_for(self, schema: pa.Schema, segments: list[Segment]) -> Segment:
        last = segments[-1] if segments else None
        if last is not None and last.size < SEGMENT_BYTES and schema.equals(last.schema):
            return last
        if last is not None:
            self._sync(last)
            if not last.rows:
                segments.pop()
        self._close_file()
        segment = Segment.made(self._folder, last.end if last else 0, schema)
        self._file = segment.path.open("ab", buffering=0)
        self._put(segment, schema.serialize())
        _sync_folder(self._folder)
        segments.append(segment)
        return segment

    def _put(self, segment: Segment, data: pa.Buffer) -> None:
        """Write bytes behind the last whole batch, all or nothing.

        Raises:
            UnavailableError: When the disk takes no more.
        """
        file = self._opened(segment)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            file.truncate(segment.size)
            raise UnavailableError(
                f"events could not be written to {segment.path}: {error}; "
                "nothing of this batch was kept: make room and send it again"
            ) from error
        segment.size += data.size

    def _opened(self, segment: Segment) -> FileIO:
        if self._file is None:
            self._file = segment.path.open("ab", buffering=0)
        return self._file

    def _sync(self, segment: Segment) -> None:
        """Flush to disk; after a failure nobody knows what is there, so the log closes.

        Raises:
            UnavailableError: When the disk reports an error.
        """
        try:
            os.fsync(self._opened(segment).fileno())
        except OSError as error:
            self.close()
            raise UnavailableError(f"{segment.path}: {error}; open the log again") from error

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close the file and release the lock."""
        self._closed = True
        self._close_file()
        self._lock.release()


def _stamped(table: pa.Table) -> pa.Table:
    column = table.column("arrival_time")
    if not column.null_count:
        return table
    now = pa.scalar(datetime.now(UTC), type=column.type)
    index = table.column_names.index("arrival_time")
    return table.set_column(index, table.schema.field(index), pc.fill_null(column, now))


def _cut_tail(segment: Segment) -> int:
    with segment.path.open("r+b") as file:
        tail = file.seek(0, os.SEEK_END) - segment.size
        if tail:
            file.seek(segment.size)
            with segment.path.with_suffix(".cut").open("ab") as kept:
                kept.write(file.read())
            file.truncate(segment.size)
            os.fsync(file.fileno())
    return tail


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
