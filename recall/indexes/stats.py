"""What lies in the indexes that are live: how much, how old, made by what, and what was put since."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from recall.collection.corpus import Corpus
from recall.indexes.build import size_of
from recall.indexes.manifest import index_name
from recall.indexes.refresh import recall_configs
from recall.kinds import kind_of
from searchrank.errors import DataError, NotFoundError
from searchrank.events import DELETE_ITEM, PUT_ITEM, EventLog
from searchrank.features.snapshot import current
from searchrank.features.snapshot_manifest import read_manifest
from searchrank.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recall.config import RecallConfig
    from recall.kind import BranchSection
    from searchrank.workspace import Workspace

__all__ = ["Delta", "IndexStats", "SnapshotStats", "corpus_stats", "workspace_stats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStats:
    """One index.

    Attributes:
        name: Its folder: the branch, and a digest of what it was built with.
        surfaces: Those that read it.
        rows: Rows of the catalogue that it was built from.
        bytes: Size of its files.
        made_by: Fingerprint of what cut its texts or made its vectors; empty: neither.
        built: When, UTC; one that was used again is as old as its first building.
        figures: What its kind counts: documents, terms of a field.
    """

    name: str
    surfaces: tuple[str, ...]
    rows: int
    bytes: int
    made_by: str
    built: dt.datetime
    figures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Delta:
    """What the log has told since a snapshot; searches see it, scanned, until the next one is made.

    Attributes:
        events: Of any kind.
        put: Items that were put and are there.
        deleted: Items that were deleted and not put again.
    """

    events: int
    put: int
    deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotStats:
    """The live snapshot.

    Attributes:
        snapshot: Its id.
        created: When it was made, UTC.
        items: Items of its catalogue.
        events: Events of the log that it knows.
        delta: What came since.
        indexes: Those of all surfaces.
    """

    snapshot: str
    created: dt.datetime
    items: int
    events: int
    delta: Delta
    indexes: tuple[IndexStats, ...]


def workspace_stats(workspace: Workspace) -> SnapshotStats:
    """Return what a workspace's live snapshot holds.

    Raises:
        NotFoundError: When there is none, or an index was not built.
        ConfigError: When the project is wrong.
        DataError: When something is damaged.
    """
    folder = current(workspace.snapshots)
    manifest = read_manifest(folder)
    configs = recall_configs(Project.load(workspace))
    return SnapshotStats(
        snapshot=manifest.id,
        created=dt.datetime.fromisoformat(manifest.created),
        items=manifest.items,
        events=manifest.event_offset,
        delta=_delta(EventLog.open(workspace.events), manifest.event_offset),
        indexes=_indexes(folder / "indexes", configs),
    )


def corpus_stats(folder: Path) -> tuple[IndexStats, ...]:
    """Return what the index of a collection holds; errors as ``Corpus.open``."""
    return _indexes(folder, {"": Corpus.configured(folder)})


def _indexes(folder: Path, configs: Mapping[str, RecallConfig]) -> tuple[IndexStats, ...]:
    readers: dict[str, tuple[BranchSection, list[str]]] = {}
    for surface, config in configs.items():
        for section in config.branches.values():
            name = index_name(kind_of(section).index, section.recipe)
            readers.setdefault(name, (section, []))[1].append(surface)
    return tuple(_index(folder / name, section, surfaces) for name, (section, surfaces) in sorted(readers.items()))


def _index(folder: Path, section: BranchSection, surfaces: list[str]) -> IndexStats:
    """Open an index, which refuses what is damaged or was made by something else, and count.

    Raises:
        NotFoundError: When it was not built.
        DataError: When its manifest is damaged.
    """
    kind = kind_of(section)
    branch = kind.open(folder, section)
    try:
        made_by = json.loads((folder / "manifest.json").read_text())["analyser"] or _encoder(folder)
    except FileNotFoundError:
        raise NotFoundError(f"no index in {folder}; run 'searchrank refresh'") from None
    except (ValueError, KeyError) as error:
        raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
    return IndexStats(
        name=folder.name,
        surfaces=tuple(sorted(filter(None, surfaces))),
        rows=branch.size,
        bytes=size_of(folder),
        made_by=made_by,
        built=dt.datetime.fromtimestamp((folder / "manifest.json").stat().st_mtime, dt.UTC),
        figures=kind.figures(folder, section),
    )


def _encoder(folder: Path) -> str:
    """Return what made an index's vectors."""
    told = folder / "encoder.json"
    return str(json.loads(told.read_text()).get("made_by", "")) if told.is_file() else ""


def _delta(log: EventLog, offset: int) -> Delta:
    """Count the changes of items from an offset on; of one item the last one counts."""
    told = log.table(offset, ["kind", "item_id"])
    kinds = pc.cast(told["kind"], pa.string())
    changes = told.filter(pc.is_in(kinds, pa.array([PUT_ITEM, DELETE_ITEM])))
    last = dict(zip(changes["item_id"].to_pylist(), changes["kind"].cast(pa.string()).to_pylist(), strict=True))
    put = sum(kind == PUT_ITEM for kind in last.values())
    return Delta(told.num_rows, put, len(last) - put)
