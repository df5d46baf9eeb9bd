"""A snapshot under way: a folder named by what it is made from, so that a run that was killed can be gone on with."""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import xxhash

from recall.indexes.manifest import index_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recall.config import RecallConfig
    from searchrank.events import EventLog
    from searchrank.features import FeatureSet
    from searchrank.workspace import Workspace

__all__ = ["Draft", "digest_file", "digest_inputs", "remove_drafts", "unfinished"]

_PREFIX: Final = ".refresh-"
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Draft:
    """A snapshot under way.

    Attributes:
        inputs: Digest of definitions, recall and files.
        offset: Events before it count.
        folder: Where it is made.
    """

    inputs: str
    offset: int
    folder: Path

    @classmethod
    def of(cls, workspace: Workspace, inputs: str, offset: int) -> Draft:
        """Name the draft of these inputs."""
        return cls(inputs, offset, workspace.snapshots / f"{_PREFIX}{inputs}-{offset:016d}")


def digest_inputs(workspace: Workspace, features: FeatureSet, configs: Iterable[RecallConfig], log: EventLog) -> str:
    """Return the digest of everything but the events that a snapshot is made from: 32 hexadecimal digits.

    Args:
        workspace: Holds the files of items and users.
        features: The definitions.
        configs: The recall configuration of each surface.
        log: Its first event tells it from another log.
    """
    configs = tuple(configs)
    recipes = {index_name(name, part.recipe) for config in configs for name, part in config.branches.items()}
    first = log.table(0, ["event_id"], end=1).column(0).to_pylist()
    parts = [features.fingerprint, *sorted(recipes), *first]
    parts += [digest_file(path) for path in (workspace.items, workspace.users)]
    files = {name for config in configs for section in config.branches.values() for name in section.files}
    parts += [digest_file(workspace.root / name) for name in sorted(files)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def digest_file(path: Path) -> str:
    """Return the digest of a file; empty when there is none, or nothing in it."""
    if not path.is_file() or not path.stat().st_size:
        return ""
    with pa.memory_map(str(path)) as source:
        return str(xxhash.xxh3_128_hexdigest(source.read_buffer()))


def unfinished(workspace: Workspace, inputs: str, end: int) -> Draft | None:
    """Return the latest draft of these inputs that a run of the last day left, and remove every other.

    Args:
        workspace: Holds the snapshots.
        inputs: From ``digest_inputs``.
        end: Where the log ends.
    """
    found = None
    for folder in sorted(workspace.snapshots.glob(f"{_PREFIX}*"), reverse=True):
        name, _, digits = folder.name.removeprefix(_PREFIX).partition("-")
        fits = name == inputs and digits.isdecimal() and int(digits) <= end
        if found is None and fits and folder.stat().st_mtime > time.time() - _DAY_S:
            found = Draft(inputs, int(digits), folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return found


def remove_drafts(workspace: Workspace) -> None:
    """Remove whatever a run left behind."""
    for folder in workspace.snapshots.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
