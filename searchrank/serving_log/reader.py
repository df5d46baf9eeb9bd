"""The reading half of the serving log: whole batches of every file, whatever a crash has left behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError, NotFoundError
from searchrank.serving_log.file import SUFFIX
from searchrank.serving_log.schema import CORE, FORMAT
from searchrank.serving_log.sealed import Checked, checked

__all__ = ["Opened", "ServingLog", "batches_of"]

_METADATA: Final = b"searchrank.serving_log"
_UNREADABLE: Final = (OSError, EOFError, pa.ArrowInvalid)


@dataclass(frozen=True, slots=True)
class Opened:
    """One file as it was when the log was opened.

    Attributes:
        path: The file.
        schema: Its columns; None while there is not one whole batch.
        batches: Whole batches, seals among them.
        torn: Bytes behind the last whole batch: a batch that was being written, or that a crash cut short.
    """

    path: Path
    schema: pa.Schema | None
    batches: int
    torn: int

    @classmethod
    def scan(cls, path: Path) -> Opened:
        """Find the whole batches of a file.

        Raises:
            DataError: When it is of a later form, or no serving log at all.
        """
        size = path.stat().st_size
        if not size:
            return cls(path, None, 0, 0)
        with pa.memory_map(str(path)) as source:
            try:
                schema = pa.ipc.read_schema(source)
            except _UNREADABLE:
                return cls(path, None, 0, size)
            _check_form(path, schema)
            batches, whole = 0, source.tell()
            try:
                while True:
                    pa.ipc.read_message(source)
                    batches, whole = batches + 1, source.tell()
            except EOFError:  # an end mark, or the end of a file that is still written
                return cls(path, schema, batches, size - source.tell())
            except _UNREADABLE:
                return cls(path, schema, batches, size - whole)


@dataclass(frozen=True)
class ServingLog:
    """The files of all workers, as far as they reached when the log was opened; made by ``open``.

    Attributes:
        folder: Where they are.
        files: By the time they were begun.
    """

    folder: Path
    files: tuple[Opened, ...]

    @classmethod
    def open(cls, folder: Path) -> ServingLog:
        """Look for files and their whole batches.

        Raises:
            NotFoundError: When there are none.
            DataError: When a file is of a later form, or no serving log at all.
        """
        paths = sorted(folder.glob(f"*{SUFFIX}"))
        if not paths:
            raise NotFoundError(f"there is no serving log in {folder}; 'searchrank serve' writes one as it answers")
        return cls(folder, tuple(Opened.scan(path) for path in paths))

    @cached_property
    def schema(self) -> pa.Schema:
        """Every column of any file.

        Raises:
            DataError: When files hold a column in two types.
        """
        try:
            schemas = [one.schema.remove_metadata() for one in self.files if one.schema is not None]
            return pa.unify_schemas([CORE, *schemas])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(f"files of {self.folder} contradict one another: {error}; move the older away") from error

    @property
    def torn(self) -> tuple[Opened, ...]:
        """The files with bytes that are no whole batch, and may become one if their worker lives."""
        return tuple(one for one in self.files if one.torn)

    def read(
        self, columns: Sequence[str] | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Give answers batch by batch, file after file; in a file they are in the order in which they were made.

        Args:
            columns: Names in the wanted order; all when None.
            since: First ``answered_at``.
            until: ``answered_at`` before which an answer lies.

        Raises:
            DataError: When no file has such a column, or a file that was whole can no longer be read.
        """
        names = self.schema.names if columns is None else list(columns)
        for name in names:
            if name not in self.schema.names:
                raise DataError(
                    f"the serving log has no such column; it has {', '.join(self.schema.names)}", field=name
                )
        wanted = pa.schema([self.schema.field(name) for name in names])
        for file in self.files:
            for batch in batches_of(file, {*names, "answered_at"}, since):
                kept = _between(batch, since, until)
                if kept.num_rows:
                    yield _project(kept, wanted)

    def table(
        self, columns: Sequence[str] | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> pa.Table:
        """Return what ``read`` gives as one table."""
        names = self.schema.names if columns is None else list(columns)
        batches = list(self.read(names, since=since, until=until))
        return pa.Table.from_batches(batches, schema=pa.schema([self.schema.field(name) for name in names]))

    def checked(self) -> Iterator[Checked]:
        """Give answers batch by batch as they are, all columns, each with what its seal says; damage is no error here.

        Raises:
            DataError: When files hold a column in two types.
        """
        for file in self.files:
            for part in checked(file):
                if part.batch is None:
                    yield part
                elif part.batch.num_rows:
                    yield replace(part, batch=_project(part.batch, self.schema))

    def snapshots(self) -> frozenset[str]:
        """Return the ids of the snapshots that answers were made from: what recomputing them needs."""
        found: set[str] = set()
        for batch in self.read(["snapshot_id"]):
            found.update(pc.unique(batch.column(0)).to_pylist())
        return frozenset(found)


def _check_form(path: Path, schema: pa.Schema) -> None:
    form = (schema.metadata or {}).get(_METADATA)
    if form is None:
        raise DataError(f"{path} is no serving log; move it away")
    if int(form) > FORMAT:
        raise DataError(f"{path} is of form {int(form)}, this version reads up to {FORMAT}; read it with a newer one")


def batches_of(file: Opened, names: set[str], since: datetime | None) -> Iterator[pa.RecordBatch]:
    """Give the batches of a file that may hold something since a moment; only these columns are unpacked.

    Raises:
        DataError: When a batch can no longer be read.
    """
    if file.schema is None or (since is not None and file.path.stat().st_mtime < since.timestamp()):
        return
    fields = [place for place, name in enumerate(file.schema.names) if name in names]
    with pa.memory_map(str(file.path)) as source:
        try:
            stream = pa.ipc.open_stream(source, options=pa.ipc.IpcReadOptions(included_fields=fields))
            for _ in range(file.batches):
                batch = stream.read_next_batch()
                batch.validate()
                yield batch
        except _UNREADABLE as error:
            raise DataError(f"{file.path} is damaged: {error}; move it away to read the others") from error


def _between(batch: pa.RecordBatch, since: datetime | None, until: datetime | None) -> pa.RecordBatch:
    moments = batch.column("answered_at")
    if since is not None:
        batch = batch.filter(pc.greater_equal(moments, pa.scalar(since, moments.type)))
        moments = batch.column("answered_at")
    if until is not None:
        batch = batch.filter(pc.less(moments, pa.scalar(until, moments.type)))
    return batch


def _project(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    there = set(batch.schema.names)
    columns = [batch.column(f.name) if f.name in there else pa.nulls(batch.num_rows, f.type) for f in wanted]
    return pa.record_batch(columns, schema=wanted)
