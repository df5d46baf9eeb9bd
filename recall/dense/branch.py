"""Items whose vectors are nearest to that of the query: what no word of it matches is found too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from recall.branch import Candidates, Query, rank
from recall.dense.encoding import CachedEncoder, TabledEncoder, check_makers
from recall.dense.space import scaled, scaled_one
from recall.indexes.manifest import IndexManifest
from searchrank.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

    from recall.dense.config import DenseConfig
    from recall.dense.encoding import Encoder
    from recall.dense.index import VectorIndex
    from recall.late import Late

__all__ = ["NAME", "DenseBranch", "searching"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NAME: Final = "dense"
MAX_CHARACTERS: Final = 2_048
"""Characters of a query that are encoded."""
_UNFILTERED: Final = Query()
_NOTHING: Final = np.empty(0, np.int64)


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
            rows = np.asarray(np.load(folder / "rows.npy", mmap_mode="r"))
        except (ValueError, OSError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        index = searching().VectorIndex.open(folder, config.effort)
        if index.size != len(rows):
            raise DataError(f"{folder} holds {index.size} vectors of {len(rows)} items; run 'searchrank index'")
        encoder = _opened(folder, told)
        if encoder is not None:
            check_makers(told["made_by"], encoder.fingerprint)
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
        found = self._indexed(vector, query, limit, late.replaced if late else _NOTHING)
        if late is None:
            return found
        scored = self._scanned(vector, query, late)
        return rank(np.append(found.rows, scored.rows), np.append(found.scores, scored.scores), limit, _UNFILTERED)

    def _wanted(self, query: Query) -> Floats | None:
        vector = query.given.get(self._config.input) if self._config.input else None
        if vector is None and self._encoder is not None and query.text.strip():
            vector = self._encoder.encode(query.text[:MAX_CHARACTERS])
        if vector is None:
            return None
        size = self._index.dimension - (self._config.metric != "cosine")
        if vector.shape != (size,):
            raise DataError(f"the query's vector is of size {vector.size}, those of items are of {size}")
        return scaled_one(vector, self._config.metric)

    def _indexed(self, vector: Floats, query: Query, limit: int, replaced: Ints) -> Candidates:
        if query.allowed is None and not len(query.exclude) and not len(replaced):
            return self._ranked(*self._index.nearest(vector, limit), limit)
        refused = self._places(np.append(query.exclude, replaced) if len(replaced) else query.exclude)
        allowed = None
        if query.allowed is not None:
            allowed = query.allowed[: self.size] if self._whole else query.allowed[self._rows]
            allowed = None if allowed.all() else allowed
        if len(refused):
            allowed = np.ones(len(self._rows), np.bool_) if allowed is None else allowed.copy()
            allowed[refused] = False
        places, scores = self._index.nearest(vector, limit, allowed, len(refused))
        return self._ranked(places, scores, limit)

    def _ranked(self, places: Ints, scores: Floats, limit: int) -> Candidates:
        return rank(places if self._whole else self._rows[places], scores, limit, _UNFILTERED)

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
        searched = scaled(vectors[there], self._config.metric)
        return rank(late.rows[there], np.einsum("ij,j->i", searched, vector), max(1, len(there)), query)


def _opened(folder: Path, told: dict[str, Any]) -> Encoder | None:
    if told["folder"]:
        from recall.dense.sentence import SentenceEncoder  # noqa: PLC0415 - its libraries are an extra

        return SentenceEncoder.open(told["folder"])
    return None if told["table"] is None else TabledEncoder.open(folder, told["table"])


def searching() -> Any:
    """Import what searches and writes vectors: ``recall.dense.index``.

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
