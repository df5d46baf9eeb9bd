"""Words of the query found in texts of the item: BM25 by tantivy behind our own analyser.

Texts reach tantivy already cut into tokens and joined by spaces, and a query is built from tokens term by
term, so that no query syntax exists and both sides are cut by the same code.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
import tantivy

from recall.branch import Candidates, Query, rank
from recall.manifest import IndexManifest
from searchrank.errors import DataError
from searchrank.features.text import ANALYSER_REVISION, hash_text, tokenize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from recall.config import LexicalConfig
    from recall.late import Late

__all__ = ["LexicalBranch", "build_lexical"]

NAME: Final = "lexical"
MAX_TOKENS: Final = 64
"""Distinct tokens of a query that are looked up; the first ones count."""
MAX_CHARACTERS: Final = 2_048
"""Characters of a query that are looked at."""
MAX_HITS: Final = 50_000
"""Hits that are looked through for allowed rows."""
MAX_NAMED: Final = 5_000
"""Allowed rows that are looked among; if there are more, hits are looked through (measured: the one gets dearer)."""
_WIDER: Final = 8
_ROW: Final = "row"
_K1: Final = 1.2  # tantivy's; Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009
_HEAP_BYTES: Final = 1 << 30  # grown as needed; one segment up to there, so that equal scores go by row


class LexicalBranch:
    """Search in the texts of the catalogue; the score is BM25 summed over tokens and boosted fields."""

    name = NAME
    waits = True

    def __init__(self, index: tantivy.Index, boosts: Mapping[str, float], size: int) -> None:
        """Hold an opened index.

        Args:
            index: What ``build_lexical`` wrote, opened.
            boosts: Weight of each field, by the name of the item input.
            size: Rows of the catalogue.
        """
        self.size = size
        self._schema = index.schema
        self._searcher = index.searcher()
        self._boosts = dict(boosts)

    @classmethod
    def open(cls, folder: Path, config: LexicalConfig) -> LexicalBranch:
        """Open an index.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged or was cut by another revision of the analyser.
        """
        manifest = IndexManifest.read(folder, NAME, analyser_revision=ANALYSER_REVISION)
        try:
            index = tantivy.Index.open(str(folder))
            index.config_reader("manual")
        except (ValueError, OSError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        return cls(index, config.fields, manifest.size)

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the items that hold most of the query's rare words; nothing for a query without words."""
        tokens = list(islice(dict.fromkeys(tokenize(query.text[:MAX_CHARACTERS])), MAX_TOKENS))
        if not tokens:
            return Candidates.empty()
        if query.late is None:
            return self._indexed(tokens, query, limit)
        current = replace(query, exclude=np.append(query.exclude, query.late.replaced), late=None)
        indexed, late = self._indexed(tokens, current, limit), self._scanned(tokens, query, query.late)
        return rank(np.append(indexed.rows, late.rows), np.append(indexed.scores, late.scores), limit, Query())

    def _scanned(self, tokens: list[str], query: Query, late: Late) -> Candidates:
        """Score the items put since, as BM25 would with texts of mean length and the index's counts of documents."""
        scores = np.zeros(len(late.rows))
        documents = self._searcher.num_docs
        for field, boost in self._boosts.items():
            for token in tokens:
                counts = late.counts(field, hash_text(token))
                if counts is not None and counts.any():
                    holding = self._searcher.doc_freq(field, token)
                    rarity = math.log1p((documents - holding + 0.5) / (holding + 0.5))
                    scores += boost * rarity * counts * (1 + _K1) / (counts + _K1)
        return rank(late.rows[scores > 0], scores[scores > 0], len(scores), query)

    def _indexed(self, tokens: list[str], query: Query, limit: int) -> Candidates:
        most = min(limit + min(limit, len(query.exclude)), self._searcher.num_docs)
        if not most:
            return Candidates.empty()
        wanted = self._among(self._any_of(tokens), query.allowed)
        rows, scores = self._hits(wanted, most)
        found = rank(rows, scores, limit, query)
        while len(found) < limit and len(rows) == most < MAX_HITS:
            most *= _WIDER
            rows, scores = self._hits(wanted, most)
            found = rank(rows, scores, limit, query)
        return found

    def _hits(self, wanted: tantivy.Query, most: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        hits = self._searcher.search(wanted, limit=most, count=False).hits
        rows = self._searcher.fast_field_values(_ROW, [address for _, address in hits])
        return np.array(rows, np.int64), np.fromiter((score for score, _ in hits), np.float32, len(hits))

    def _among(self, wanted: tantivy.Query, allowed: npt.NDArray[np.bool_] | None) -> tantivy.Query:
        """Return a query for the same with the same scores among the allowed rows, if these are few."""
        if allowed is None or np.count_nonzero(allowed[: self.size]) > MAX_NAMED:
            return wanted
        rows = np.flatnonzero(allowed[: self.size]).tolist()
        named = tantivy.Query.boost_query(tantivy.Query.term_set_query(self._schema, _ROW, rows), 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, wanted), (tantivy.Occur.Must, named)])

    def _any_of(self, tokens: list[str]) -> tantivy.Query:
        terms = []
        for field, boost in self._boosts.items():
            for token in tokens:
                term = tantivy.Query.term_query(self._schema, field, token, index_option="freq")
                terms.append((tantivy.Occur.Should, tantivy.Query.boost_query(term, boost)))
        return tantivy.Query.boolean_query(terms)


def build_lexical(
    folder: Path,
    config: LexicalConfig,
    rows: npt.NDArray[np.int64],
    texts: Mapping[str, Sequence[str | None]],
    size: int,
) -> None:
    """Index the texts of the catalogue.

    Args:
        folder: An empty folder.
        config: Which fields are indexed; their boosts are applied when searching.
        rows: Shape ``(n,)``, the catalogue row of each item, unique.
        texts: For each field one text an item, None where it has none.
        size: Rows of the catalogue.
    """
    fields = sorted(config.fields)
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field(_ROW, fast=True, indexed=True)
    for field in fields:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
    index = tantivy.Index(builder.build(), path=str(folder))
    writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    for at in np.argsort(rows):  # documents in row order: tantivy breaks ties by document
        document = tantivy.Document()
        document.add_unsigned(_ROW, int(rows[at]))
        for field in fields:
            document.add_text(field, " ".join(tokenize(texts[field][at] or "")))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    IndexManifest(branch=NAME, size=size, recipe=config.recipe, analyser_revision=ANALYSER_REVISION).write(folder)
