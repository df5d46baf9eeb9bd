"""A workspace's files become its live snapshot: catalogue, statistics and every recall index, published together."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from recall.build import BuiltIndex, IndexSources, build_indexes
from recall.config import RecallConfig
from searchrank.errors import DataError, NotFoundError
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.features.history import EVENT_COLUMNS, EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, publish, snapshot_id
from searchrank.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from searchrank.workspace import Workspace

    Progress = Callable[[int, int, str], None]

__all__ = ["Indexed", "index_workspace", "read_table", "recall_configs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What was published.

    Attributes:
        snapshot: Its folder.
        items: Items of the catalogue.
        users: User profiles.
        events: Events that were counted.
        indexes: The recall indexes.
        seconds: Time it all took.
    """

    snapshot: Path
    items: int
    users: int
    events: int
    indexes: tuple[BuiltIndex, ...]
    seconds: float


def index_workspace(
    workspace: Workspace,
    *,
    as_of: int | None = None,
    progress: Progress = lambda _done, _total, _what: None,
) -> Indexed:
    """Build a snapshot of a workspace with the indexes of all its surfaces, and make it the live one.

    What was live stays so until the last moment, and for good if anything fails.

    Args:
        workspace: Holds the project, the feature set, the catalogue and the event log.
        as_of: Only events known before this count, microseconds since 1970, UTC; None counts the whole log.
        progress: Called with (done, total, what comes now).

    Raises:
        NotFoundError: When the project, the catalogue or the log is missing.
        ConfigError: When the project asks for something that cannot be built.
        DataError: When a file does not hold what was declared.
    """
    start = time.monotonic()
    configs = recall_configs(Project.load(workspace))
    features = FeatureSet.load(workspace.features)
    items = read_table(workspace.items, "items")
    users = read_table(workspace.users, "users") if workspace.users.exists() else None
    progress(0, 1, "events")
    events, offset = _read_events(workspace)
    known = as_of if as_of is not None else int(events.known_time[-1]) + 1 if len(events) else time.time_ns() // 1_000
    source = SnapshotSource(items=items, users=users, events=events.before(known), as_of=known, event_offset=offset)
    folder = Snapshot.build(workspace.snapshots / snapshot_id(known), features, source, progress)
    try:
        catalogue = Snapshot.open(folder, features).catalogue
        sources = IndexSources(inputs=features.inputs, items=items, events=source.events, catalogue=catalogue)
        built = build_indexes(folder, configs.values(), sources, progress)
        publish(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Indexed(
        snapshot=folder,
        items=len(items),
        users=len(users) if users is not None else 0,
        events=len(source.events),
        indexes=built,
        seconds=time.monotonic() - start,
    )


def recall_configs(project: Project) -> dict[str, RecallConfig]:
    """Return the recall configuration of every surface.

    Raises:
        ConfigError: When one is wrong; names the surface.
    """
    return {
        name: RecallConfig.parse(surface.recall, field=f"surfaces.{name}.recall")
        for name, surface in project.surfaces.items()
    }


def read_table(path: Path, what: str) -> pa.Table:
    """Map a raw table of a workspace; ``what`` names its rows.

    Raises:
        NotFoundError: When there is no such file.
        DataError: When it is no Arrow IPC file.
    """
    if not path.is_file():
        raise NotFoundError(
            f"no {what} in {path}; write them there (Arrow IPC, one row each), or run 'searchrank demo'"
        )
    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is not an Arrow IPC file: {error}") from error


def _read_events(workspace: Workspace) -> tuple[EventColumns, int]:
    """Return all events and the offset after them; there may be none yet.

    Raises:
        NotFoundError: When there is no log.
    """
    log = EventLog.open(workspace.events)
    events = EventColumns.from_batches(log.read(columns=EVENT_COLUMNS))
    return events, len(events)
