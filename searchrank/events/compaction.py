"""Small segments and small batches become large ones, beside the writer, without moving an offset.

A merge copies sealed segments that lie side by side into one. It runs in a thread of the writing process, which only
reads files that no longer change; the writer itself puts the result in their place, between two appends. A merge that a
crash interrupts leaves a draft, or segments whose events another already holds; the next writer clears both.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from searchrank.errors import DataError
from searchrank.events.rewriting import Draft, write_draft
from searchrank.events.schema import CORE
from searchrank.events.seal import Seal
from searchrank.events.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["MERGE_ROWS", "Compaction", "merge", "to_merge"]

_LOGGER = logging.getLogger(__name__)

MERGE_ROWS: Final = (1 << 14, 1 << 17)
"""Segments of fewer events are merged as soon as they add up to this many; then the same with the next number."""
BATCH_ROWS: Final = 1 << 16


class Compaction:
    """At most one merge at a time, in a thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="compaction")
        self._under_way: tuple[list[Path], Future[Draft]] | None = None

    def start(self, sealed: Sequence[Segment]) -> None:
        """Begin a merge if there is something to merge and none is under way."""
        run = [] if self._under_way else to_merge(sealed)
        if run:
            paths = [segment.path for segment in run]
            self._under_way = paths, self._pool.submit(merge, paths)

    def finish(self, segments: list[Segment], *, wait: bool = False) -> None:
        """Put the result of a finished merge in the place of what was merged.

        Args:
            segments: The log's segments; changed.
            wait: Whether to wait for a merge that is under way.
        """
        if self._under_way is None or not (wait or self._under_way[1].done()):
            return
        (paths, future), self._under_way = self._under_way, None
        try:
            merged = future.result().swap(paths)
        except (OSError, DataError, pa.ArrowInvalid) as error:
            _LOGGER.warning("small segments of the event log in %s stay as they are: %s", paths[0].parent, error)
            return
        for at in [number for number, segment in enumerate(segments) if segment.path == paths[0]]:
            segments[at : at + len(paths)] = [merged]

    def close(self, segments: list[Segment]) -> None:
        """Wait for a merge that is under way, and end the thread."""
        self.finish(segments, wait=True)
        self._pool.shutdown()


def to_merge(sealed: Sequence[Segment]) -> list[Segment]:
    """Return which of the sealed segments, the last ones, should become one; empty when none."""
    for enough in MERGE_ROWS:
        run: list[Segment] = []
        for segment in reversed(sealed):
            if segment.rows >= enough:
                break
            run.insert(0, segment)
        if len(run) > 1 and sum(segment.rows for segment in run) >= enough:
            return run
    return []


def merge(paths: Sequence[Path]) -> Draft:
    """Write one segment with the events of several that lie side by side.

    Columns that are null throughout are left out.

    Args:
        paths: Their files, in order.

    Raises:
        DataError: When one is damaged.
    """
    segments = [Segment(path) for path in paths]
    for segment in segments:
        seal = Seal.load(segment.path)
        if seal is not None:
            seal.check(segment)
    tables = [pa.Table.from_batches(segment.batches(), segment.schema) for segment in segments]
    if [len(table) for table in tables] != [segment.rows for segment in segments]:
        raise DataError(f"{paths[0].parent} changed while it was compacted")
    table = pa.concat_tables(tables, promote_options="default").combine_chunks()
    kept = [name for name in table.column_names if name in CORE.names or table.column(name).null_count < len(table)]
    table = table.select(kept)
    batches = table.to_batches(max_chunksize=BATCH_ROWS)
    return write_draft(segments[0].path.parent, segments[0].first, table.schema, batches)
