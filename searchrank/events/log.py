"""The append-only event log: what is acknowledged stays; one writer, many readers."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from searchrank.errors import ConflictError, DataError, NotFoundError
from searchrank.events.forgetting import Forgotten, erase, find, remove_cut
from searchrank.events.kinds import DELETE_USER
from searchrank.events.listing import scan
from searchrank.events.schema import CORE
from searchrank.events.seal import Seal
from searchrank.events.segment import Segment
from searchrank.events.writer import Appended, LogWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["EventLog"]

_LOGGER = logging.getLogger(__name__)
_MISSES: Final = 5


@dataclass(slots=True)
class EventLog:
    """A folder of events with offsets 0, 1, 2, …; made by ``open``; used from one thread.

    Attributes:
        folder: Where the segments are.
        repaired: Bytes of a torn tail that opening for writing cut off.
    """

    folder: Path
    repaired: int
    _segments: list[Segment]
    _extra: dict[str, pa.DataType]
    _writer: LogWriter | None

    @classmethod
    def open(cls, folder: Path, *, writable: bool = False, schema: pa.Schema | None = None, instead: str = "") -> Self:
        """Open a log; for writing it is made if absent, locked, and a torn tail is cut off.

        Args:
            folder: The log's own folder.
            writable: Whether ``append`` will be called.
            schema: From ``schema(feature_set)``: its columns can be read even if no event has them yet, and
                ``append`` refuses columns outside it and the log. Without it any column
                of ``INPUT_ROOTS`` is taken as it comes.
            instead: What others who want to write meanwhile are told to do; empty: to wait.

        Raises:
            NotFoundError: When a log to be read does not exist.
            ConflictError: When another process writes this log.
            DataError: When a segment is damaged before its end, or ``schema`` contradicts the log.
        """
        if writable:
            folder.mkdir(parents=True, exist_ok=True)
        elif not folder.is_dir():
            raise NotFoundError(
                f"there is no event log in {folder}; run 'searchrank demo' or make one with writable=True"
            )
        writer = LogWriter(folder, strict=schema is not None, instead=instead) if writable else None
        log = cls(folder, 0, [], {}, writer)
        try:
            log.refresh()
            log._declare(schema)
            if writer is not None:
                found = writer.recover(log._segments)
                log.repaired = found.cut
                if found.cut:
                    _LOGGER.warning(
                        "cut %d bytes of an unfinished append off the event log, kept in %s", found.cut, found.kept
                    )
        except BaseException:
            log.close()
            raise
        return log

    def refresh(self) -> None:
        """Look for events that a writer has added since; costs one stat when there are none.

        Raises:
            DataError: When a segment ends before the next one begins.
        """
        last = self._segments[-1] if self._segments else None
        if last is not None and last.rows and not last.sealed:
            rows = last.rows
            if last.refresh() and not last.sealed:
                if rows != last.rows:
                    self._learn(last.schema)
                return
        self._rescan()

    def _rescan(self, *, afresh: bool = False) -> None:
        self._segments[:] = scan(self.folder, () if afresh else self._segments)
        for segment in self._segments:
            self._learn(segment.schema)

    def _learn(self, schema: pa.Schema | None) -> None:
        for field in schema or ():
            if field.name not in CORE.names:
                self._extra.setdefault(field.name, field.type)

    def _declare(self, schema: pa.Schema | None) -> None:
        for field in schema or ():
            known = self.schema.field(field.name).type if field.name in self.schema.names else field.type
            if not known.equals(field.type):
                raise DataError(f"the log holds {known}, the feature set declares {field.type}", field=field.name)
            if field.name not in CORE.names:
                self._extra[field.name] = field.type

    @property
    def schema(self) -> pa.Schema:
        """Every column that ``read`` can give."""
        return pa.schema([*CORE, *(pa.field(name, kind) for name, kind in self._extra.items())])

    @property
    def end(self) -> int:
        """Offset after the last event; asks the files again when the log is open for reading only."""
        if self._writer is None:
            self.refresh()
        return self._segments[-1].end if self._segments else 0

    def append(self, events: pa.Table | pa.RecordBatch) -> Appended:
        """Add events; when this returns they are on disk, or were there already.

        A null ``arrival_time`` becomes now, but strictly later than every arrival before it. Events whose
        ``event_id`` the log has, or that came earlier in the same append, are dropped and counted.

        Args:
            events: Columns of ``schema``; only ``event_id``, ``kind`` and ``event_time`` are required.

        Raises:
            ConflictError: When the log was not opened with ``writable=True``.
        """
        if self._writer is None:
            raise ConflictError(f"the event log in {self.folder} is open for reading; open it with writable=True")
        return self._writer.append(events, self._segments, self._extra)

    def read(
        self, start: int = 0, columns: Sequence[str] | None = None, *, end: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Give the events from an offset on, batch by batch, as far as the log reaches now.

        A follower asks again from where it was; without new events that costs one stat. Files may be compacted while
        they are read.

        Args:
            start: Offset of the first event.
            columns: Names in the wanted order; all when None.
            end: Offset before which to stop.

        Raises:
            DataError: When a column is in neither the log nor the schema it was opened with, or a file is damaged.
        """
        reached = self.end
        names = self.schema.names if columns is None else list(columns)
        wanted = self._wanted(names)
        at, stop = start, reached if end is None else min(end, reached)
        misses = 0
        while at < stop:
            before = at
            for batch in self._batches(at, names):
                yield _project(batch.slice(0, stop - at), wanted)
                at += min(batch.num_rows, stop - at)
                if at >= stop:
                    return
            misses = 0 if at > before else misses + 1
            if misses > _MISSES:
                raise DataError(f"the event log in {self.folder} ends at offset {at} but had {reached} events before")
            self._rescan(afresh=True)

    def _batches(self, start: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give batches from an offset on, until the log ends or a file is not the one that was indexed."""
        for segment in list(self._segments):
            if segment.end > start:
                rows = max(start - segment.first, 0)
                for batch in segment.batches(rows, names):
                    rows += batch.num_rows
                    yield batch
                if rows < segment.rows:
                    return

    def _wanted(self, names: Sequence[str]) -> pa.Schema:
        for name in names:
            if name not in self.schema.names:
                raise DataError(f"the event log has no such column; it has {', '.join(self.schema.names)}", field=name)
        return pa.schema([self.schema.field(name) for name in names])

    def table(self, start: int = 0, columns: Sequence[str] | None = None, *, end: int | None = None) -> pa.Table:
        """Return what ``read`` gives as one table."""
        names = self.schema.names if columns is None else list(columns)
        batches = list(self.read(start, names, end=end))
        return pa.Table.from_batches(batches, schema=self._wanted(names))

    def forget(self, user_id: str) -> Forgotten:
        """Take a person out of every event; see ``searchrank.events.forgetting``.

        When there is something of them, a ``delete_user`` event is appended first, and every segment that names them,
        also in that event, is then rewritten. Run again after a crash, it does the rest. Events keep their offsets.

        Args:
            user_id: Who; other ids linked with it are told, not followed.

        Raises:
            ConflictError: When the log was not opened with ``writable=True``.
            DataError: When a segment is damaged.
        """
        if self._writer is None:
            raise ConflictError(f"the event log in {self.folder} is open for reading; open it with writable=True")
        _, found = find(self._segments, user_id)
        if found.events:
            told = {"event_id": uuid.uuid4().hex, "kind": DELETE_USER, "event_time": datetime.now(UTC)}
            self.append(pa.Table.from_pylist([told | {"user_id": user_id}]))
        self._writer.seal(self._segments)
        for segment in find(self._segments, user_id)[0]:
            self._segments[self._segments.index(segment)] = erase(segment, user_id)
        remove_cut(self.folder)
        return found

    def verify(self) -> int:
        """Compare what sealed segments hold with their checksums.

        Returns:
            How many events, from the beginning of the log, are covered; the segment that still grows is not.

        Raises:
            DataError: When a batch is not what was written; names the file, the bytes and the offset.
        """
        covered = 0
        for segment in list(self._segments):
            seal = Seal.load(segment.path)
            if seal is None or not seal.check(segment):
                break
            covered = segment.end
        return covered

    def close(self) -> None:
        """Let the next writer in."""
        if self._writer is not None:
            self._writer.close(self._segments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _project(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    present = set(batch.schema.names)
    columns = [
        batch.column(field.name) if field.name in present else pa.nulls(batch.num_rows, field.type) for field in wanted
    ]
    return pa.record_batch(columns, schema=wanted)
