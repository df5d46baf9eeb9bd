"""Words of the query found in texts of the item: BM25 by tantivy behind our own analyser.

Texts reach tantivy already cut into tokens and joined by spaces, and a query is built from tokens term by
term, so that no query syntax exists and both sides are cut by the same code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import tantivy

from recall.branch import Candidates, Query, rank
from recall.lexical.config import JOINED
from recall.lexical.index import NAME, ROW, open_lexical
from recall.lexical.query import Reader, Unit, Writer
from recall.lexical.wording import open_wording
from searchrank.features.text import hash_texts, tokenize

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from recall.late import Late
    from recall.lexical.config import LexicalConfig

__all__ = ["LexicalBranch"]

MAX_HITS: Final = 50_000
"""Hits that are looked through for allowed rows."""
MAX_NAMED: Final = 5_000
"""Allowed rows that are looked among; if there are more, hits are looked through (measured: the one gets dearer)."""
_WIDER: Final = 8
_K1: Final = 1.2  # tantivy's; Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009


class LexicalBranch:
    """Search in the texts of the catalogue; the score is BM25 summed over tokens and boosted fields."""

    name = NAME
    waits = True

    def __init__(self, index: tantivy.Index, config: LexicalConfig, reader: Reader, size: int) -> None:
        """Hold an opened index.

        Args:
            index: What ``build_lexical`` wrote, opened.
            config: How it was built, and the boosts.
            reader: Reads queries.
            size: Rows of the catalogue.
        """
        self.size = size
        self._schema = index.schema
        self._searcher = index.searcher()
        self._fields = tuple(config.fields)
        self._reader = reader
        self._writer = Writer(config, self._schema, self._searcher)

    @classmethod
    def open(cls, folder: Path, config: LexicalConfig) -> LexicalBranch:
        """Open an index.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged or was cut by another analyser.
            ConfigError: When a library that cuts its texts is not installed.
        """
        index, size = open_lexical(folder, config)
        analyser = config.analyser()
        return cls(index, config, Reader(config, analyser, open_wording(folder, config, analyser)), size)

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the items that hold most of the query's rare words; nothing for a query without words."""
        units = self._reader.read(query.text)
        if not units:
            return Candidates.empty()
        wanted = self._writer.write(units)
        if query.late is None:
            return self._indexed(wanted, query, limit)
        current = replace(query, exclude=np.append(query.exclude, query.late.replaced), late=None)
        indexed, late = self._indexed(wanted, current, limit), self._scanned(units, query, query.late)
        return rank(np.append(indexed.rows, late.rows), np.append(indexed.scores, late.scores), limit, Query())

    def _scanned(self, units: list[Unit], query: Query, late: Late) -> Candidates:
        """Score the items put since, as BM25 would with texts of mean length and the index's counts of documents.

        They are kept as the feature language cuts texts, so a word is found as it was written.
        """
        scores, possible = np.zeros(len(late.rows)), np.ones(len(late.rows), np.bool_)
        for unit in units:
            run = hash_texts(tokenize(unit.written)).tolist()
            counts = {field: late.counts(field, run) for field in self._fields}
            counts[JOINED] = np.sum(list(counts.values()), axis=0)
            for field, boost in unit.boosts.items():
                if (held := counts[field]).any():
                    rarity = sum(self._writer.rarity(self._writer.holding(field, token)) for token in unit.run)
                    scores += boost * rarity * held * (1 + _K1) / (held + _K1)
            if unit.required:
                possible &= np.any([counts[field] > 0 for field in unit.boosts], axis=0)
        possible &= scores > 0
        return rank(late.rows[possible], scores[possible], len(scores), query)

    def _indexed(self, wanted: tantivy.Query, query: Query, limit: int) -> Candidates:
        most = min(limit + min(limit, len(query.exclude)), self._searcher.num_docs)
        if not most:
            return Candidates.empty()
        wanted = self._among(wanted, query.allowed)
        rows, scores = self._hits(wanted, most)
        found = rank(rows, scores, limit, query)
        while len(found) < limit and len(rows) == most < MAX_HITS:
            most *= _WIDER
            rows, scores = self._hits(wanted, most)
            found = rank(rows, scores, limit, query)
        return found

    def _hits(self, wanted: tantivy.Query, most: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        hits = self._searcher.search(wanted, limit=most, count=False).hits
        rows = self._searcher.fast_field_values(ROW, [address for _, address in hits])
        return np.array(rows, np.int64), np.fromiter((score for score, _ in hits), np.float32, len(hits))

    def _among(self, wanted: tantivy.Query, allowed: npt.NDArray[np.bool_] | None) -> tantivy.Query:
        """Return a query for the same with the same scores among the allowed rows, if these are few."""
        if allowed is None or np.count_nonzero(allowed[: self.size]) > MAX_NAMED:
            return wanted
        rows = np.flatnonzero(allowed[: self.size]).tolist()
        named = tantivy.Query.boost_query(tantivy.Query.term_set_query(self._schema, ROW, rows), 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, wanted), (tantivy.Occur.Must, named)])
