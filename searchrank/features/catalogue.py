"""Items by row: encoded once into fixed-size records, mapped read-only by every process.

The same form keeps user profiles (``root=Root.USER``). A folder holds ``records.bin`` (one record an item and a last
one in which everything is missing), ``ids.arrow``, ``hashes.npy``, two hash tables and ``manifest.json``, which is
written last. A file is never changed once written: a new catalogue is a new folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import ConflictError, DataError, NotFoundError
from searchrank.features.definitions import FeatureSet
from searchrank.features.hash_table import HashTable
from searchrank.features.inputs import Input, Root, layout
from searchrank.features.records import Encoder
from searchrank.features.text import ANALYSER_REVISION, hash_texts

__all__ = ["MAX_ID_BYTES", "Catalogue", "stored_inputs"]

MAX_ID_BYTES: Final = 128
FORMAT: Final = 1
_CHUNK: Final = 65_536
_CHUNK_BYTES: Final = 64 << 20

Ints = npt.NDArray[np.int64]


def stored_inputs(feature_set: FeatureSet, root: Root) -> tuple[Input, ...]:
    """Return the inputs of a root that are handed in and kept, in record order: no statistics."""
    return tuple(i for i in feature_set.inputs.values() if i.root is root and i.statistic is None)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """A written catalogue, open for reading; safe to read from any thread.

    Attributes:
        ids: The ids as given, by row, shape (n,).
        hashes: ``hash_text`` of the ids, shape (n,).
        records: Shape (n + 1,), the last one all missing; layout of ``stored_inputs``. Read-only.
    """

    ids: pa.StringArray
    hashes: Ints
    records: npt.NDArray[np.void]
    _table: HashTable

    def __len__(self) -> int:
        return len(self.hashes)

    @classmethod
    def write(cls, folder: Path, feature_set: FeatureSet, table: pa.Table, *, root: Root = Root.ITEM) -> None:
        """Encode a raw table into a folder.

        Args:
            folder: Made if need be; must hold no catalogue.
            feature_set: Declares the columns.
            table: ``item_id`` (``user_id`` for users; text or integers) and one column for each input by its full
                name. An absent column is all missing, an undeclared one is not looked at.
            root: Whose values: items or users.

        Raises:
            DataError: When an id is missing, too long or not unique, or a column has the wrong type.
            ConflictError: When the folder holds a catalogue.
        """
        if (folder / "manifest.json").exists():
            raise ConflictError(f"{folder} holds a catalogue already; a catalogue is never overwritten")
        ids = _read_ids(table, f"{root}_id")
        hashes = _hash_distinct(ids, f"{root}_id")
        folder.mkdir(parents=True, exist_ok=True)
        inputs = stored_inputs(feature_set, root)
        _write_records(folder / "records.bin", inputs, table)
        with pa.ipc.new_file(folder / "ids.arrow", pa.schema([("id", pa.string())])) as writer:
            writer.write_batch(pa.record_batch([ids], names=["id"]))
        np.save(folder / "hashes.npy", hashes)
        np.save(folder / "table.npy", HashTable.build(hashes).slots)
        manifest = {"format": FORMAT, "root": root.value, "rows": len(ids), "inputs": _digest(inputs)}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def open(cls, folder: Path, feature_set: FeatureSet, *, root: Root = Root.ITEM) -> Catalogue:
        """Map a catalogue.

        Raises:
            NotFoundError: When the folder holds no catalogue.
            DataError: When it was built from other inputs, or a file is damaged.
        """
        inputs = stored_inputs(feature_set, root)
        rows = _check_manifest(folder, root, inputs)
        try:
            return cls._map(folder, rows, layout(inputs))
        except (OSError, ValueError) as error:  # Arrow's errors are ValueErrors
            raise DataError(f"{folder} is damaged: {error}; rebuild the snapshot") from error

    @classmethod
    def _map(cls, folder: Path, rows: int, kind: np.dtype[np.void]) -> Catalogue:
        path = folder / "records.bin"
        if path.stat().st_size != (rows + 1) * kind.itemsize:
            raise DataError(f"{path} is damaged: not {rows + 1} records of {kind.itemsize} bytes; rebuild the snapshot")
        with pa.memory_map(str(folder / "ids.arrow")) as source:
            ids = pa.ipc.open_file(source).read_all().column("id").combine_chunks()
        return cls(
            ids if isinstance(ids, pa.StringArray) else ids.chunk(0),
            np.load(folder / "hashes.npy", mmap_mode="r" if rows else None),
            np.memmap(path, dtype=kind, mode="r", shape=(rows + 1,)).view(np.ndarray),
            HashTable(np.load(folder / "table.npy", mmap_mode="r")),
        )

    def rows(self, ids: Sequence[str]) -> Ints:
        """Return the row of each id, shape (n,); ``len(self)``, the missing record, for an unknown one."""
        return self._table.rows(hash_texts(ids))

    def rows_of_hashes(self, hashes: Ints) -> Ints:
        """Return the row of each ``hash_text`` of an id, shape (n,); ``len(self)`` for an unknown one."""
        return self._table.rows(hashes)


def _read_ids(table: pa.Table, column: str) -> pa.StringArray:
    if column not in table.column_names:
        raise DataError(f"the table has no such column, only {table.column_names[:10]}", field=column)
    values = table.column(column)
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    allowed = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_null)
    if not any(is_one(kind) for is_one in allowed):
        raise DataError(f"ids are text or integers, not {kind}", field=column)
    joined = values.cast(kind).cast(pa.string()).combine_chunks()
    ids = (
        joined if isinstance(joined, pa.StringArray) else pa.concat_arrays([pa.array([], pa.string()), *joined.chunks])
    )
    lengths = pc.fill_null(pc.binary_length(ids), 0).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(lengths == 0)[:1]:
        raise DataError(f"row {row} has no id", field=column)
    for row in np.flatnonzero(lengths > MAX_ID_BYTES)[:1]:
        start = ids[int(row)].as_py()[:40]
        raise DataError(f"row {row}: {start!r}… has {lengths[row]} bytes, at most {MAX_ID_BYTES}", field=column)
    return ids


def _hash_distinct(ids: pa.StringArray, column: str) -> Ints:
    hashes = hash_texts(ids.to_pylist())
    order = np.argsort(hashes, kind="stable")
    twins = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    if len(twins):
        first, second = (int(order[twins[0] + k]) for k in (0, 1))
        one, other = ids[first].as_py(), ids[second].as_py()
        why = "is there twice" if one == other else f"and {other!r} are one to the 64-bit hash; rename one"
        raise DataError(f"{one!r} {why} (rows {first} and {second}, {len(twins)} such in all)", field=column)
    return hashes


def _write_records(path: Path, inputs: tuple[Input, ...], table: pa.Table) -> None:
    encoder = Encoder(inputs)
    names = [i.name for i in inputs if i.name in table.column_names]
    rows = max(1, min(_CHUNK, _CHUNK_BYTES // encoder.layout.itemsize))
    with path.open("wb") as file:
        for start in range(0, len(table), rows):
            part = table.slice(start, rows)
            # Lists are looked at whole, so that a slice must not drag the other chunks along.
            columns: dict[str, Any] = {name: pa.concat_arrays(_own(part.column(name))) for name in names}
            encoder.encode(columns, len(part)).tofile(file)
        encoder.missing().tofile(file)


def _own(column: pa.ChunkedArray) -> list[pa.Array]:
    """Return the chunks without dictionaries, and an empty one, so that joining them copies just these rows."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return [pa.array([], column.type), *column.chunks]


def _digest(inputs: tuple[Input, ...]) -> str:
    """Return what the bytes of records depend on: the declared storage of each input, and the analyser."""
    parts = [repr((i.name, i.type.value, i.missing, i.size, i.limit)) for i in inputs]
    return hashlib.sha256("\n".join([f"analyser@{ANALYSER_REVISION}", *parts]).encode()).hexdigest()


def _check_manifest(folder: Path, root: Root, inputs: tuple[Input, ...]) -> int:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"no catalogue in {folder}; build a snapshot with 'searchrank index'") from None
    except ValueError as error:
        raise DataError(f"{folder / 'manifest.json'} is damaged: {error}; rebuild the snapshot") from None
    if manifest.get("format") != FORMAT or manifest.get("root") != root.value:
        raise DataError(f"{folder} is not a {root} catalogue of format {FORMAT}; rebuild the snapshot")
    if manifest.get("inputs") != _digest(inputs):
        raise DataError(f"{folder} was built from other {root}.* inputs than are declared now; rebuild the snapshot")
    return int(manifest["rows"])
