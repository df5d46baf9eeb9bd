"""A workspace becomes its live snapshot: documents, statistics and every recall index, published together."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recall.config import RecallConfig
from recall.indexes.build import BuiltIndex, build_indexes
from recall.indexes.documents import Tables, read_tables
from recall.indexes.draft import Draft, digest_inputs, remove_drafts, unfinished
from recall.indexes.retention import KEPT, prune
from recall.indexes.sources import IndexSources
from recall.recaller import Recaller
from searchrank.errors import DataError, NotFoundError
from searchrank.events import RESERVED_KINDS, EventLog, WriterLock
from searchrank.features import FeatureSet
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import EVENT_COLUMNS, EventColumns
from searchrank.features.snapshot import (
    Manifest,
    Snapshot,
    SnapshotSource,
    current,
    publish,
    snapshot_id,
    write_manifest,
    write_parts,
)
from searchrank.project import Project
from searchrank.state import LINKS, Links

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from searchrank.workspace import Workspace

    Progress = Callable[[int, int, str], None]

__all__ = ["Refreshed", "recall_configs", "refresh_lock", "refresh_workspace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What is live now.

    Attributes:
        snapshot: Its folder.
        changed: Whether it was made by this run; otherwise nothing had changed since it was made.
        resumed: Whether the run went on with what an earlier one had left.
        items: Items of the catalogue.
        users: User profiles.
        events: Events of the log that it knows: its offset.
        behind: Events that came while it was made, or since a run began that was gone on with.
        indexes: The recall indexes that were built.
        removed: Ids of old snapshots that were removed.
        seconds: Time it all took.
    """

    snapshot: Path
    changed: bool
    resumed: bool
    items: int
    users: int
    events: int
    behind: int
    indexes: tuple[BuiltIndex, ...]
    removed: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Job:
    """What a run works on."""

    workspace: Workspace
    features: FeatureSet
    configs: Mapping[str, RecallConfig]
    log: EventLog
    progress: Progress


def refresh_workspace(
    workspace: Workspace,
    *,
    as_of: int | None = None,
    force: bool = False,
    kept: int = KEPT,
    progress: Progress = lambda _done, _total, _what: None,
) -> Refreshed:
    """Make a snapshot of a workspace with the indexes of all its surfaces, and make it the live one.

    A snapshot is what the log told before one offset, over the files of items and users. What was live stays so until
    the last moment, and for good if anything fails. A run that was killed is gone on with.

    Args:
        workspace: Holds the project, the feature set, the files and the event log.
        as_of: Only events before the first one that was not known at this time count, microseconds since 1970, UTC;
            None counts the whole log.
        force: Build even if nothing changed, and all of it.
        kept: How many of the last snapshots stay.
        progress: Called with (done, total, what comes now).

    Raises:
        NotFoundError: When the project, the items or the log are missing.
        ConfigError: When the project asks for something that cannot be built.
        ConflictError: When another run is under way.
        DataError: When a file does not hold what was declared, or is damaged.
    """
    start = time.monotonic()
    configs = recall_configs(Project.load(workspace))
    job = _Job(workspace, FeatureSet.load(workspace.features), configs, EventLog.open(workspace.events), progress)
    lock = refresh_lock(workspace)
    try:
        done = _refreshed(job, as_of, force=force)
        removed = prune(workspace, kept) if done.changed else ()
    finally:
        lock.release()
    behind = job.log.end - done.events if as_of is None else 0
    return replace(done, behind=behind, removed=removed, seconds=time.monotonic() - start)


def refresh_lock(workspace: Workspace) -> WriterLock:
    """Keep others from making snapshots of a workspace.

    Raises:
        ConflictError: When another does.
    """
    workspace.snapshots.mkdir(parents=True, exist_ok=True)
    return WriterLock(workspace.snapshots / ".refresh.lock", f"a snapshot is being made in {workspace.snapshots}")


def _refreshed(job: _Job, as_of: int | None, *, force: bool) -> Refreshed:
    job.progress(0, 1, "events")
    job.log.verify()
    inputs = digest_inputs(job.workspace, job.features, job.configs.values(), job.log)
    offset = _prefix(job.log, as_of)
    if force:
        remove_drafts(job.workspace)
    elif (live := _live(job)) and (live.manifest.inputs, live.manifest.event_offset) == (inputs, offset):
        return _outcome(live.folder, live.manifest, changed=False)
    left = unfinished(job.workspace, inputs, offset)
    draft = left or Draft.of(job.workspace, inputs, offset)
    draft.folder.mkdir(parents=True, exist_ok=True)
    try:
        folder, manifest, built = _build(job, draft, None if force else _earlier(job.workspace))
    except Exception:
        shutil.rmtree(draft.folder, ignore_errors=True)
        raise
    publish(folder)
    return replace(_outcome(folder, manifest, changed=True), resumed=left is not None, indexes=built)


def _earlier(workspace: Workspace) -> Path | None:
    """Return the indexes of the live snapshot, whatever they were built from."""
    try:
        return current(workspace.snapshots) / "indexes"
    except (NotFoundError, DataError):
        return None


def _build(job: _Job, draft: Draft, earlier: Path | None) -> tuple[Path, Manifest, tuple[BuiltIndex, ...]]:
    tables = read_tables(job.workspace, job.features, job.log, draft.offset)
    source = _source(job, tables, draft.offset)
    manifest = write_parts(draft.folder, job.features, source, job.progress)
    Links.read(job.log, draft.offset).write(draft.folder / LINKS)
    catalogue = Catalogue.open(draft.folder / "catalogue", job.features)
    sources = IndexSources(
        inputs=job.features.inputs,
        items=tables.items,
        events=source.events,
        catalogue=catalogue,
        root=job.workspace.root,
    )
    built = build_indexes(draft.folder, job.configs.values(), sources, job.progress, resume=True, earlier=earlier)
    folder = job.workspace.snapshots / snapshot_id(source.as_of)
    manifest = replace(manifest, id=folder.name, inputs=draft.inputs)
    write_manifest(draft.folder, manifest)
    draft.folder.rename(folder)
    return folder, manifest, built


def _outcome(folder: Path, manifest: Manifest, *, changed: bool) -> Refreshed:
    return Refreshed(
        snapshot=folder,
        changed=changed,
        resumed=False,
        items=manifest.items,
        users=manifest.users,
        events=manifest.event_offset,
        behind=0,
        indexes=(),
        removed=(),
        seconds=0.0,
    )


def _live(job: _Job) -> Snapshot | None:
    """Return the live snapshot if it and its indexes can be read."""
    try:
        snapshot = Snapshot.open(current(job.workspace.snapshots), job.features)
        for config in job.configs.values():
            Recaller.open(snapshot.indexes, config)
    except (NotFoundError, DataError):
        return None
    return snapshot


def recall_configs(project: Project) -> dict[str, RecallConfig]:
    """Return the recall configuration of every surface.

    Raises:
        ConfigError: When one is wrong; names the surface.
    """
    return {
        name: RecallConfig.parse(surface.recall, field=f"surfaces.{name}.recall")
        for name, surface in project.surfaces.items()
    }


def _prefix(log: EventLog, as_of: int | None) -> int:
    """Return the offset of the first event that was not known before a time; the log's end without a time."""
    if as_of is None:
        return log.end
    offset = 0
    for batch in log.read(columns=["event_time", "arrival_time"]):
        known = pc.coalesce(batch.column("arrival_time"), batch.column("event_time")).cast(pa.int64())
        late = np.flatnonzero(known.to_numpy(zero_copy_only=False) >= as_of)
        if len(late):
            return offset + int(late[0])
        offset += batch.num_rows
    return offset


def _source(job: _Job, tables: Tables, offset: int) -> SnapshotSource:
    """Read the events before an offset; changes of items and users are no behaviour unless a statistic counts them."""
    events = EventColumns.from_batches(job.log.read(columns=EVENT_COLUMNS, end=offset))
    statistics = [item.statistic for item in job.features.inputs.values() if item.statistic is not None]
    counted = {kind for statistic in statistics for kind in (statistic.event, statistic.over)}
    changes = [code for code, kind in enumerate(events.kinds) if kind in RESERVED_KINDS and kind not in counted]
    as_of = int(events.known_time[-1]) + 1 if len(events) else time.time_ns() // 1_000
    if changes:
        events = events.take(np.flatnonzero(~np.isin(events.kind, changes)))
    return SnapshotSource(items=tables.items, users=tables.users, events=events, as_of=as_of, event_offset=offset)
