"""Group commit: what several callers want written goes to the event log at once, and each is told its own count."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from predictor.journal_wire import Refused, Written
from searchrank.errors import InvalidInputError, SearchRankError
from searchrank.events import EventLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Committer"]

INSTEAD: Final = "the service is writing; send them through `searchrank ingest`"
_logger = logging.getLogger("searchrank.journal")


class Committer:
    """The one writer of a log; used from one thread. A log that fails is opened again for the next group."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log: EventLog | None = None

    def open(self) -> str:
        """Open the log unless it is open; return in words why it cannot be written, or nothing."""
        try:
            self._opened()
        except (SearchRankError, OSError) as error:
            return f"the event log cannot be written: {error}"
        return ""

    def commit(self, parts: Sequence[pa.RecordBatch]) -> list[Written | Refused]:
        """Write all parts with one flush to disk and say what became of each, in order.

        A part that the log refuses does not touch the others. After a failure all, some or nothing of a part is
        in the log: sent again, it is written once.
        """
        if not parts:
            return []
        try:
            return self._append(parts)
        except (InvalidInputError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
            if len(parts) == 1:
                return [Refused(str(error), getattr(error, "field", "") or "changes")]
        except (SearchRankError, OSError) as error:
            _logger.error("%d parts were not written: %s", len(parts), error)  # noqa: TRY400 - its words say all
            self.close()
            return [Refused(f"the event log cannot be written: {error}", "")] * len(parts)
        return [result for part in parts for result in self.commit([part])]

    def _append(self, parts: Sequence[pa.RecordBatch]) -> list[Written | Refused]:
        table = pa.concat_tables([pa.Table.from_batches([part]) for part in parts], promote_options="default")
        done = self._opened().append(table)
        results: list[Written | Refused] = []
        start = 0
        for part in parts:
            accepted = int(done.fresh[start : start + len(part)].sum())
            results.append(Written(done.offset, accepted, len(part) - accepted))
            start += len(part)
        return results

    def _opened(self) -> EventLog:
        if self._log is None:
            self._log = EventLog.open(self._folder, writable=True, instead=INSTEAD)
        return self._log

    def close(self) -> None:
        """Let go of the log."""
        if self._log is not None:
            self._log.close()
            self._log = None
