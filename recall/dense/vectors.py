"""Which vector belongs to which id: read from a file, checked before anything is built from it."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from searchrank.errors import ConfigError, DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["VectorTable", "column_vectors"]


@dataclass(frozen=True, slots=True)
class VectorTable:
    """Vectors by id.

    Attributes:
        ids: Of items or, for embeddings of queries, their texts; unique.
        vectors: Shape ``(n, dimension)`` float32, finite.
        encoder: Fingerprint of what made them; empty when nobody said.
    """

    ids: Sequence[str]
    vectors: npt.NDArray[np.float32]
    encoder: str = ""

    @classmethod
    def read(cls, path: Path, arrays: tuple[str, str] = ("ids", "vectors")) -> VectorTable:
        """Read and check a file.

        ``.npz`` holds ``ids``, ``vectors`` and perhaps ``encoder``; ``.parquet`` and ``.arrow`` hold columns ``id`` and
        ``vector`` and perhaps ``encoder`` in their metadata; beside ``x.npy`` stands ``x.ids``, one id a line.

        Args:
            path: The file.
            arrays: What the ids and the vectors are called in an ``.npz``.

        Raises:
            NotFoundError: When there is no such file.
            DataError: When it is damaged, holds NaN or infinity, an id twice, or vectors of several sizes.
        """
        if not path.is_file():
            raise NotFoundError(f"there is no file of vectors {path}")
        read = _READERS.get(path.suffix)
        if read is None:
            raise DataError(f"{path} is not read; write .npz, .npy, .parquet or .arrow")
        try:
            ids, vectors, encoder = read(path, arrays)
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, pa.ArrowInvalid) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        _check(path, ids, vectors)
        return cls(ids, vectors, encoder)

    def said(self, made_by: str, field: str) -> VectorTable:
        """Return the table as made by what a configuration says, if it says anything.

        Args:
            made_by: As configured; empty: nothing is said.
            field: Where the vectors are configured, for the message.

        Raises:
            ConfigError: When the file says otherwise.
        """
        if made_by and self.encoder and made_by != self.encoder:
            raise ConfigError(
                f"made_by says {made_by!r}, the file says {self.encoder!r}; leave out made_by", field=field
            )
        return replace(self, encoder=self.encoder or made_by)


_Read = tuple[list[str], npt.NDArray[np.float32], str]


def _npz(path: Path, arrays: tuple[str, str]) -> _Read:
    with np.load(path, allow_pickle=False) as kept:
        missing = [name for name in arrays if name not in kept]
        if missing:
            raise ValueError(f"it holds no array {missing[0]!r}, but {', '.join(kept.files) or 'nothing'}")
        encoder = str(kept["encoder"]) if "encoder" in kept else ""
        ids, vectors = (kept[name] for name in arrays)
        return ids.astype(str).tolist(), vectors.astype(np.float32), encoder


def _npy(path: Path, _arrays: tuple[str, str]) -> _Read:
    ids = path.with_suffix(".ids").read_text(encoding="utf-8").splitlines()
    return ids, np.load(path, allow_pickle=False).astype(np.float32), ""


def _table(path: Path, _arrays: tuple[str, str]) -> _Read:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    else:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
    missing = [name for name in ("id", "vector") if name not in table.column_names]
    if missing:
        raise ValueError(f"it holds no column {missing[0]!r}, but {', '.join(table.column_names) or 'nothing'}")
    encoder = (table.schema.metadata or {}).get(b"encoder", b"").decode()
    vectors, there = column_vectors(table["vector"])
    if not there.all():
        raise DataError(f"{path}: row {int(np.argmin(there))} has no vector; leave the row out", field="vector")
    return table["id"].cast(pa.string()).to_pylist(), vectors, encoder


_READERS: Final = {".npz": _npz, ".npy": _npy, ".parquet": _table, ".arrow": _table}


def column_vectors(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return the vectors of a column of lists, shape ``(n, dimension)``, and which rows have one.

    Raises:
        DataError: When they differ in size.
    """
    cells = column.combine_chunks()
    there = cells.is_valid().to_numpy(zero_copy_only=False)
    lengths = cells.drop_null().value_lengths() if not pa.types.is_fixed_size_list(cells.type) else None
    sizes = {cells.type.list_size} if lengths is None else set(lengths.to_pylist())
    if len(sizes) > 1:
        raise DataError(f"vectors differ in size: {sorted(sizes)[:5]}", field="vector")
    vectors = np.zeros((len(cells), next(iter(sizes), 0)), np.float32)
    flat = cells.drop_null().flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)
    vectors[there] = flat.reshape(-1, vectors.shape[1])
    return vectors, there


def _check(path: Path, ids: list[str], vectors: npt.NDArray[np.float32]) -> None:
    if vectors.ndim != 2 or len(ids) != len(vectors) or not vectors.shape[1]:
        raise DataError(f"{path} holds {len(ids)} ids and vectors of shape {vectors.shape}; one row an id is wanted")
    if len(set(ids)) < len(ids):
        twice = next(one for one, count in Counter(ids).items() if count > 1)
        raise DataError(f"{path} holds the id {twice!r} twice")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        at = int(np.argmin(finite))
        raise DataError(f"{path}: the vector of {ids[at]!r} holds NaN or infinity ({len(ids) - finite.sum()} do)")
