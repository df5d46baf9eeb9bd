"""The append-only event log: what is acknowledged stays; one writer, many readers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from searchrank.errors import ConflictError, DataError, NotFoundError
from searchrank.events.schema import CORE
from searchrank.events.segment import Segment, segment_paths
from searchrank.events.writer import Appended, LogWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["EventLog"]

_LOGGER = logging.getLogger(__name__)


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
                log.repaired = writer.recover(log._segments)
        except BaseException:
            log.close()
            raise
        if log.repaired:
            _LOGGER.warning("cut %d bytes of an unfinished append off the event log in %s", log.repaired, folder)
        return log

    def refresh(self) -> None:
        """Look for events that a writer has added since.

        Raises:
            DataError: When a segment ends before the next one begins.
        """
        if self._segments and not self._segments[-1].rows:
            self._segments.pop()
        if self._segments:
            self._segments[-1].refresh()
        known = {segment.path for segment in self._segments}
        for path in segment_paths(self.folder):
            if path in known:
                continue
            if self._segments:
                self._segments[-1].refresh()
            segment = Segment(path)
            if self._segments and self._segments[-1].end != segment.first:
                last = self._segments[-1]
                raise DataError(f"{last.path} ends at offset {last.end}, but {path.name} follows: the log is damaged")
            self._segments.append(segment)
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

        A null ``arrival_time`` becomes now. Events whose ``event_id`` the log has, or that came earlier
        in the same append, are dropped and counted.

        Args:
            events: Columns of ``schema``; only ``event_id``, ``kind`` and ``event_time`` are required.

        Raises:
            ConflictError: When the log was not opened with ``writable=True``.
        """
        if self._writer is None:
            raise ConflictError(f"the event log in {self.folder} is open for reading; open it with writable=True")
        return self._writer.append(events, self._segments, self._extra)

    def read(self, start: int = 0, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Give the events from an offset on, batch by batch, as far as the log reaches now.

        Args:
            start: Offset of the first event.
            columns: Names in the wanted order; all when None.

        Raises:
            DataError: When a column is in neither the log nor the schema it was opened with.
        """
        names = self.schema.names if columns is None else list(columns)
        wanted = self._wanted(names)
        if start < self.end:
            for segment in list(self._segments):
                for batch in segment.batches(max(start - segment.first, 0)):
                    yield _project(batch, wanted)

    def _wanted(self, names: Sequence[str]) -> pa.Schema:
        for name in names:
            if name not in self.schema.names:
                raise DataError(f"the event log has no such column; it has {', '.join(self.schema.names)}", field=name)
        return pa.schema([self.schema.field(name) for name in names])

    def table(self, start: int = 0, columns: Sequence[str] | None = None) -> pa.Table:
        """Return what ``read`` gives as one table of views on the mapped files."""
        names = self.schema.names if columns is None else list(columns)
        batches = list(self.read(start, names))
        return pa.Table.from_batches(batches, schema=self._wanted(names))

    def close(self) -> None:
        """Let the next writer in."""
        if self._writer is not None:
            self._writer.close()

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
