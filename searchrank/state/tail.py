"""Follows the event log from where a snapshot ends, and makes of each stretch the state that follows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from searchrank.errors import DataError
from searchrank.features.catalogue import stored_inputs
from searchrank.features.history import EVENT_COLUMNS
from searchrank.features.inputs import Root
from searchrank.features.records import Encoder
from searchrank.state.links import LINK_COLUMNS, Links
from searchrank.state.overlay import Overlay
from searchrank.state.reading import LogReader, counted
from searchrank.state.state import State
from searchrank.state.tiers import Tiers, joined

if TYPE_CHECKING:
    import pyarrow as pa

    from searchrank.features import FeatureSet
    from searchrank.features.history import History
    from searchrank.features.snapshot import Snapshot

__all__ = ["EVERYTHING", "LINKS", "LONG", "Tail", "kinds_of", "restricted"]

LONG: Final = 2_000_000
"""Events after a snapshot at which a new one is due."""
LINKS: Final = "links.npy"
"""Links told before a snapshot, in its folder; without the file they are looked for in the log."""
EVERYTHING: Final = frozenset({Root.ITEM, Root.USER, Root.QUERY})

_logger = logging.getLogger("searchrank.state")


class Tail:
    """Reads on from a snapshot. ``advance`` and ``merge`` may run on different threads, each on one at a time.

    Memory: see ``Overlay`` for what is put; a counted event takes about 60 bytes and what its parts hold of it.
    """

    def __init__(
        self, snapshot: Snapshot, feature_set: FeatureSet, events: Path, *, roots: Collection[Root] = EVERYTHING
    ) -> None:
        """Begin where the snapshot ends; nothing is read yet.

        Args:
            snapshot: Opened for ``feature_set``.
            feature_set: Says how documents are encoded.
            events: Folder of the event log; may appear later.
            roots: Whose documents and statistics are followed; of others those of the snapshot are seen.
        """
        self._roots = roots
        self._tiers = Tiers(restricted(snapshot.history, roots), snapshot.catalogue)
        self._kinds = kinds_of(self._tiers.base)
        bases = {Root.ITEM: snapshot.catalogue, Root.USER: snapshot.users}
        items, users = (Overlay(root, base, Encoder(stored_inputs(feature_set, root))) for root, base in bases.items())
        columns = [*EVENT_COLUMNS, *LINK_COLUMNS, *items.encoder.inputs, *users.encoder.inputs]
        self._reader = LogReader(events, columns)
        self._state = State(snapshot, snapshot.history, items, users, Links(), snapshot.manifest.event_offset)
        self._begun = False
        self._warn_at = LONG
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """The state as far as ``advance`` has come."""
        return self._state

    def advance(self, until: int | None = None) -> State:
        """Take in what the log has told since; return the state after it, the same object when there is nothing.

        Args:
            until: Offset to stop before, at most the log's end; None: as far as the log reaches.

        Raises:
            DataError: When the log is damaged, or is not the one that the snapshot was made from.
        """
        with self._lock:
            if not self._begun:
                self._begin()
            end = self._reader.end if until is None else until
            if end <= self._state.offset:
                return self._state
            events, state = [], self._state
            for batch in self._reader.read(state.offset, until):
                events.append(counted(batch, self._kinds))
                state = self._told(state, batch)
            self._tiers = self._tiers.extended(joined(events))
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

    def _begin(self) -> None:
        """Learn the links told before the snapshot, once there is a log.

        Raises:
            DataError: When the log ends before the snapshot does.
        """
        log, snapshot, offset = self._reader.log, self._state.snapshot, self._state.offset
        if log is None:
            return
        if log.end < offset:
            raise DataError(
                f"the event log in {self._reader.folder} ends at {log.end}, but {snapshot.folder} was made from "
                f"{offset} events: it is another log; run 'searchrank refresh'"
            )
        known = snapshot.folder / LINKS
        links = Links.open(known) if known.exists() else Links.read(log, offset)
        self._state = replace(self._state, links=links)
        self._begun = True

    def _told(self, state: State, batch: pa.RecordBatch) -> State:
        """Return the state with the documents and links of further events."""
        first = state.offset
        return replace(
            state,
            items=state.items.applied(batch, first) if Root.ITEM in self._roots else state.items,
            users=state.users.applied(batch, first) if Root.USER in self._roots else state.users,
            links=state.links.applied(batch, first),
            offset=first + len(batch),
        )

    def _with_parts(self, state: State) -> State:
        parts = [tier.part for tier in self._tiers.tiers]
        base = state.snapshot.history
        return replace(state, history=base.extended(parts) if parts else base)

    def _warn(self) -> None:
        behind = self._state.offset - self._state.snapshot.manifest.event_offset
        if behind >= self._warn_at:
            self._warn_at = 2 * behind
            _logger.warning("%d events since the snapshot are kept in memory; run 'searchrank refresh'", behind)


def restricted(history: History, roots: Collection[Root]) -> History:
    """Return a history that makes parts of some roots alone."""
    return replace(history, series={key: number for key, number in history.series.items() if key.root in roots})


def kinds_of(history: History) -> tuple[str, ...]:
    """Return the kinds of events that a history counts."""
    return tuple(sorted({kind for key in history.series for kind in (key.event, key.over) if kind}))
