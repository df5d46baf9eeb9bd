"""The libraries that ``ann.py`` compares, each called directly: how it builds, saves, opens and searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt
import usearch.index
import voyager

__all__ = ["LIBRARIES", "Floats", "Ints", "Library", "Search", "exact"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Search = Callable[[Floats], Ints]
"""From a vector to the positions of the ten nearest."""

LINKS: Final = 16
BUILD_WIDTH: Final = 128
WIDTH: Final = 64
"""Of every library and of our branch: the same graph, searched equally far."""
_any_faiss: Any = faiss


@dataclass(frozen=True)
class Library:
    """How one library is used.

    Attributes:
        build: Indexes vectors on one thread and writes a file.
        open: Reads the file and returns what searches.
    """

    build: Callable[[Floats, Path], None]
    open: Callable[[Path], Search]


def _build_faiss(vectors: Floats, path: Path) -> None:
    _any_faiss.omp_set_num_threads(1)
    index = _any_faiss.IndexHNSWFlat(vectors.shape[1], LINKS, _any_faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILD_WIDTH
    index.add(vectors)
    _any_faiss.write_index(index, str(path))


def _open_faiss(path: Path) -> Search:
    _any_faiss.omp_set_num_threads(1)
    index = _any_faiss.read_index(str(path))
    index.hnsw.efSearch = WIDTH
    return lambda vector: index.search(vector[None], 10)[1][0]


def _usearch(kind: str) -> Library:
    def build(vectors: Floats, path: Path) -> None:
        index = usearch.index.Index(
            ndim=vectors.shape[1],
            metric="ip",
            dtype=kind,
            connectivity=LINKS,
            expansion_add=BUILD_WIDTH,
            expansion_search=WIDTH,
        )
        index.add(np.arange(len(vectors)), vectors, threads=1)
        index.save(str(path))

    def opened(path: Path) -> Search:
        index = usearch.index.Index.restore(str(path))
        index.expansion_search = WIDTH
        return lambda vector: index.search(vector, 10, threads=1).keys.astype(np.int64)

    return Library(build, opened)


def _build_voyager(vectors: Floats, path: Path) -> None:
    index = voyager.Index(voyager.Space.InnerProduct, vectors.shape[1], M=LINKS, ef_construction=BUILD_WIDTH)
    index.add_items(vectors, num_threads=1)
    index.save(str(path))


def _open_voyager(path: Path) -> Search:
    index = voyager.Index.load(str(path))
    return lambda vector: index.query(vector, 10, num_threads=1, query_ef=WIDTH)[0].astype(np.int64)


LIBRARIES: Final[Mapping[str, Library]] = {
    "faiss": Library(_build_faiss, _open_faiss),
    "usearch": _usearch("f32"),
    "usearch_f16": _usearch("f16"),
    "usearch_i8": _usearch("i8"),
    "voyager": Library(_build_voyager, _open_voyager),
}
"""hnswlib is not among them: there is no wheel of it, and it has to be compiled where it is installed."""


def exact(vectors: Floats) -> Search:
    """Return what scans all vectors: the flat index of faiss, on one thread."""
    _any_faiss.omp_set_num_threads(1)
    index = _any_faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda vector: index.search(vector[None], 10)[1][0]
