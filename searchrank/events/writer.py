"""The writing half of the log: lock, validate, drop duplicates, stamp, write, flush to disk, acknowledge."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.durable import sync
from searchrank.errors import UnavailableError
from searchrank.events.compaction import Compaction
from searchrank.events.identity import SeenIds, hash_ids
from searchrank.events.lock import WriterLock
from searchrank.events.recovery import Recovered, recover
from searchrank.events.seal import NEVER, Seal, checksum, last_arrival
from searchrank.events.segment import END_MARK, Segment
from searchrank.events.validation import conform

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

__all__ = ["Appended", "LogWriter"]

SEGMENT_BYTES: Final = 128 << 20
SEGMENT_BATCHES: Final = 2048
BATCH_ROWS: Final = 1 << 16

_LOGGER = logging.getLogger(__name__)
_DAY_US: Final = 86_400_000_000


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
        self._lock = WriterLock(folder / "writer.lock", f"the event log in {folder} is being written", instead)
        self._seen = SeenIds()
        self._last_arrival = NEVER
        self._sums: list[int] = []
        self._ids: list[npt.NDArray[np.int64]] = []
        self._file: FileIO | None = None
        self._compaction = Compaction()

    def recover(self, segments: list[Segment]) -> Recovered:
        """Clear what a crash left behind and learn every event id; see ``searchrank.events.recovery``."""
        found = recover(self._folder, segments)
        self._seen, self._last_arrival = found.seen, found.last_arrival
        if found.last is not None:
            self._sums = found.last.columns["sums"].tolist()
            self._ids = [found.last.columns["ids"]]
        return found

    def append(
        self, events: pa.Table | pa.RecordBatch, segments: list[Segment], extra: dict[str, pa.DataType]
    ) -> Appended:
        """Write events behind the last segment, in a new one when it is full or the columns grew.

        Args:
            events: As handed in.
            segments: The log's segments; new and merged ones are put in here.
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
            self._compaction.finish(segments)
            self._write(self._stamped(table), hashes[fresh], segments)
        return Appended(segments[-1].end if segments else 0, accepted, len(fresh) - accepted, fresh)

    def _write(self, table: pa.Table, hashes: npt.NDArray[np.int64], segments: list[Segment]) -> None:
        done = 0
        try:
            for batch in table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
                segment = self._segment_for(batch.schema, segments)
                position = segment.size
                data = _projected(batch, segment).serialize()
                self._put(segment, data)
                segment.note(batch.num_rows, position, position + data.size)
                self._note(data, hashes[done : done + batch.num_rows], last_arrival(batch.column("arrival_time")))
                done += batch.num_rows
        finally:
            if done:  # also what came before a failure: sent again, it is called a duplicate
                self._sync(segments[-1])

    def _note(self, data: pa.Buffer, hashes: npt.NDArray[np.int64], last: int) -> None:
        self._seen.add(hashes)
        self._ids.append(hashes)
        self._sums.append(checksum(data))
        self._last_arrival = max(self._last_arrival, last)

    def _segment_for(self, schema: pa.Schema, segments: list[Segment]) -> Segment:
        last = segments[-1] if segments else None
        if last is not None:
            full = last.sealed or last.size >= SEGMENT_BYTES or len(last.starts) >= SEGMENT_BATCHES
            if not full and set(schema.names) <= set(last.schema.names if last.schema else ()):
                return last
            if not full:
                schema = pa.unify_schemas([last.schema, schema])
            self._end(last, segments)
        segment = Segment.made(self._folder, last.end if last else 0, schema)
        self._file = segment.path.open("ab", buffering=0)
        self._put(segment, segment.head, at=0)
        sync(self._folder)
        segments.append(segment)
        self._compaction.start(segments[:-1])
        return segment

    def _end(self, segment: Segment, segments: list[Segment]) -> None:
        """Seal the last segment, or forget it when nothing is in it."""
        if not segment.rows:
            segments.pop()
        elif not segment.sealed:
            self._put(segment, END_MARK)
            self._sync(segment)
            segment.sealed = True
            self._seal(segment)
        self._close_file()
        self._sums, self._ids = [], []

    def seal(self, segments: list[Segment]) -> None:
        """End the last segment and wait for a merge that is under way, so that all segments can be replaced."""
        self._compaction.finish(segments, wait=True)
        if segments:
            self._end(segments[-1], segments)

    def _seal(self, segment: Segment) -> None:
        extents = np.array(segment.extents, np.int64)
        columns = {
            "positions": extents[:, 0],
            "starts": np.array(segment.starts, np.int64),
            "sums": np.array(self._sums, np.int64),
            "ids": np.sort(np.concatenate(self._ids)),
        }
        size = segment.size + len(END_MARK)
        Seal(segment.token, segment.size, size, segment.rows, self._last_arrival, columns).save(segment.path)

    def _put(self, segment: Segment, data: pa.Buffer | bytes, *, at: int | None = None) -> None:
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
            file.truncate(segment.size if at is None else at)
            raise UnavailableError(
                f"events could not be written to {segment.path}: {error}; "
                "nothing of this batch was kept: make room and send it again"
            ) from error

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
            self.close([])
            raise UnavailableError(f"{segment.path}: {error}; open the log again") from error

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _stamped(self, table: pa.Table) -> pa.Table:
        """Fill in missing arrival times: now, but later than all before, each a microsecond after the other."""
        column = table.column("arrival_time")
        if not column.null_count:
            return table
        missing = pc.is_null(column).combine_chunks()
        now = time.time_ns() // 1_000
        first = max(now, self._last_arrival + 1, last_arrival(column) + 1)
        if first > now + _DAY_US:
            _LOGGER.warning(
                "the event log in %s has arrivals in the future; new ones are set behind them", self._folder
            )
        stamps = pa.array(first + np.arange(column.null_count), pa.int64()).cast(column.type)
        index = table.column_names.index("arrival_time")
        filled = pc.replace_with_mask(column.combine_chunks(), missing, stamps)
        return table.set_column(index, table.schema.field(index), filled)

    def close(self, segments: list[Segment]) -> None:
        """Close the file and release the lock.

        Args:
            segments: The log's segments; a merge that is under way is ended and put in.
        """
        if not self._closed:
            self._closed = True
            self._compaction.close(segments)
        self._close_file()
        self._lock.release()


def _projected(batch: pa.RecordBatch, segment: Segment) -> pa.RecordBatch:
    """Return a batch with exactly the columns of a segment, which has them all."""
    present = set(batch.schema.names)
    columns = [
        batch.column(f.name) if f.name in present else pa.nulls(len(batch), f.type) for f in segment.schema or ()
    ]
    return pa.record_batch(columns, schema=segment.schema)
