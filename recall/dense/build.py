"""Writes the index of the dense branch: vectors, the rows they belong to, and what makes those of queries."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from recall.dense.branch import NAME, searching
from recall.dense.encoding import check_makers, write_queries
from recall.dense.sentence import digest_of
from recall.dense.space import evened, scaled
from recall.indexes.manifest import IndexManifest
from searchrank.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recall.dense.config import DenseConfig
    from recall.dense.vectors import VectorTable

__all__ = ["QuerySide", "build_dense"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_logger: Final = logging.getLogger(__name__)


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
        DataError: When queries and items have vectors of different sizes or of different encoders.
        NotFoundError: When the sentence encoder is not there.
        ConfigError: When nobody says which encoder made them, or the library is not installed.
    """
    queries = queries or QuerySide(config.made_by)
    if queries.table is not None or queries.folder:
        check_makers(queries.made_by, digest_of(queries.folder) if queries.table is None else queries.table.encoder)
    known = rows < size
    kept = known & vectors.any(axis=1) if config.metric == "cosine" else known
    order = np.flatnonzero(kept)[np.argsort(rows[kept], kind="stable")]
    _tell(len(rows) - int(known.sum()), int(known.sum() - kept.sum()), size - len(order))
    searched = scaled(vectors[order].astype(np.float32), config.metric)
    searched = evened(searched) if config.metric != "cosine" else searched
    searching().write_index(folder, searched, config.storage, progress)
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
