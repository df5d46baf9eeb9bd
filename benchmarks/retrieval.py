"""How well are the documents found that answer a query: by words, by meaning, by both?

SciFact in the form of BEIR (title and text, the queries of ``qrels/test.tsv``): nDCG@10 with exponential gain and
recall@100. ``lexical`` and ``dense`` are what ``searchrank index build --corpus --embeddings`` makes by default of the
texts and of the embeddings beside the files, ``rrf`` their fusion with the default settings of a corpus, ``learned``
the one that ``searchrank fusion fit`` learns from the queries of ``qrels/train.tsv`` alone. It is compared with ``rrf``
in slices of the test queries, whose p values Holm's procedure corrects. The exact scan of all embeddings is printed
beside them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fusion_table import print_slices

from recall import Branch, Candidates, Query, Recaller
from recall.collection.corpus import Corpus, build_corpus
from recall.collection.embeddings import Embeddings
from recall.collection.jsonl import read_lines
from recall.collection.run import retrieve_all
from trainer.evaluation import Ranking, difference, mean, ndcg
from trainer.fusion.fitting import JudgedList, fit_fusion
from trainer.fusion.judged import read_judged

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
        learnt_from: The relevant rows of each query to learn fusion from.
    """

    texts: Mapping[str, str]
    judged: Judged
    recaller: Recaller
    exact: Branch
    learnt_from: Judged = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """How well one way finds.

    Attributes:
        ndcg: nDCG@10 of each query.
        recall: Mean recall@100.
    """

    ndcg: npt.NDArray[np.float64]
    recall: float

    def figures(self) -> dict[str, float]:
        """Return both means."""
        return {"ndcg@10": round(mean(self.ndcg), 4), "recall@100": round(self.recall, 4)}


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
        found = measure(collection)
        scanned = judge(Recaller([collection.exact], {"exact": DEPTH}), collection)
    figures = {name: told.figures() for name, told in found.items()}
    print(f"{'':10}{'nDCG@10':>10}{'recall@100':>12}")
    for name, told in {**figures, "exact": scanned.figures()}.items():
        print(f"{name:10}{told['ndcg@10']:>10.4f}{told['recall@100']:>12.4f}")
    compare(collection, found["learned"], found["rrf"])
    if options.json:
        print(json.dumps(figures))


def load(folder: Path, index: Path) -> Collection:
    """Index the collection and read what it is judged by."""
    embeddings = Embeddings.read(folder / VECTORS, folder / "queries.jsonl")
    build_corpus(folder / "corpus.jsonl", index, embeddings=embeddings)
    corpus = Corpus.open(index)
    rows = {name: row for row, name in enumerate(corpus.ids)}
    texts = {line.id: line.text for line in read_lines(folder / "queries.jsonl")}
    judged, train = (read_judged(folder / "qrels" / f"{part}.tsv", rows) for part in ("test", "train"))
    return Collection(texts, judged, corpus.recaller, exact(embeddings, rows), train)


def exact(embeddings: Embeddings, rows: Mapping[str, int]) -> Branch:
    """Return a scan of all embeddings."""
    documents, queries = embeddings.documents, embeddings.queries
    vectors = np.zeros((len(rows), documents.vectors.shape[1]), np.float32)
    vectors[[rows[name] for name in documents.ids]] = documents.vectors
    return Exact(vectors, dict(zip(queries.ids, queries.vectors, strict=True)) if queries else {})


def measure(collection: Collection) -> dict[str, Found]:
    """Judge each way of finding."""
    both = collection.recaller
    ways = {name: both.only([name]) for name in ("lexical", "dense")} | {"rrf": both, "learned": learned(collection)}
    return {name: judge(recaller, collection) for name, recaller in ways.items()}


def learned(collection: Collection) -> Recaller:
    """Return the branches, fused by what the training queries teach."""
    both = collection.recaller
    lists = [
        JudgedList(retrieve_all(both, Query(text=collection.texts[query]), DEPTH).recalled, relevant)
        for query, relevant in collection.learnt_from.items()
    ]
    fitted = fit_fusion(lists, both.fusion.k)
    print(
        f"learnt from {len(lists)} queries; NDCG@10 in cross-validation {fitted.ours.mean():.4f}, "
        f"rrf {fitted.theirs.mean():.4f}\n"
    )
    return both.fused_by(fitted.fusion)


def compare(collection: Collection, ours: Found, theirs: Found) -> None:
    """Print how learned fusion differs from reciprocal rank, over all and by slice."""
    words = np.array([len(collection.texts[query].split()) for query in collection.judged])
    several = np.array([len(relevant) > 1 for relevant in collection.judged.values()])
    members = {
        "short": words <= np.median(words),
        "long": words > np.median(words),
        "one answer": ~several,
        "several answers": several,
    }
    apart = difference(ours.ndcg, theirs.ndcg)
    print(f"\nlearned - rrf: {apart.mean:+.4f} (95 % {apart.low:+.4f} to {apart.high:+.4f}, p {apart.p:.2g})")
    print_slices(members, ours.ndcg, theirs.ndcg)


def judge(recaller: Recaller, collection: Collection) -> Found:
    """Ask every judged query."""
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
    return Found(ndcg(ranking, CUT), float(np.mean(held)))


if __name__ == "__main__":
    main()
