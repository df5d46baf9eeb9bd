"""Items and users: files joined by id into one table, one row each.

Where an id has several rows, its lists are gathered and of everything else the last row counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from trainer.importing.findings import Finding, Findings, Severity
from trainer.importing.reading import nothing_read, read_mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainer.importing.mapping import Kind, MappedFile

__all__ = ["read_table_files"]

Ints = npt.NDArray[np.int64]

_NEVER: Final = "\x00"


def read_table_files(
    kind: Kind,
    files: Sequence[tuple[MappedFile, Path]],
    findings: Findings,
    progress: Callable[[str, int], None] = lambda _file, _rows: None,
) -> pa.Table:
    """Read all files of items or users into one table.

    Args:
        kind: Which.
        files: Entries with their files; those of the first entry say which ids there are.
        findings: Where what is wrong is noted.
        progress: Called with (file, rows read so far).

    Returns:
        The id and all mapped columns, by first appearance of the id.

    Raises:
        DataError: When a file cannot be read at all.
    """
    entries = list(dict.fromkeys(id(entry) for entry, _ in files))
    made = None
    for one in entries:
        mine = [(entry, path) for entry, path in files if id(entry) == one]
        part = _grouped(kind, _read(mine, findings, progress), mine, findings)
        made = part if made is None else _joined(kind, made, part, mine[0][1].name, findings)
    if made is None:
        raise DataError(f"no file of {kind}")
    return made


def _read(
    files: Sequence[tuple[MappedFile, Path]], findings: Findings, progress: Callable[[str, int], None]
) -> pa.Table:
    """Return the rows of the files of one entry, one after the other.

    Raises:
        DataError: When vectors differ in length from part to part.
    """
    tables = []
    for entry, path in files:
        name = path.name
        chunks = [c.table for c in read_mapped(entry, path, findings, lambda rows, name=name: progress(name, rows))]  # type: ignore[misc]
        if not chunks and not findings.of(Severity.ERROR):
            findings.add(nothing_read(name))
        tables += chunks
    if not tables:
        columns = {
            column.target: pa.nulls(0, column.arrow or pa.list_(pa.float32(), 1)) for column in files[0][0].columns
        }
        return pa.table(columns)
    try:
        return pa.concat_tables(tables).combine_chunks()
    except pa.ArrowInvalid as error:
        raise DataError(f"{files[0][1].name}: a column changes its form along the file: {error}") from error


def _grouped(kind: Kind, table: pa.Table, files: Sequence[Any], findings: Findings) -> pa.Table:
    """Return one row an id."""
    ids = table.column(kind.key).combine_chunks() if len(table) else table.column(kind.key).cast(pa.string())
    encoded = (ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    count = len(encoded.dictionary)
    if count == len(codes):
        return table
    last = np.zeros(count, np.int64)
    last[codes] = np.arange(len(codes))
    joined = {column.target for column in files[0][0].columns if column.gather}
    columns = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if name in joined:
            members = _gathered(pc.split_pattern(column, _NEVER), codes, count)
            columns[name] = pc.binary_join(members, " ")
        elif pa.types.is_list(column.type):
            columns[name] = _gathered(column, codes, count)
        else:
            columns[name] = column.take(pa.array(last))
    gathered = {name for name in columns if name in joined or pa.types.is_list(columns[name].type)}
    plain = set(columns) - gathered - {kind.key}
    if plain:
        row = int(np.flatnonzero(last[codes] != np.arange(len(codes)))[0])
        findings.add(
            Finding(
                severity=Severity.WARNING,
                what="repeated_id",
                file=files[0][1].name,
                column=kind.key,
                message="ids with several rows; lists are gathered, of everything else the last row counts",
                count=int((np.bincount(codes) > 1).sum()),
                row=row + 1,
                example=str(encoded.dictionary[int(codes[row])].as_py()),
                advice="if each row is a thing of its own, map another column as its id",
            )
        )
    return pa.table(columns)


def _gathered(lists: pa.ListArray, codes: Ints, count: int) -> pa.ListArray:
    """Return the distinct members of all lists of a code, in the order of the rows; null where there is no list."""
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    members = pc.list_flatten(lists)
    words = members.dictionary_encode()
    width = max(len(words.dictionary), 1)
    key = codes[parents] * width + words.indices.to_numpy(zero_copy_only=False)
    _, first = np.unique(key, return_index=True)
    kept = np.sort(first)
    kept = kept[np.argsort(codes[parents][kept], kind="stable")]
    sizes = np.bincount(codes[parents][kept], minlength=count)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    there = np.zeros(count, np.bool_)
    there[codes[lists.is_valid().to_numpy(zero_copy_only=False)]] = True
    return pa.ListArray.from_arrays(pa.array(offsets), members.take(pa.array(kept)), mask=pa.array(~there))


def _joined(kind: Kind, base: pa.Table, more: pa.Table, file: str, findings: Findings) -> pa.Table:
    """Return a table with the columns of another one beside it, by id.

    Raises:
        DataError: When both have a column of one name.
    """
    ids, known = more.column(kind.key), base.column(kind.key)
    at = pc.index_in(known, ids.combine_chunks() if len(ids) else pa.array([], pa.string()))
    strange = pc.invert(pc.is_in(ids, known.combine_chunks() if len(known) else pa.array([], pa.string())))
    count = int(pc.sum(strange).as_py() or 0)
    if count:
        example = ids.filter(strange)[0].as_py()
        findings.add(
            Finding(
                severity=Severity.NOTE,
                what="only_here",
                file=file,
                column=kind.key,
                message=f"ids that the first file of {kind} does not have; they are left out",
                count=count,
                example=str(example),
                advice="if they should be there, name the file that has them all first",
            )
        )
    for name in more.column_names:
        if name == kind.key:
            continue
        if name in base.column_names:
            raise DataError(f"{file} maps {name} once more; give it another name", field=name)
        base = base.append_column(name, more.column(name).take(at))
    return base
