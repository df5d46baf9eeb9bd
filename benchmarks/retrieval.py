"""How well are the documents found that answer a query: by words, by meaning, by both?

SciFact in the form of BEIR (title and text, the queries of ``qrels/test.tsv``): nDCG@10 with exponential gain and
recall@100. ``lexical`` and ``dense`` are what ``searchrank index build --corpus --embeddings`` makes by default of the
texts and of the embeddings beside the files, ``rrf`` their fusion with the default settings of a corpus. The exact scan
of all embeddings is printed beside them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recall import Branch, Candidates, Query, Recaller
from recall.collection.corpus import Corpus, build_corpus
from recall.collection.embeddings import Embeddings
from recall.collection.jsonl import read_lines
from recall.collection.run import retrieve_all
from searchrank.errors import NotFoundError
from trainer.evaluation import Ranking, mean, ndcg

DEPTH = 100
"""Candidates of a list that count."""
CUT = 10
VECTORS = "minilm_l6_v2.npz"
Judged = Mapping[str, Mapping[int, int]]


class Exact:
    """Every document by the inner product of its embedding with that of the query: what ``dense`` is to equal."""

    name = "exact"
    waits = False

    def __init__(self, documents: npt.NDArray[np.float32], queries: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self._documents = documents
        self._queries = queries

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the nearest documents."""
        scores = self._documents @ self._queries[query.text]
        rows = np.lexsort((np.arange(len(scores)), -scores))[:limit]
        return Candidates(rows, scores[rows])


@dataclass(frozen=True)
class Collection:
    """What is searched and judged.

    Attributes:
        texts: The words of each query.
        judged: The relevant rows of each test query.
        recaller: The branches over words and over embeddings.
        exact: A scan of all embeddings.
    """

    texts: Mapping[str, str]
    judged: Judged
    recaller: Recaller
    exact: Branch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scifact", type=Path, required=True, help="folder of corpus, queries, qrels and embeddings")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        collection = load(options.scifact, Path(folder) / "index")
        print(f"{len(collection.judged)} queries; indexed in {time.perf_counter() - start:.1f} s\n")
        figures = measure(collection)
        scanned = judge(Recaller([collection.exact], {"exact": DEPTH}), collection)
    print(f"{'':10}{'nDCG@10':>10}{'recall@100':>12}")
    for name, told in {**figures, "exact": scanned}.items():
        print(f"{name:10}{told['ndcg@10']:>10.4f}{told['recall@100']:>12.4f}")
    if options.json:
        print(json.dumps(figures))


def load(folder: Path, index: Path) -> Collection:
    """Index the collection and read what it is judged by."""
    embeddings = Embeddings.read(folder / VECTORS, folder / "queries.jsonl")
    build_corpus(folder / "corpus.jsonl", index, embeddings=embeddings)
    corpus = Corpus.open(index)
    rows = {name: row for row, name in enumerate(corpus.ids)}
    texts = {line.id: line.text for line in read_lines(folder / "queries.jsonl")}
    judged = read_judged(folder / "qrels" / "test.tsv", rows)
    return Collection(texts, judged, corpus.recaller, exact(embeddings, rows))


def exact(embeddings: Embeddings, rows: Mapping[str, int]) -> Branch:
    """Return a scan of all embeddings."""
    documents, queries = embeddings.documents, embeddings.queries
    vectors = np.zeros((len(rows), documents.vectors.shape[1]), np.float32)
    vectors[[rows[name] for name in documents.ids]] = documents.vectors
    return Exact(vectors, dict(zip(queries.ids, queries.vectors, strict=True)) if queries else {})


def read_judged(path: Path, rows: Mapping[str, int]) -> Judged:
    """Return the relevant rows of each query.

    Raises:
        NotFoundError: When there is no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    judged: dict[str, dict[int, int]] = {}
    for line in path.read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            judged.setdefault(query, {})[rows[document]] = int(grade)
    return judged


def measure(collection: Collection) -> dict[str, dict[str, float]]:
    """Return both metrics of each way of finding."""
    alone = {name: collection.recaller.only([name]) for name in ("lexical", "dense")}
    ways = {**alone, "rrf": collection.recaller}
    return {name: judge(recaller, collection) for name, recaller in ways.items()}


def judge(recaller: Recaller, collection: Collection) -> dict[str, float]:
    """Ask every judged query and return the means."""
    scores: list[float] = []
    labels: list[int] = []
    sizes: list[int] = []
    held = []
    for query, relevant in collection.judged.items():
        found = retrieve_all(recaller, Query(text=collection.texts[query]), DEPTH).recalled
        best = found.take(np.arange(min(DEPTH, len(found))))
        kept = set(best.rows.tolist())
        missed = [grade for row, grade in relevant.items() if row not in kept]
        scores += [*(best.scores[0] if len(best.branches) == 1 else best.fused).tolist()]
        labels += [relevant.get(row, 0) for row in best.rows.tolist()]
        # What was not found stands behind everything, and behind so many others that it has no gain.
        scores += [-1e30] * CUT + [-np.inf] * len(missed)
        labels += [0] * CUT + missed
        sizes.append(len(best) + CUT + len(missed))
        held.append(1 - len(missed) / len(relevant))
    ranking = Ranking.of(scores, labels, sizes)
    return {"ndcg@10": round(mean(ndcg(ranking, CUT)), 4), "recall@100": round(float(np.mean(held)), 4)}


if __name__ == "__main__":
    main()
