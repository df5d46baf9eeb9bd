"""What a state reads of the event log: stretches of it as single batches, from which counted events are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.events import EventLog
from searchrank.features.history import EVENT_COLUMNS, EventColumns

__all__ = ["LogReader", "counted"]

_CHUNK = 1 << 18  # events looked at together


class LogReader:
    """Reads some columns of a log that may appear later; used on one thread at a time."""

    def __init__(self, folder: Path, columns: Iterable[str]) -> None:
        """Open nothing yet.

        Args:
            folder: Of the log.
            columns: What is read, as far as the log has it.
        """
        self.folder = folder
        self._columns = tuple(dict.fromkeys(columns))
        self._log: EventLog | None = None

    @property
    def log(self) -> EventLog | None:
        """The log, None while there is none."""
        if self._log is None and self.folder.is_dir():
            self._log = EventLog.open(self.folder)
        return self._log

    @property
    def end(self) -> int:
        """Offset after the last event; 0 while there is no log."""
        return self.log.end if self.log is not None else 0

    def read(self, start: int, stop: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield events in order, many at a time, since many small batches cost more to look at.

        Args:
            start: Offset of the first.
            stop: Offset after the last; None: as far as the log reaches.
        """
        log = self.log
        if log is None:
            return
        known = set(log.schema.names)
        held: list[pa.RecordBatch] = []
        rows, left = 0, log.end - start if stop is None else stop - start
        for batch in log.read(start, [name for name in self._columns if name in known]):
            held.append(batch.slice(0, left))
            rows, left = rows + len(held[-1]), left - len(held[-1])
            if rows >= _CHUNK or not left:
                yield _joined(held)
                held, rows = [], 0
            if not left:
                break


def counted(batch: pa.RecordBatch, kinds: tuple[str, ...]) -> EventColumns:
    """Return the events of some kinds, which are numbered as given."""
    told = pc.is_in(batch.column("kind"), pa.array(kinds, pa.string()))
    wanted = batch.select([name for name in EVENT_COLUMNS if name in batch.schema.names]).filter(told)
    events = EventColumns.from_batches([wanted])
    codes = np.array([kinds.index(kind) for kind in events.kinds], np.int32)
    return replace(events, kinds=kinds, kind=codes[events.kind] if len(events) else events.kind)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return batch
