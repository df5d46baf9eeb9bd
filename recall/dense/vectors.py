"""Which vector belongs to which id: read from a file, checked before anything is built from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from searchrank.errors import DataError, NotFoundError

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
    def read(cls, path: Path) -> VectorTable:
        """Read and check a file.

        ``.npz`` holds ``ids``, ``vectors`` and perhaps ``encoder``; ``.parquet`` and ``.arrow`` hold columns ``id`` and
        ``vector`` and perhaps ``encoder`` in their metadata; beside ``x.npy`` stands ``x.ids``, one id a line.

        Raises:
            NotFoundError: When there is no such file.
            DataError: When it is damaged, holds NaN or infinity, an id twice, or vectors of several sizes.
        """
        if not path.is_file():
            raise NotFoundError(f"there is no file of vectors {path}")
        try:
            read = {".npz": _npz, ".npy": _npy, ".parquet": _table, ".arrow": _table}[path.suffix]
            ids, vectors, encoder = read(path)
        except KeyError as error:
            raise DataError(f"{path} is not read ({error}); write .npz, .npy, .parquet or .arrow") from error
        except (ValueError, OSError, EOFError, pa.ArrowInvalid) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        _check(path, ids, vectors)
        return cls(ids, vectors, encoder)


_Read = tuple[list[str], npt.NDArray[np.float32], str]


def _npz(path: Path) -> _Read:
    with np.load(path, allow_pickle=False) as kept:
        encoder = str(kept["encoder"]) if "encoder" in kept else ""
        return kept["ids"].astype(str).tolist(), kept["vectors"].astype(np.float32), encoder


def _npy(path: Path) -> _Read:
    ids = path.with_suffix(".ids").read_text(encoding="utf-8").splitlines()
    return ids, np.load(path, allow_pickle=False).astype(np.float32), ""


def _table(path: Path) -> _Read:
    if path.suffix == ".parquet":
        table = pq.read_table(path, columns=["id", "vector"])
    else:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
    encoder = (table.schema.metadata or {}).get(b"encoder", b"").decode()
    vectors, there = column_vectors(table["vector"])
    if not there.all():
        raise DataError(f"{path}: row {int(np.argmin(there))} has no vector; leave the row out", field="vector")
    return table["id"].cast(pa.string()).to_pylist(), vectors, encoder


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
        twice = next(one for one in ids if ids.count(one) > 1)
        raise DataError(f"{path} holds the id {twice!r} twice")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        at = int(np.argmin(finite))
        raise DataError(f"{path}: the vector of {ids[at]!r} holds NaN or infinity ({len(ids) - finite.sum()} do)")
