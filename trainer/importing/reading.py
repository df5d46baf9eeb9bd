"""A mapped file, read part by part into the columns of a workspace; a row that does not fit is named or left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from searchrank.events import MAX_ID_BYTES
from searchrank.features.language import nearest
from trainer.importing.column import Column, Conversion
from trainer.importing.convert import convert
from trainer.importing.converted import Converted, texts_of
from trainer.importing.findings import Finding, Findings, Severity
from trainer.importing.mapping import Kind, MappedFile
from trainer.importing.moment import better_unit
from trainer.importing.part import Part, Source
from trainer.importing.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Chunk", "nothing_read", "read_mapped"]

Mask = npt.NDArray[np.bool_]

_REQUIRED: Final = {"item_id": (Kind.ITEMS,), "user_id": (Kind.USERS,), "event_time": (Kind.EVENTS,)}
_SKIP_ADVICE: Final = "mend them, or leave such rows out with skip_bad_rows: true"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, as a workspace has them.

    Attributes:
        table: One column a mapped column.
        rows: (n,) row of each in the file, counted from 1 without the header.
    """

    table: pa.Table
    rows: npt.NDArray[np.int64]


def read_mapped(
    entry: MappedFile, path: Path, findings: Findings, progress: Callable[[int], None] = lambda _rows: None
) -> Iterator[Chunk]:
    """Read a file as its entry says.

    Args:
        entry: How.
        path: The file.
        findings: Where what is wrong is noted.
        progress: Called with the rows read so far.

    Raises:
        DataError: When the file cannot be read at all or lacks a column.
    """
    source = open_source(path, encoding=entry.encoding, delimiter=entry.delimiter, findings=findings)
    _check_names(entry, source, findings)
    wanted = [name for name in entry.sources if name in source.names or _is_open(source)]
    for part in source.read(wanted):
        chunk = _convert_part(entry, path.name, part, findings)
        progress(part.first + part.rows - 1)
        if chunk.table.num_rows:
            yield chunk


def _is_open(source: Source) -> bool:
    """Whether rows may have columns that are not known beforehand."""
    return source.path.name.removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson"))


def _check_names(entry: MappedFile, source: Source, findings: Findings) -> None:
    """Refuse columns that the file does not have.

    Raises:
        DataError: When there is one.
    """
    for name in entry.sources:
        if name in source.names:
            continue
        hint = nearest(name, source.names)
        if not _is_open(source):
            has = ", ".join(source.names[:40])
            raise DataError(f"{source.path.name} has no column {name!r}; {hint or f'it has {has}'}", field=name)
        findings.add(
            Finding(
                severity=Severity.WARNING,
                what="unseen_column",
                file=source.path.name,
                column=name,
                message="none of the first thousand lines has this member",
                advice=hint or "check the name in the mapping",
            )
        )


def _convert_part(entry: MappedFile, file: str, part: Part, findings: Findings) -> Chunk:
    rows = np.arange(part.first, part.first + part.rows)
    bad = np.zeros(part.rows, np.bool_)
    columns: dict[str, pa.Array] = {}
    judge = _Judge(entry, file, rows, part, findings)
    for column in entry.columns:
        found = convert(column, part.columns, part.rows, entry.missing)
        values, wrong = judge.judged(column, found)
        columns[column.target] = values
        bad |= wrong
    kept = ~bad & judge.worth(columns)
    table = pa.table(columns)
    return Chunk(table, rows) if kept.all() else Chunk(table.filter(pa.array(kept)), rows[kept])


@dataclass(frozen=True, slots=True)
class _Judge:
    """Looks at converted columns of one part and notes what is wrong with them."""

    entry: MappedFile
    file: str
    rows: npt.NDArray[np.int64]
    part: Part
    findings: Findings

    def judged(self, column: Column, found: Converted) -> tuple[pa.Array, Mask]:
        """Return the values to keep, and the rows that are not to be kept."""
        values, bad = found.values, found.bad
        self._note(column, bad, "unreadable", f"not {found.wanted}")
        if column.conversion is Conversion.NUMBER:
            values = self._finite(column, values)
        if column.is_id or column.target == "kind":
            bad = bad | self._id_faults(column, values)
        if self.entry.kind in _REQUIRED.get(column.target, ()) or column.target in {"event_id", "kind"}:
            absent = values.is_null().to_numpy(zero_copy_only=False) & ~bad
            self._note(column, absent, "absent", f"rows without {column.target}")
            bad = bad | absent
        return values, bad

    def worth(self, columns: dict[str, pa.Array]) -> Mask:
        """Return which rows have at least the value that the entry asks for.

        Raises:
            DataError: When the entry maps no value.
        """
        least = self.entry.min_value
        if least is None:
            return np.ones(len(self.rows), np.bool_)
        if "value" not in columns:
            raise DataError(f"{self.file} has min_value: but maps no value:", field="min_value")
        values = columns["value"].fill_null(-np.inf).to_numpy(zero_copy_only=False)
        enough: Mask = values >= least
        return enough

    def _finite(self, column: Column, values: pa.Array) -> pa.Array:
        """Return numbers in which NaN and infinity are missing."""
        strange = pc.fill_null(pc.invert(pc.is_finite(values)), fill_value=False)
        mask = np.asarray(strange.to_numpy(zero_copy_only=False), np.bool_)
        if not mask.any():
            return values
        advice = "they are taken as missing; if that is meant, say so with missing: [nan]"
        self._note(column, mask, "not_finite", "NaN or infinity", advice, severity=Severity.WARNING)
        return pc.if_else(strange, pa.scalar(None, values.type), values)

    def _id_faults(self, column: Column, values: pa.Array) -> Mask:
        lengths = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
        long: Mask = lengths > MAX_ID_BYTES
        what = f"longer than {MAX_ID_BYTES} bytes of UTF-8"
        self._note(column, long, "long_id", what, "map a shorter column, or shorten the ids where they are made")
        return long

    def _note(  # noqa: PLR0913, PLR0917 - the parts of a finding
        self,
        column: Column,
        mask: Mask,
        what: str,
        message: str,
        advice: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        if not mask.any():
            return
        at = int(np.argmax(mask))
        if severity is Severity.ERROR and self.entry.skip_bad_rows:
            severity, message, advice = Severity.WARNING, f"{message}; such rows are left out", advice or "mend them"
        self.findings.add(
            Finding(
                severity=severity,
                what=what,
                file=self.file,
                column=column.source or column.target,
                message=message,
                count=int(mask.sum()),
                row=int(self.rows[at]),
                example=self._example(column, at),
                advice=advice or self._advice(column, what, self._example(column, at)),
            )
        )

    def _example(self, column: Column, at: int) -> str:
        arrays = [self.part.columns.get(name) for name in column.sources]
        found = [str(texts_of(array.slice(at, 1)).to_pylist()[0]) for array in arrays if array is not None]
        return ", ".join(found)[:80]

    def _advice(self, column: Column, what: str, example: str) -> str:
        if what == "absent":
            return f"every row needs {column.target}; {_SKIP_ADVICE}"
        if column.unit and re.fullmatch(r"-?[0-9.]+", example) and (unit := better_unit(float(example), column.unit)):
            return f"they look like {unit}: write unit: {unit}"
        if column.conversion is Conversion.POINT:
            return f"if latitude and longitude are exchanged, exchange them in the mapping; {_SKIP_ADVICE}"
        return f"if the text means that there is no value, add it to missing: in the mapping; {_SKIP_ADVICE}"


def nothing_read(file: str) -> Finding:
    """Return the finding of a file without rows."""
    return Finding(severity=Severity.ERROR, what="empty_file", file=file, message="no row could be read")
