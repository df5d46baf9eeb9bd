"""Files of other people, read part by part: CSV, JSON lines, Parquet and Arrow, each as columns by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from searchrank.errors import DataError
from trainer.importing.encoding import open_text, read_encoding
from trainer.importing.findings import Finding, Findings, Severity
from trainer.importing.json_lines import open_json_lines
from trainer.importing.part import ROWS, Part, Source

__all__ = ["open_source"]

BLOCK_BYTES: Final = 8 << 20
_CSV: Final = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
_JSON: Final = (".jsonl", ".ndjson", ".json")
_ARROW: Final = (".arrow", ".feather", ".ipc")
_KNOWN: Final = "csv, tsv, jsonl, parquet and arrow files are read (csv and jsonl also as .gz)"


def open_source(path: Path, *, encoding: str = "", delimiter: str = "", findings: Findings) -> Source:
    """Open a file by its ending.

    Args:
        path: The file.
        encoding: Of a text file; empty: UTF-8 unless its bytes say otherwise, which is noted as a finding.
        delimiter: Between the fields of a CSV file; empty: by the ending.
        findings: Where faults of single rows are noted, while they are read.

    Raises:
        DataError: When the file is of no known kind or is not what its ending says.
    """
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending in _CSV:
        found = read_encoding(path, encoding, findings)
        return _csv(path, found, delimiter or _CSV[ending], findings)
    if ending in _JSON:
        return open_json_lines(path, read_encoding(path, encoding, findings), findings)
    try:
        if ending in {".parquet", ".pq"}:
            return _parquet(path)
        if ending in _ARROW:
            return _arrow(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    raise DataError(f"{path}: unknown ending {ending!r}; {_KNOWN}")


def _csv(path: Path, encoding: str, delimiter: str, findings: Findings) -> Source:
    """Open a CSV file; every value is read as text.

    Raises:
        DataError: When it is empty or two columns have one name.
    """

    def refused(row: Any) -> str:
        findings.add(
            Finding(
                severity=Severity.ERROR,
                what="wrong_width",
                file=path.name,
                message=f"rows with {row.actual_columns} fields where the header has {row.expected_columns}",
                row=row.number - 1 if row.number else 0,
                example=(row.text or "")[:80],
                advice="quote fields that hold the delimiter, or name the right one with delimiter:",
            )
        )
        return "skip"

    reading = csv.ReadOptions(block_size=BLOCK_BYTES, encoding=encoding, use_threads=False)
    parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refused)
    names = _header(path, encoding, delimiter)

    def read(wanted: Sequence[str]) -> Iterator[Part]:
        chosen = list(wanted) or list(names)
        converting = csv.ConvertOptions(
            column_types={name: pa.string() for name in chosen},
            include_columns=chosen,
            strings_can_be_null=False,
            check_utf8=False,
        )
        try:
            with csv.open_csv(
                str(path), read_options=reading, parse_options=parsing, convert_options=converting
            ) as reader:
                yield from _parts(reader)
        except pa.ArrowInvalid as error:
            raise DataError(f"{path} cannot be read as CSV: {error}") from error

    return Source(path, names, read)


def _header(path: Path, encoding: str, delimiter: str) -> tuple[str, ...]:
    """Return the names of a CSV file's columns.

    Raises:
        DataError: When it is empty or two columns have one name.
    """
    with open_text(path, encoding) as file:
        line = file.readline()
    try:
        header = csv.read_csv(pa.BufferReader(line.encode()), parse_options=csv.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} has no header: {error}") from error
    names = tuple(header.column_names)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path} has two columns of the name {twice!r}; rename one", field=twice)
    return names


def _parquet(path: Path) -> Source:
    with parquet.ParquetFile(path) as file:
        names = _leaves(file.schema_arrow)

    def read(wanted: Sequence[str]) -> Iterator[Part]:
        chosen = list(wanted) or list(names)
        with parquet.ParquetFile(path) as file:
            yield from _parts(_flat(batch, chosen) for batch in file.iter_batches(batch_size=ROWS, columns=chosen))

    return Source(path, names, read)


def _arrow(path: Path) -> Source:
    """Map an Arrow file, or read a stream."""

    def read(wanted: Sequence[str]) -> Iterator[Part]:
        with pa.memory_map(str(path)) as mapped:
            opened = _opened(mapped)
            is_file = hasattr(opened, "get_batch")
            batches = (opened.get_batch(k) for k in range(opened.num_record_batches)) if is_file else opened
            yield from _parts(_flat(batch, list(wanted) or list(names)) for batch in batches)

    with pa.memory_map(str(path)) as mapped:
        names = _leaves(_opened(mapped).schema)
    return Source(path, names, read)


def _opened(mapped: pa.NativeFile) -> Any:
    """Return a reader of the file, or of the stream, that was mapped."""
    is_file = mapped.read(6) == b"ARROW1"
    mapped.seek(0)
    return pa.ipc.open_file(mapped) if is_file else pa.ipc.open_stream(mapped)


def _leaves(fields: Any, prefix: str = "") -> tuple[str, ...]:
    """Return the names of columns; ``a.b`` is the member b of the column a."""
    names: list[str] = []
    for field in fields:
        nested = pa.types.is_struct(field.type)
        names += _leaves(field.type, f"{prefix}{field.name}.") if nested else [f"{prefix}{field.name}"]
    return tuple(names)


def _flat(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    return pa.record_batch([_member(batch, name) for name in names], names=list(names))


def _member(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name in batch.schema.names:
        return batch.column(name)
    top, *rest = name.split(".")
    return pc.struct_field(batch.column(top), rest)


def _parts(batches: Any) -> Iterator[Part]:
    first = 1
    for batch in batches:
        if batch.num_rows:
            yield Part(first, dict(zip(batch.schema.names, batch.columns, strict=True)), batch.num_rows)
            first += batch.num_rows
