"""The snapshot that training reads: the workspace's own if it is up to date, else one made for the purpose."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from recall.indexes.documents import read_tables
from searchrank.errors import DataError, NotFoundError
from searchrank.events import EventLog
from searchrank.features.history import EVENT_COLUMNS, EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from searchrank.features import FeatureSet
    from searchrank.workspace import Workspace

__all__ = ["open_state", "raw_tables", "read_events"]


@contextmanager
def open_state(workspace: Workspace, feature_set: FeatureSet, log: EventLog, until: int) -> Iterator[Snapshot]:
    """Open a snapshot that knows every event of the log, every input of the feature set and the tables as they are.

    Args:
        workspace: Where the catalogue and the snapshots are.
        feature_set: Declares inputs and statistics.
        log: The event log.
        until: Time of the last request that will be asked about, microseconds since 1970 UTC.

    Raises:
        NotFoundError: When the workspace has no catalogue.
        DataError: When a table or event does not hold what is declared.
    """
    found = _published(workspace, feature_set)
    if found is not None and found.manifest.event_offset >= log.end and found.manifest.as_of > until:
        yield found
        return
    with tempfile.TemporaryDirectory(prefix=".training-", dir=workspace.root) as folder:
        yield Snapshot.open(
            Snapshot.build(Path(folder) / "state", feature_set, _source(workspace, feature_set, log)), feature_set
        )


def _published(workspace: Workspace, feature_set: FeatureSet) -> Snapshot | None:
    """Return the workspace's snapshot, or None when there is none for these inputs and this catalogue."""
    try:
        folder = current(workspace.snapshots)
        made = (folder / "manifest.json").stat().st_mtime_ns
        tables = [path for path in (workspace.items, workspace.users) if path.is_file()]
        if any(path.stat().st_mtime_ns >= made for path in tables):
            return None
        return Snapshot.open(folder, feature_set)
    except (DataError, NotFoundError, FileNotFoundError):
        return None


def _source(workspace: Workspace, feature_set: FeatureSet, log: EventLog) -> SnapshotSource:
    """Read what a snapshot is made from.

    Raises:
        NotFoundError: When the workspace has no catalogue.
    """
    items, users = raw_tables(workspace, feature_set, log)
    end = log.end
    events = read_events(log)
    last = int(events.known_time[-1]) + 1 if len(events) else 0
    return SnapshotSource(items=items, users=users, events=events, as_of=last, event_offset=end)


def read_events(log: EventLog) -> EventColumns:
    """Return all events as statistics and recall count them."""
    return EventColumns.from_batches(log.read(columns=EVENT_COLUMNS))


def raw_tables(workspace: Workspace, feature_set: FeatureSet, log: EventLog) -> tuple[pa.Table, pa.Table | None]:
    """Return the raw catalogue and, if there are any, the raw profiles, with what the log has changed.

    Raises:
        NotFoundError: When the workspace has no catalogue.
        DataError: When a file is not what it must be.
    """
    tables = read_tables(workspace, feature_set, log, log.end)
    return tables.items, tables.users
