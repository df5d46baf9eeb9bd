"""Which stored vectors are nearest to one: a graph (HNSW by faiss) for large sets, an exact scan where that is cheaper.

The index is one mapped file, vectors and graph together. The library says which are nearest; every score that leaves is
computed anew and the same way, so that equal vectors have equal scores whichever way they were found.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import faiss
import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Costs", "VectorIndex", "write_index"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_library: Any = faiss  # its stubs know half of it

GRAPH_FROM: Final = 4_096
"""Fewer vectors than this have no graph: a scan takes about as long, and is exact."""
_LINKS: Final = 16
_BUILD_EFFORT: Final = 128
_CHUNK: Final = 2_048  # vectors added before progress is told
_ASKED: Final = 16  # vectors that costs are measured by
_FEW: Final = 256  # are all scored by us, and no library is asked which are nearest
_SPARE: Final = 32  # more than are wanted of a scan: it adds in another order than ``scores``, so near ties may swap
_PROBE: Final = 16  # vectors that are looked at before a wide search under a filter
_UNPROBED: Final = 2  # a search no wider than so many efforts is not worth a look before
_WIDER: Final = 2  # places in the beam of the graph for each vector that is wanted
_SLACK: Final = 1.25  # more than its share is fetched, since survivors of a filter lie unevenly
_FILE: Final = "vectors.faiss"
_COSTS: Final = "costs.json"
_KINDS: Final = {"f16": "QT_fp16", "i8": "QT_8bit"}


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured when the index was built, seconds.

    Attributes:
        scan: Of passing over all vectors, whoever is allowed.
        row: Of scoring one that is.
        search: Of a graph search, whatever its effort.
        effort: Of each place in the beam of a graph search.
    """

    scan: float
    row: float
    search: float
    effort: float


class VectorIndex:
    """Stored vectors; read-only, may be asked from several threads at once."""

    def __init__(self, index: Any, costs: Costs | None, effort: int) -> None:
        """Hold an opened index.

        Args:
            index: Of faiss, with a graph or without.
            costs: What was measured; None: there is no graph, or everything is scanned.
            effort: Least width of the beam of a graph search.
        """
        self._index = index
        self._storage = _library.downcast_index(index.storage) if hasattr(index, "hnsw") else index
        self._costs = costs if hasattr(index, "hnsw") else None
        self._flat = isinstance(self._storage, _library.IndexFlat)
        self._stored, self._type = _bytes(self._storage)
        self._effort = effort
        self._widths: dict[int, Any] = {}
        self.size = int(index.ntotal)
        self.dimension = int(index.d)

    @classmethod
    def open(cls, folder: Path, effort: int) -> VectorIndex:
        """Map what ``write_index`` wrote.

        Raises:
            DataError: When it is damaged.
        """
        _library.omp_set_num_threads(1)  # requests are what runs side by side
        try:
            index = _library.read_index(str(folder / _FILE), _library.IO_FLAG_MMAP_IFC)
            told = json.loads((folder / _COSTS).read_text())
            return cls(index, Costs(**told) if told else None, effort)
        except (RuntimeError, ValueError, TypeError, OSError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error

    def nearest(
        self, vector: Floats, limit: int, allowed: npt.NDArray[np.bool_] | None = None, refused: int = 0
    ) -> tuple[Ints, Floats]:
        """Return positions and dot products of at least the ``limit`` nearest vectors, in any order.

        Args:
            vector: Shape ``(dimension,)``, float32, contiguous.
            limit: How many are wanted; fewer when fewer are allowed.
            allowed: Shape ``(size,)``, which may be found; None: all.
            refused: How many of those not allowed may well be the nearest of all.
        """
        many = self.size if allowed is None else int(np.count_nonzero(allowed))
        limit = min(limit, many)
        if not limit:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        wanted, found = limit, None
        if many < self.size:
            wanted = math.ceil(_SLACK * limit * self.size / min(self.size, many + refused)) + refused
        if self._graph_is_cheaper(wanted, many) and self._some_are_near(vector, wanted, allowed):
            found = self._by_graph(vector, wanted)
            found = found if allowed is None else found[allowed[found]]
        if found is None or len(found) < limit:
            found = self._by_scan(vector, limit, allowed, many)
        return found, self.scores(vector, found)

    def scores(self, vector: Floats, positions: Ints) -> Floats:
        """Return the dot products with stored vectors, shape of ``positions``."""
        if self._stored is None:
            block = self._storage.reconstruct_batch(positions)
        else:
            block = self._stored[positions].view(self._type).astype(np.float32, copy=False)
        scores: Floats = np.einsum("ij,j->i", block, vector)
        return scores

    def _graph_is_cheaper(self, wanted: int, many: int) -> bool:
        costs = self._costs
        if costs is None:
            return False
        return costs.search + costs.effort * self._width(wanted) < costs.scan + costs.row * many

    def _some_are_near(self, vector: Floats, wanted: int, allowed: npt.NDArray[np.bool_] | None) -> bool:
        """Look at a few before going far: where a filter goes with the space, nothing near the query may pass it."""
        if allowed is None or self._width(wanted) <= _UNPROBED * self._effort:
            return True
        near = self._asked(self._index, vector, _PROBE, self._searching(_PROBE))
        return bool(allowed[near].any())

    def _width(self, wanted: int) -> int:
        return max(self._effort, _WIDER * wanted)

    def _by_graph(self, vector: Floats, wanted: int) -> Ints:
        return self._asked(self._index, vector, wanted, self._searching(self._width(wanted)))

    def _searching(self, width: int) -> Any:
        """Return what tells the graph how wide to search: made once for a width, read by all threads."""
        if width not in self._widths:
            self._widths[width] = _library.SearchParametersHNSW(efSearch=width)
        return self._widths[width]

    def _by_scan(self, vector: Floats, limit: int, allowed: npt.NDArray[np.bool_] | None, many: int) -> Ints:
        if many <= _FEW:
            return np.arange(self.size) if allowed is None else np.flatnonzero(allowed)
        wanted = min(limit + _SPARE, many)
        if allowed is None:
            return self._asked(self._storage, vector, wanted, None)
        if self._flat:  # reads those that are listed and passes over nothing
            chosen = _library.IDSelectorArray(np.flatnonzero(allowed))
        else:
            chosen = _library.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        return self._asked(self._storage, vector, wanted, _library.SearchParameters(sel=chosen))

    def _asked(self, index: Any, vector: Floats, wanted: int, how: Any) -> Ints:
        _, found = index.search(vector[None], min(wanted, self.size), params=how)
        positions: Ints = found[0]
        return positions if positions[-1] >= 0 else positions[positions >= 0]

    def measured(self) -> Costs:
        """Return what a scan and searches cost here and now."""
        rng = np.random.default_rng(0)
        asked = self._storage.reconstruct_batch(rng.integers(0, self.size, _ASKED))
        shares = (0.02, 0.2)
        draws = [rng.random(self.size) < share for share in shares]
        scans = [_median_seconds(partial(self._by_scan, limit=10, allowed=a, many=self.size), asked) for a in draws]
        row = max(scans[1] - scans[0], 0.0) / (shares[1] - shares[0]) / self.size
        widths = (64, 512)
        times = [_median_seconds(partial(self._timed, width), asked) for width in widths]
        effort = max(times[1] - times[0], 0.0) / (widths[1] - widths[0])
        scan, search = scans[0] - shares[0] * self.size * row, times[0] - widths[0] * effort
        return Costs(max(scan, 0.0), row, max(search, 0.0), effort)

    def _timed(self, width: int, vector: Floats) -> None:
        self._asked(self._index, vector, 10, self._searching(width))


def write_index(
    folder: Path,
    vectors: Floats,
    storage: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write vectors, and a graph over them if they are many.

    Args:
        folder: An existing folder.
        vectors: Shape ``(n, dimension)``, finite.
        storage: ``f32``, ``f16`` or ``i8``.
        progress: Called with vectors done and their number.
    """
    _library.omp_set_num_threads(1)  # the same vectors give the same graph
    index = _empty(storage, vectors.shape[1], graph=len(vectors) >= GRAPH_FROM)
    if len(vectors):
        index.train(vectors)
    for at in range(0, len(vectors), _CHUNK):
        progress(at, len(vectors))
        index.add(np.ascontiguousarray(vectors[at : at + _CHUNK]))
    _library.write_index(index, str(folder / _FILE))
    costs = asdict(VectorIndex(index, None, 1).measured()) if len(vectors) >= GRAPH_FROM else {}
    (folder / _COSTS).write_text(json.dumps(costs))


def _empty(storage: str, dimension: int, *, graph: bool) -> Any:
    near = _library.METRIC_INNER_PRODUCT
    kind = getattr(_library.ScalarQuantizer, _KINDS[storage]) if storage in _KINDS else None
    if not graph:
        return (
            _library.IndexFlat(dimension, near)
            if kind is None
            else _library.IndexScalarQuantizer(dimension, kind, near)
        )
    flat = kind is None
    index: Any = _library.IndexHNSWFlat(dimension, _LINKS, near) if flat else _quantized(dimension, kind)
    index.hnsw.efConstruction = _BUILD_EFFORT
    return index


def _quantized(dimension: int, kind: int | None) -> Any:
    return _library.IndexHNSWSQ(dimension, kind, _LINKS, _library.METRIC_INNER_PRODUCT)


def _bytes(storage: Any) -> tuple[npt.NDArray[np.uint8] | None, type[np.floating]]:
    """Return the bytes of stored vectors, shape ``(n, bytes each)``, and the type of a number; None: an own code."""
    halves = getattr(storage, "sq", None)
    if halves is not None and halves.qtype != _library.ScalarQuantizer.QT_fp16:
        return None, np.float32
    each = int(storage.code_size)
    if not storage.ntotal:
        return np.empty((0, each), np.uint8), np.float32
    whole = _library.rev_swig_ptr(storage.codes.data(), int(storage.ntotal) * each)
    return whole.reshape(-1, each), np.float32 if halves is None else np.float16


def _median_seconds(work: Callable[[Floats], object], asked: Floats) -> float:
    """Return the median seconds of a call."""
    times = []
    for vector in np.concatenate([asked, asked]):
        start = time.perf_counter()
        work(vector)
        times.append(time.perf_counter() - start)
    return float(np.median(times))
