"""An import: read and check everything, and only then write catalogue, profiles, definitions and events."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from recall.indexes.documents import read_table
from searchrank.errors import DataError
from searchrank.events import EventLog, schema
from searchrank.features import FeatureSet
from trainer.importing.definitions import suggest_definitions
from trainer.importing.findings import Findings, Severity
from trainer.importing.mapping import FileMapping, Kind
from trainer.importing.survey import SPOOL, Progress, Surroundings, Survey, survey

if TYPE_CHECKING:
    from searchrank.workspace import Workspace

__all__ = ["Imported", "import_tables", "surroundings"]

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """What became of an import.

    Attributes:
        items: Items written; None when none were given.
        users: Profiles written; likewise.
        events: Events that are new.
        duplicates: Events that the log had already, or that are equal to another one.
        kinds: Events read, of each kind.
        definitions: Definition files that were made, and from what.
        findings: What is odd.
        seconds: Time it took.
    """

    items: int | None
    users: int | None
    events: int
    duplicates: int
    kinds: dict[str, int]
    definitions: dict[str, str]
    findings: Findings
    seconds: float


def import_tables(
    workspace: Workspace,
    mapping_path: Path,
    given: dict[Kind, Sequence[Path]],
    progress: Progress = lambda _file, _rows: None,
) -> Imported:
    """Import files into a workspace; catalogue and profiles are replaced, events are added.

    Nothing is written when a finding is an error.

    Args:
        workspace: Where; made if need be.
        mapping_path: The mapping file; definitions beside it are copied when the workspace has none.
        given: Files by table.
        progress: Told how far it is.

    Raises:
        ConfigError: When files and mapping do not belong together.
        NotFoundError: When a file does not exist.
        DataError: When a file cannot be read, or holds something that cannot be imported.
        ConflictError: When another process writes the event log.
    """
    started = time.monotonic()
    mapping = FileMapping.load(mapping_path)
    workspace.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".importing-", dir=workspace.root) as folder:
        spool = Path(folder) / SPOOL
        around = surroundings(workspace, mapping_path.parent)
        read = survey(mapping, given, around, spool=spool, progress=progress)
        _refuse_errors(read.findings)
        made = _definitions(workspace, mapping_path.parent, read)
        workspace.events.mkdir(parents=True, exist_ok=True)
        with _opened(workspace, spool) as log:  # somebody else may be writing it: then nothing is written here either
            for path, table in ((workspace.items, read.items), (workspace.users, read.users)):
                if table is not None:
                    _write(path, table)
            accepted, duplicates = _append(log, spool, progress) if log is not None else (0, 0)
    return Imported(
        items=None if read.items is None else len(read.items),
        users=None if read.users is None else len(read.users),
        events=accepted,
        duplicates=duplicates,
        kinds=read.kinds,
        definitions=made,
        findings=read.findings,
        seconds=time.monotonic() - started,
    )


def surroundings(workspace: Workspace, beside: Path) -> Surroundings:
    """Return what a workspace has already, or will have from the folder of the mapping."""
    features = next((p for p in (workspace.features, beside / workspace.features.name) if p.is_file()), None)
    return Surroundings(
        items=read_table(workspace.items, "items") if workspace.items.is_file() else None,
        users=read_table(workspace.users, "users") if workspace.users.is_file() else None,
        feature_set=None if features is None else FeatureSet.load(features),
    )


def _refuse_errors(findings: Findings) -> None:
    """Refuse to import what has errors.

    Raises:
        DataError: When there is one; names them all.
    """
    errors = findings.of(Severity.ERROR)
    if errors:
        told = "\n".join(f"  {one}" for one in errors[:_SHOWN])
        raise DataError(f"nothing was imported; {len(errors)} kinds of errors must be mended first:\n{told}")


def _write(path: Path, table: pa.Table) -> None:
    """Write an Arrow IPC file beside its place, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with pa.ipc.new_file(str(draft), table.schema) as file:
        file.write_table(table)
    draft.replace(path)


def _definitions(workspace: Workspace, beside: Path, read: Survey) -> dict[str, str]:
    """Copy the definitions that a workspace lacks from beside the mapping, or suggest them."""
    made = {}
    suggested: dict[str, str] = {}
    for path in (workspace.features, workspace.project):
        if path.is_file():
            continue
        if (beside / path.name).is_file():
            shutil.copyfile(beside / path.name, path)
            made[path.name] = f"copied from {beside / path.name}"
            continue
        suggested = suggested or suggest_definitions(read)
        path.write_text(suggested[path.name], encoding="utf-8")
        made[path.name] = "suggested from the data; read it and make it yours"
    return made


@contextmanager
def _opened(workspace: Workspace, spool: Path) -> Iterator[EventLog | None]:
    """Hold the event log for writing if there are events to write.

    Raises:
        ConflictError: When another process does.
    """
    if not spool.is_file():
        yield None
        return
    declared = schema(FeatureSet.load(workspace.features))
    with EventLog.open(workspace.events, writable=True, schema=declared) as log:
        yield log


def _append(log: EventLog, spool: Path, progress: Progress) -> tuple[int, int]:
    """Add the events that were read to the log; return how many are new and how many it had."""
    accepted = duplicates = 0
    with pa.OSFile(str(spool)) as file:  # not mapped: memory stays flat however long it is
        for batch in pa.ipc.open_stream(file):
            done = log.append(batch)
            accepted, duplicates = accepted + done.accepted, duplicates + done.duplicates
            progress("event log", accepted + duplicates)
    return accepted, duplicates
