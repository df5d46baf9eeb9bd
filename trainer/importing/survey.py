"""Reads everything that is to be imported once: tables into memory, events through a file of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from searchrank.events import CORE
from trainer.importing.checks import Described, check_table
from trainer.importing.declared import check_declared
from trainer.importing.event_checks import EventChecks
from trainer.importing.findings import Findings, Severity
from trainer.importing.happenings import with_identity
from trainer.importing.mapping import FileMapping, Kind, MappedFile
from trainer.importing.reading import nothing_read, read_mapped
from trainer.importing.tables import read_table_files

if TYPE_CHECKING:
    from searchrank.features import FeatureSet

__all__ = ["SPOOL", "Progress", "Surroundings", "Survey", "event_schema", "survey"]

Progress = Callable[[str, int], None]
"""Told the file that is read and how many of its rows are."""

Files = Sequence[tuple[MappedFile, Path]]

SPOOL: Final = "events.arrow"


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What was read.

    Attributes:
        mapping: How.
        items: The catalogue, or None when no file of items was given.
        users: The profiles, likewise.
        events: Events that could be read.
        kinds: How many of each kind.
        means: Mean value of each kind whose events have values.
        findings: What is wrong or odd.
    """

    mapping: FileMapping
    items: pa.Table | None
    users: pa.Table | None
    events: int
    kinds: dict[str, int]
    means: dict[str, float]
    findings: Findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is there already.

    Attributes:
        items: The catalogue of the workspace, for events whose items are not imported with them.
        users: The profiles, likewise.
        feature_set: The definitions, or None when there are none yet.
    """

    items: pa.Table | None = None
    users: pa.Table | None = None
    feature_set: FeatureSet | None = None


def survey(
    mapping: FileMapping,
    given: dict[Kind, Sequence[Path]],
    around: Surroundings,
    *,
    spool: Path | None = None,
    progress: Progress = lambda _file, _rows: None,
) -> Survey:
    """Read and check all files.

    Args:
        mapping: How.
        given: Files by table.
        around: What is there already.
        spool: Where the events are written, an Arrow IPC stream; None writes none.
        progress: Told how far it is.

    Raises:
        ConfigError: When files and mapping do not belong together.
        NotFoundError: When a file does not exist.
        DataError: When a file cannot be read at all.
    """
    files = mapping.assign(given)
    findings = Findings()
    if around.feature_set is not None:
        check_declared({id(entry): entry for entry, _ in files}.values(), around.feature_set, findings)
    tables = {kind: _table(kind, files, findings, progress) for kind in (Kind.ITEMS, Kind.USERS)}
    items = tables[Kind.ITEMS] if tables[Kind.ITEMS] is not None else around.items
    users = tables[Kind.USERS] if tables[Kind.USERS] is not None else around.users
    checks = EventChecks(findings, items=items, users=users, now_us=time.time_ns() // 1_000)
    events = [(entry, path) for entry, path in files if entry.kind is Kind.EVENTS]
    count = _spool(events, checks, findings, spool, progress) if events else 0
    return Survey(mapping, tables[Kind.ITEMS], tables[Kind.USERS], count, checks.kinds, checks.means, findings)


def _table(kind: Kind, files: Files, findings: Findings, progress: Progress) -> pa.Table | None:
    mine = [(entry, path) for entry, path in files if entry.kind is kind]
    if not mine:
        return None
    table = read_table_files(kind, mine, findings, progress)
    described = [
        Described(column.target, path.name, column.source or column.target, column.conversion, not column.sources)
        for entry, path in mine
        for column in entry.columns
        if column.target != kind.key
    ]
    check_table(table, list({one.target: one for one in reversed(described)}.values()), findings)
    return table


def _spool(files: Files, checks: EventChecks, findings: Findings, spool: Path | None, progress: Progress) -> int:
    """Read all events, look at them, and write those that can be imported to a file."""
    wanted = event_schema([entry for entry, _ in files])
    count = 0
    writer = pa.ipc.new_stream(str(spool), wanted) if spool is not None else None
    try:
        for entry, path in files:
            units = {column.target: column.unit for column in entry.columns}
            before, mine = count, Findings()
            for chunk in read_mapped(entry, path, mine, lambda rows, name=path.name: progress(name, rows)):  # type: ignore[misc]
                table = with_identity(entry, chunk.table)
                checks.look(path.name, table, chunk.rows, units)
                count += len(table)
                if writer is not None:
                    writer.write_table(_conformed(table, wanted))
            if count == before and entry.min_value is None and not mine.of(Severity.ERROR):
                mine.add(nothing_read(path.name))
            findings.merge(mine)
    finally:
        if writer is not None:
            writer.close()
    checks.finish(", ".join(dict.fromkeys(path.name for _, path in files)))
    return count


def event_schema(entries: Sequence[MappedFile]) -> pa.Schema:
    """Return the columns of the events of some files."""
    columns = [column for entry in entries for column in entry.columns]
    extra = {c.target: c.arrow or pa.list_(pa.float32()) for c in columns if c.target not in CORE.names}
    named = {"event_id", "arrival_time", *(column.target for column in columns)}
    core = [field for field in CORE if field.name in named]
    return pa.schema([*core, *(pa.field(name, kind) for name, kind in extra.items())])


def _conformed(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in wanted
    ]
    return pa.table(columns, schema=wanted)
