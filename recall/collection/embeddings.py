"""Embeddings of a collection's documents and queries, made beforehand by whatever made them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from recall.collection.jsonl import read_lines
from recall.dense.vectors import VectorTable
from searchrank.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Embeddings"]

_DOCUMENTS: Final = ("doc_ids", "docs")
_QUERIES: Final = ("query_ids", "queries")
_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of documents and, perhaps, of queries.

    Attributes:
        name: Of the file that they were read from.
        documents: By ``_id``.
        queries: By text; None: an encoder makes those of queries.
    """

    name: str
    documents: VectorTable
    queries: VectorTable | None = None

    @classmethod
    def read(cls, path: Path, queries: Path | None = None) -> Embeddings:
        """Read a file of vectors.

        An ``.npz`` may hold those of both as ``doc_ids``, ``docs``, ``query_ids``, ``queries`` and perhaps ``encoder``;
        without that its own name stands for what made them. Any other file that a project may name holds those of
        documents alone.

        Args:
            path: The file.
            queries: JSON lines of ``_id`` and ``text``, the texts of the queries in it; None: its queries are not read.

        Raises:
            NotFoundError: When a file is not there.
            DataError: When one is damaged, or they know no query in common.
        """
        both = _holds_both(path)
        documents = VectorTable.read(path, _DOCUMENTS) if both else VectorTable.read(path)
        if queries is None:
            return cls(path.name, documents)
        if not both:
            raise DataError(f"{path} holds vectors of documents alone; {', '.join(_QUERIES)} are those of queries")
        maker = documents.encoder or path.name
        known = VectorTable.read(path, _QUERIES)
        return cls(path.name, replace(documents, encoder=maker), replace(_by_text(known, queries), encoder=maker))


def _holds_both(path: Path) -> bool:
    if path.suffix != ".npz" or not path.is_file():
        return False
    try:
        with np.load(path, allow_pickle=False) as kept:
            return _DOCUMENTS[0] in kept
    except (ValueError, OSError, EOFError, AttributeError):  # whoever reads the table says what is wrong
        return False


def _by_text(known: VectorTable, queries: Path) -> VectorTable:
    at = {name: place for place, name in enumerate(known.ids)}
    lines = list(read_lines(queries))
    texts = {line.text: at[line.id] for line in reversed(lines) if line.id in at}
    if not texts:
        raise DataError(f"{queries} holds none of the {len(known.ids):,} queries that have vectors")
    without = sum(line.id not in at for line in lines)
    if without:
        _logger.warning("dense: %d of %d queries have no vector and are looked for by words alone", without, len(lines))
    return VectorTable(list(texts), known.vectors[list(texts.values())])
