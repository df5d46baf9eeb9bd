"""One consistent picture of items, users and counted events: a folder, written once and mapped by every process.

Programs find the live one with ``current``.
"""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import ConflictError, DataError
from searchrank.features.catalogue import Catalogue
from searchrank.features.definitions import FeatureSet
from searchrank.features.history import EventColumns, History
from searchrank.features.inputs import Root
from searchrank.features.kernels.lookup import copy_cells
from searchrank.features.snapshot_manifest import Manifest, current, publish, read_manifest, snapshot_id, write_manifest
from searchrank.native import address, compiled

__all__ = [
    "Manifest",
    "Snapshot",
    "SnapshotSource",
    "current",
    "fill_candidates",
    "fill_profiles",
    "fill_requests",
    "publish",
    "snapshot_id",
    "write_manifest",
    "write_parts",
]

_MOST_LAYOUTS: Final = 64

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]
Progress = Callable[[int, int, str], None]
Copy = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSource:
    """What a snapshot is made from.

    Attributes:
        items: ``item_id`` and raw item columns; see ``Catalogue.write``.
        users: ``user_id`` and raw profile columns; None when there are no profiles.
        events: All events; those known at ``as_of`` or later are left out.
        as_of: Microseconds since 1970 UTC.
        event_offset: Offset in the event log up to which events were read.
    """

    items: pa.Table
    users: pa.Table | None = None
    events: EventColumns
    as_of: int
    event_offset: int = 0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Snapshot:
    """An open snapshot; safe to read from any thread, open for as long as it is referenced.

    Attributes:
        folder: Where it lies.
        manifest: What it says about itself.
        catalogue: The items.
        users: User profiles, kept like items.
        history: The statistics.
    """

    folder: Path
    manifest: Manifest
    catalogue: Catalogue
    users: Catalogue
    history: History
    _copies: dict[int, tuple[object, Copy | None]] = field(init=False, default_factory=dict)

    @property
    def indexes(self) -> Path:
        """Folder of the recall indexes built from this snapshot."""
        return self.folder / "indexes"

    @classmethod
    def build(
        cls,
        folder: Path,
        feature_set: FeatureSet,
        source: SnapshotSource,
        progress: Progress = lambda _done, _total, _what: None,
    ) -> Path:
        """Make a snapshot: beside its place first, then renamed, so that it is there whole or not at all.

        Args:
            folder: Its place; the last part is its id (see ``snapshot_id``).
            feature_set: Declares inputs and statistics.
            source: Tables and events.
            progress: Called with (done, total, what comes now).

        Returns:
            The folder.

        Raises:
            ConflictError: When the folder exists.
            DataError: When a table or event does not hold what is declared.
        """
        if folder.exists():
            raise ConflictError(f"{folder} exists already; a snapshot is never overwritten, choose another id")
        draft = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
        draft.mkdir(parents=True)
        try:
            manifest = write_parts(draft, feature_set, source, progress)
            write_manifest(draft, replace(manifest, id=folder.name))
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return folder

    @classmethod
    def open(cls, folder: Path, feature_set: FeatureSet) -> Snapshot:
        """Map a snapshot.

        Raises:
            NotFoundError: When there is none.
            DataError: When it is damaged, or was made from other inputs than are declared.
        """
        return cls(
            folder,
            read_manifest(folder),
            Catalogue.open(folder / "catalogue", feature_set),
            Catalogue.open(folder / "users", feature_set, root=Root.USER),
            History.open(folder / "history", feature_set),
        )


def fill_requests(snapshot: Snapshot, requests: Records, users: Ints, queries: Ints, times: Ints) -> None:
    """Write what a snapshot knows of users and queries, profiles and statistics, into request records.

    Other fields are left as they are. Fields the snapshot has no input for are left too.

    Args:
        snapshot: Where from.
        requests: Records of a request layout, shape (r,), dense; changed.
        users: ``hash_text`` of the user ids, shape (r,); 0: no user, so that the values are missing.
        queries: ``query_hash`` of the texts, shape (r,); 0: no query.
        times: Request times, microseconds since 1970 UTC, shape (r,).

    Raises:
        DataError: When a field has another form than the snapshot's input of that name.
        ValueError: When the arrays differ in length or the records are a strided view.
    """
    fill_profiles(snapshot, requests, snapshot.users.rows_of_hashes(users))
    snapshot.history.fill_requests(requests, users, queries, times)


def fill_profiles(snapshot: Snapshot, requests: Records, rows: Ints) -> None:
    """Write user profiles into request records; see ``fill_requests``.

    Args:
        snapshot: Where from.
        requests: Records of a request layout, shape (r,), dense; changed.
        rows: Rows of ``snapshot.users``, shape (r,); the last, all missing, for somebody unknown.

    Raises:
        DataError: When a field has another form than the snapshot's input of that name.
        ValueError: When the arrays differ in length or the records are a strided view.
    """
    known = snapshot._copies.get(id(requests.dtype))  # noqa: SLF001 - the same module
    copy = known[1] if known is not None else _bind(snapshot, requests.dtype)
    if copy is not None:
        if len(rows) != len(requests) or not requests.flags.c_contiguous:
            raise ValueError(f"{len(rows)} users for {len(requests)} records, which must be dense")
        copy(len(rows), address(rows), address(requests))


def fill_candidates(snapshot: Snapshot, candidates: Records, items: Ints, times: Ints) -> None:
    """Write the live item statistics into candidate records.

    Args:
        snapshot: Where from.
        candidates: Records of a candidate layout, shape (n,), dense; changed.
        items: ``hash_text`` of the item ids, shape (n,).
        times: Request times, microseconds since 1970 UTC, shape (n,).

    Raises:
        DataError: When a field has another form than the snapshot's input of that name.
    """
    snapshot.history.fill_candidates(candidates, items, times)


def write_parts(
    draft: Path,
    feature_set: FeatureSet,
    source: SnapshotSource,
    progress: Progress = lambda _done, _total, _what: None,
) -> Manifest:
    """Write the parts of a snapshot into a folder; those that are there, from the same source, are left as they are.

    Args:
        draft: The folder; becomes a snapshot with ``write_manifest``.
        feature_set: Declares inputs and statistics.
        source: Tables and events.
        progress: Called with (done, total, what comes now).

    Returns:
        What is to be written into the manifest, but for its id.

    Raises:
        DataError: When a table or event does not hold what is declared.
    """
    users = source.users if source.users is not None else pa.table({"user_id": pa.array([], pa.string())})

    def history(folder: Path) -> None:
        catalogue = Catalogue.open(draft / "catalogue", feature_set)
        History.build(feature_set, source.events.before(source.as_of), catalogue).write(folder)

    parts: dict[str, tuple[str, Callable[[Path], None]]] = {
        "items": ("catalogue", lambda folder: Catalogue.write(folder, feature_set, source.items)),
        "users": ("users", lambda folder: Catalogue.write(folder, feature_set, users, root=Root.USER)),
        "statistics": ("history", history),
    }
    for done, (what, (name, write)) in enumerate(parts.items()):
        progress(done, len(parts), what)
        _once(draft / name, write)
    progress(len(parts), len(parts), "done")
    return Manifest(
        id="",
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        as_of=source.as_of,
        event_offset=source.event_offset,
        items=len(source.items),
        users=len(users),
        feature_set=feature_set.fingerprint,
    )


def _once(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder beside its place and rename it, unless it is there."""
    if not folder.exists():
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        write(part)
        part.rename(folder)


def _bind(snapshot: Snapshot, layout: np.dtype[Any]) -> Copy | None:
    """Return a function that copies profiles into request records, kept for the next request.

    Returns:
        A function of (n, address of the profiles' rows, address of the records); None when nothing is to be copied.

    Raises:
        DataError: When a field has another form than the snapshot's input of that name.
    """
    kind = snapshot.users.records.dtype
    given: Mapping[str, Any] = kind.fields or {}
    taken: Mapping[str, Any] = layout.fields or {}
    cells = []
    for name in (i for i in given if i in taken and not i.startswith("_")):
        if given[name][0] != taken[name][0]:
            raise DataError(f"records hold {taken[name][0]}, the snapshot {given[name][0]}", field=name)
        cells.append((given[name][1], taken[name][1], given[name][0].itemsize))
    head = [len(cells), kind.itemsize, layout.itemsize]
    parts = np.array([*head, *(number for part in cells for number in part)], np.int64)
    kernel, source, which = compiled(copy_cells), address(snapshot.users.records), address(parts)

    def copy(n: int, rows: int, out: int, _kept: object = parts) -> None:
        kernel(n, rows, source, out, which)

    if len(snapshot._copies) >= _MOST_LAYOUTS:  # noqa: SLF001 - the same module
        snapshot._copies.clear()  # noqa: SLF001 - the same module
    found = copy if cells else None
    snapshot._copies[id(layout)] = (layout, found)  # noqa: SLF001 - the layout is kept so that its id stays its own
    return found
