"""Items whose vectors are nearest to that of the query: what no word of it matches is found too."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from recall.branch import Candidates, Query, rank
from recall.dense.encoding import CachedEncoder, TabledEncoder, write_queries
from recall.indexes.manifest import IndexManifest
from searchrank.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recall.dense.config import DenseConfig
    from recall.dense.encoding import Encoder
    from recall.dense.index import VectorIndex
    from recall.dense.vectors import VectorTable
    from recall.late import Late

__all__ = ["DenseBranch", "QuerySide", "build_dense"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NAME: Final = "dense"
MAX_CHARACTERS: Final = 2_048
"""Characters of a query that are encoded."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QuerySide:
    """Where vectors of queries come from, and what made the vectors of items.

    Attributes:
        made_by: Fingerprint of the encoder of the items; empty when nobody said.
        table: Embeddings of queries made beforehand, or None.
        folder: Of a sentence encoder; empty: none.
    """

    made_by: str = ""
    table: VectorTable | None = None
    folder: str = ""


class DenseBranch:
    """Nearest vectors; the score is the cosine or the inner product with the vector as it is stored."""

    name = NAME

    def __init__(self, index: VectorIndex, rows: Ints, size: int, config: DenseConfig, encoder: Encoder | None) -> None:
        """Hold an opened index.

        Args:
            index: The vectors.
            rows: Shape ``(n,)``, the catalogue row of each, ascending.
            size: Rows of the catalogue.
            config: The branch's configuration.
            encoder: Makes vectors of words; None: only vectors that come with requests are searched for.
        """
        self.size = size
        self._index = index
        self._rows = rows
        self._whole = len(rows) == size
        self._config = config
        self._encoder = encoder

    @property
    def waits(self) -> bool:
        """Whether a network makes vectors of words while others wait; searching takes no longer than reading arrays."""
        return bool(self._config.encoder)

    @classmethod
    def open(cls, folder: Path, config: DenseConfig) -> DenseBranch:
        """Open what ``build_dense`` wrote.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged, or another encoder made its vectors than will make those of queries.
            ConfigError: When a library is not installed.
        """
        manifest = IndexManifest.read(folder, NAME)
        try:
            told = json.loads((folder / "encoder.json").read_text())
            rows = np.load(folder / "rows.npy", mmap_mode="r")
        except (ValueError, OSError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        index = _library().VectorIndex.open(folder, config.effort)
        if index.size != len(rows):
            raise DataError(f"{folder} holds {index.size} vectors of {len(rows)} items; run 'searchrank index'")
        encoder = _opened(folder, told)
        if encoder is not None and encoder.fingerprint != told["made_by"]:
            raise DataError(
                f"the vectors of items were made by {told['made_by'] or 'nobody knows what'!r}, those of queries by "
                f"{encoder.fingerprint or 'nobody knows what'!r}; use one encoder for both, then run 'searchrank index'"
            )
        return cls(index, rows, manifest.size, config, None if encoder is None else CachedEncoder(encoder))

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the nearest items; nothing for a query that has no vector.

        Raises:
            DataError: When the query's vector has another size than those of the items.
        """
        vector = self._wanted(query)
        if vector is None:
            return Candidates.empty()
        late = query.late if query.late is not None and self._config.vectors in query.late.vectors else None
        found = self._indexed(vector, query, limit, late.replaced if late else np.empty(0, np.int64))
        if late is None:
            return found
        scored = self._scanned(vector, query, late)
        return rank(np.append(found.rows, scored.rows), np.append(found.scores, scored.scores), limit, Query())

    def _wanted(self, query: Query) -> Floats | None:
        vector = query.given.get(self._config.input) if self._config.input else None
        if vector is None and self._encoder is not None and query.text.strip():
            vector = self._encoder.encode(query.text[:MAX_CHARACTERS])
        if vector is None or not np.isfinite(vector).all() or not vector.any():
            return None
        size = self._index.dimension - (self._config.metric != "cosine")
        if vector.shape != (size,):
            raise DataError(f"the query's vector is of size {vector.size}, those of items are of {size}")
        wanted: Floats = _scaled(vector[None].astype(np.float32), self._config.metric)[0]
        return wanted

    def _indexed(self, vector: Floats, query: Query, limit: int, replaced: Ints) -> Candidates:
        refused = self._places(np.append(query.exclude, replaced))
        allowed = None
        if query.allowed is not None:
            allowed = query.allowed[: self.size] if self._whole else query.allowed[self._rows]
            allowed = None if allowed.all() else allowed
        if len(refused):
            allowed = np.ones(len(self._rows), np.bool_) if allowed is None else allowed.copy()
            allowed[refused] = False
        places, scores = self._index.nearest(vector, limit, allowed, len(refused))
        return rank(np.asarray(self._rows[places]), scores, limit, Query())

    def _places(self, rows: Ints) -> Ints:
        """Return where rows are in the index, each once; those that are not are left out."""
        if not len(rows) or not len(self._rows):
            return np.empty(0, np.int64)
        places = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        return np.unique(places[self._rows[places] == rows])

    def _scanned(self, vector: Floats, query: Query, late: Late) -> Candidates:
        """Score the items put since; those without a vector are not found."""
        vectors = np.asarray(late.vectors[self._config.vectors], np.float32)
        there = np.flatnonzero(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1))
        scaled = _scaled(vectors[there], self._config.metric)
        return rank(late.rows[there], np.einsum("ij,j->i", scaled, vector), max(1, len(there)), query)


def build_dense(  # noqa: PLR0913 - what an index is made of
    folder: Path,
    config: DenseConfig,
    rows: Ints,
    vectors: Floats,
    size: int,
    *,
    queries: QuerySide | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Index the vectors of items.

    Args:
        folder: An empty folder.
        config: Metric and storage.
        rows: Shape ``(n,)``, the catalogue row of each, unique; ``size`` or more: unknown, left out.
        vectors: Shape ``(n, dimension)``, finite; zero vectors are left out when cosines are wanted.
        size: Rows of the catalogue.
        queries: What made the vectors, and where those of queries come from.
        progress: Called with vectors done and their number.

    Raises:
        DataError: When queries and items have vectors of different sizes.
        ConfigError: When the library is not installed.
    """
    queries = queries or QuerySide(config.made_by)
    known = rows < size
    kept = known & vectors.any(axis=1) if config.metric == "cosine" else known
    order = np.flatnonzero(kept)[np.argsort(rows[kept], kind="stable")]
    _tell(len(rows) - int(known.sum()), int(known.sum() - kept.sum()), size - len(order))
    scaled = _scaled(vectors[order].astype(np.float32), config.metric)
    _library().write_index(folder, _evened(scaled) if config.metric != "cosine" else scaled, config.storage, progress)
    np.save(folder / "rows.npy", rows[order].astype(np.int64))
    told = {"made_by": queries.made_by, "table": None, "folder": queries.folder}
    if queries.table is not None:
        if queries.table.vectors.shape[1] != vectors.shape[1]:
            sizes = f"{queries.table.vectors.shape[1]}, those of items are of {vectors.shape[1]}"
            raise DataError(f"vectors of queries are of size {sizes}", field="recall.dense.queries")
        write_queries(folder, queries.table)
        told["table"] = queries.table.encoder
    (folder / "encoder.json").write_text(json.dumps(told))
    IndexManifest(branch=NAME, size=size, recipe=config.recipe).write(folder)


def _tell(unknown: int, zero: int, without: int) -> None:
    if unknown or zero or without:
        _logger.warning(
            "dense: %d vectors are of unknown items, %d are zero; %d items have none and are never found",
            unknown,
            zero,
            without,
        )


def _scaled(vectors: Floats, metric: str) -> Floats:
    """Return vectors of length one where cosines are wanted, else with one more number, 0."""
    if metric != "cosine":
        return np.concatenate([vectors, np.zeros((len(vectors), 1), np.float32)], axis=1)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    scaled: Floats = (vectors / lengths[:, None]).astype(np.float32)
    return scaled


def _evened(vectors: Floats) -> Floats:
    """Return vectors whose last number makes all equally long: a graph of unequal ones leads to the long ones only.

    That of queries is 0, so that inner products stay what they were (Bachrach et al., RecSys 2014).
    """
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    vectors[:, -1] = np.sqrt(squares.max(initial=0.0) - squares)
    return vectors


def _opened(folder: Path, told: dict[str, Any]) -> Encoder | None:
    if told["folder"]:
        from recall.dense.sentence import SentenceEncoder  # noqa: PLC0415 - its libraries are an extra

        return SentenceEncoder.open(told["folder"])
    return None if told["table"] is None else TabledEncoder.open(folder, told["table"])


def _library() -> Any:
    """Import what searches.

    Raises:
        ConfigError: When it is not installed.
    """
    try:
        from recall.dense import index  # noqa: PLC0415 - the library is an extra
    except ImportError:
        raise ConfigError(
            "searching vectors needs a library: pip install 'searchrank[dense]'", field="recall.dense"
        ) from None
    return index
