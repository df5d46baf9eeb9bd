"""Follows the event log from where a snapshot ends, and makes of each stretch the state that follows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from searchrank.events import EventLog
from searchrank.features.catalogue import stored_inputs
from searchrank.features.history import EVENT_COLUMNS, EventColumns
from searchrank.features.inputs import Root
from searchrank.features.records import Encoder
from searchrank.state.links import LINK_COLUMNS, Links
from searchrank.state.overlay import Overlay
from searchrank.state.state import State
from searchrank.state.tiers import Tiers, joined

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.features.snapshot import Snapshot

__all__ = ["LONG", "Tail"]

LONG: Final = 2_000_000
"""Events after a snapshot at which a new one is due."""

LINKS: Final = "links.npy"
"""Links told before a snapshot, in its folder; without the file they are looked for in the log."""

_CHUNK: Final = 1 << 18  # events looked at together
_logger = logging.getLogger("searchrank.state")


class Tail:
    """Reads on from a snapshot. ``advance`` and ``merge`` may run on different threads, each on one at a time.

    Memory: see ``Overlay`` for what is put; a counted event takes about 60 bytes and what its parts hold of it.
    """

    def __init__(self, snapshot: Snapshot, feature_set: FeatureSet, events: Path, *, people: bool = True) -> None:
        """Begin where the snapshot ends; nothing is read yet.

        Args:
            snapshot: Opened for ``feature_set``.
            feature_set: Says how documents are encoded.
            events: Folder of the event log; may appear later.
            people: Whether statistics of users and queries are followed; without them, those of items alone.
        """
        self._folder = events
        self._log: EventLog | None = None
        history = snapshot.history
        series = {key: number for key, number in history.series.items() if people or key.root is Root.ITEM}
        self._tiers = Tiers(replace(history, series=series), snapshot.catalogue)
        self._kinds = tuple(sorted({kind for key in series for kind in (key.event, key.over) if kind}))
        bases = {Root.ITEM: snapshot.catalogue, Root.USER: snapshot.users}
        items, users = (Overlay(root, base, Encoder(stored_inputs(feature_set, root))) for root, base in bases.items())
        self._columns = dict.fromkeys([*EVENT_COLUMNS, *LINK_COLUMNS, *items.encoder.inputs, *users.encoder.inputs])
        self._state = State(snapshot, history, items, users, Links(), snapshot.manifest.event_offset)
        self._warn_at = LONG
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """The state as far as ``advance`` has come."""
        return self._state

    def advance(self) -> State:
        """Take in what the log has told since; return the state after it, the same object when there is nothing.

        Raises:
            DataError: When the log is damaged, or is not the one that the snapshot was made from.
        """
        with self._lock:
            log = self._opened()
            if log is None or log.end <= self._state.offset:
                return self._state
            counted = []
            state = self._state
            known = set(log.schema.names)
            for batch in _chunks(log.read(state.offset, [name for name in self._columns if name in known])):
                counted.append(_counted(batch, self._kinds))
                state = _told(state, batch)
            self._tiers = self._tiers.extended(joined(counted))
            self._state = self._with_parts(state)
            self._warn()
            return self._state

    def merge(self) -> bool:
        """Make fewer parts of the older events, if there are too many; return whether there were.

        It takes about a second for a million events, so that ``advance`` does not do it. The values read do not change.
        """
        tiers = self._tiers
        loose = tiers.loose
        if not loose:
            return False
        merged = tiers.merged(loose)
        with self._lock:
            self._tiers = self._tiers.replaced(loose, merged)
            self._state = self._with_parts(self._state)
        return True

    def _with_parts(self, state: State) -> State:
        parts = [tier.part for tier in self._tiers.tiers]
        base = state.snapshot.history
        return replace(state, history=base.extended(parts) if parts else base)

    def _opened(self) -> EventLog | None:
        """Return the log, None while there is none.

        Raises:
            DataError: When it ends before the snapshot does.
        """
        if self._log is None and self._folder.is_dir():
            log, offset = EventLog.open(self._folder), self._state.offset
            if log.end < offset:
                raise DataError(
                    f"the event log in {self._folder} ends at {log.end}, but {self._state.snapshot.folder} was made "
                    f"from {offset} events: it is another log; run 'searchrank refresh'"
                )
            known = self._state.snapshot.folder / LINKS
            links = Links.open(known) if known.exists() else Links.read(log, offset)
            self._state = replace(self._state, links=links)
            self._log = log
        return self._log

    def _warn(self) -> None:
        behind = self._state.offset - self._state.snapshot.manifest.event_offset
        if behind >= self._warn_at:
            self._warn_at = 2 * behind
            _logger.warning("%d events since the snapshot are kept in memory; run 'searchrank refresh'", behind)


def _told(state: State, batch: pa.RecordBatch) -> State:
    """Return the state with the documents and links of further events."""
    first = state.offset
    return replace(
        state,
        items=state.items.applied(batch, first),
        users=state.users.applied(batch, first),
        links=state.links.applied(batch, first),
        offset=first + len(batch),
    )


def _counted(batch: pa.RecordBatch, kinds: tuple[str, ...]) -> EventColumns:
    """Return the events of some kinds, which are numbered as given."""
    told = pc.is_in(batch.column("kind"), pa.array(kinds, pa.string()))
    wanted = batch.select([name for name in EVENT_COLUMNS if name in batch.schema.names]).filter(told)
    events = EventColumns.from_batches([wanted])
    codes = np.array([kinds.index(kind) for kind in events.kinds], np.int32)
    return replace(events, kinds=kinds, kind=codes[events.kind] if len(events) else events.kind)


def _chunks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield events in larger batches, since many small ones cost more to look at."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += len(batch)
        if rows >= _CHUNK:
            yield _one(held)
            held, rows = [], 0
    if rows:
        yield _one(held)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return batch
