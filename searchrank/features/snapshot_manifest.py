"""What a snapshot says about itself, and which one is live: the file ``CURRENT`` beside them, replaced atomically."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from searchrank.durable import sync, sync_tree
from searchrank.errors import DataError, NotFoundError

__all__ = ["Manifest", "current", "publish", "read_manifest", "snapshot_id", "write_manifest"]

FORMAT: Final = 1
CURRENT: Final = "CURRENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot says about itself.

    Attributes:
        id: Name of its folder when it was made.
        created: When it was made, UTC, ISO 8601.
        as_of: Events known before this are counted; microseconds since 1970 UTC.
        event_offset: Offset in the event log up to which events were read.
        items: Number of items.
        users: Number of user profiles.
        feature_set: Fingerprint of the feature set it was made with. Others may read it as long as the inputs it
            stores are the same.
        inputs: Digest of what ``searchrank refresh`` made it from; empty when something else made it.
        format: Version of the folder's form.
    """

    id: str
    created: str
    as_of: int
    event_offset: int
    items: int
    users: int
    feature_set: str
    inputs: str = ""
    format: int = FORMAT


def snapshot_id(as_of: int) -> str:
    """Return a new id that sorts by time and says until when events were counted.

    Example:
        >>> snapshot_id(1_700_000_000_000_000)[:16]
        '20231114T221320Z'
    """
    moment = dt.datetime.fromtimestamp(as_of // 1_000_000, dt.UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"


def current(snapshots: Path) -> Path:
    """Return the folder of the live snapshot.

    Args:
        snapshots: ``Workspace.snapshots``.

    Raises:
        NotFoundError: When none was published, or it is gone.
    """
    try:
        name = (snapshots / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NotFoundError(f"no live snapshot in {snapshots}; make one with 'searchrank refresh'") from None
    folder = snapshots / name
    if not name or Path(name).name != name or not folder.is_dir():
        raise NotFoundError(f"{snapshots / CURRENT} names {name!r}, which is not there; run 'searchrank refresh'")
    return folder


def publish(folder: Path) -> None:
    """Make a snapshot the live one among those of its parent folder, atomically, and once all of it is on the disk.

    Raises:
        NotFoundError: When the folder is no snapshot.
        OSError: When the disk reports an error.
    """
    read_manifest(folder)
    sync_tree(folder)
    draft = folder.parent / f".{CURRENT}.{uuid.uuid4().hex}"
    draft.write_text(folder.name + "\n", encoding="utf-8")
    sync(draft)
    draft.replace(folder.parent / CURRENT)
    sync(folder.parent)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what a snapshot says about itself; the last of its files."""
    (folder / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read what a snapshot says about itself.

    Raises:
        NotFoundError: When the folder is no snapshot.
        DataError: When the manifest is damaged or of another format.
    """
    try:
        entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"no snapshot in {folder}; make one with 'searchrank refresh'") from None
    except ValueError as error:
        raise DataError(f"{folder / 'manifest.json'} is damaged: {error}; rebuild the snapshot") from None
    if not isinstance(entries, dict) or entries.get("format") != FORMAT:
        raise DataError(f"{folder} is not a snapshot of format {FORMAT}; rebuild the snapshot")
    try:
        return Manifest(**entries)
    except TypeError as error:
        raise DataError(f"{folder / 'manifest.json'} is damaged: {error}; rebuild the snapshot") from None
