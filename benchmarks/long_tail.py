"""What do vectors find that words do not: for rare, unseen and misspelt queries?

SciFact in the form of BEIR, the queries of ``qrels/test.tsv``: nDCG@10 and recall@100 of words alone, and of words and
vectors fused by the default settings of a collection. A query is ``rare`` when it has a word that one to three
documents hold, ``unseen`` when it has one that none holds. ``misspelt`` are all queries with two neighbouring letters
swapped in every word of five letters or more; their vectors need the encoder (``--encoder``), which must make of the
queries as they are the embeddings beside the files.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from retrieval import VECTORS, Collection, Judged, exact, judge

from recall import LexicalConfig
from recall.collection.corpus import CORPUS_RECALL, Corpus, build_corpus
from recall.collection.embeddings import Embeddings
from recall.collection.jsonl import Line, read_lines
from recall.dense.sentence import SentenceEncoder
from recall.dense.vectors import VectorTable
from searchrank.errors import DataError
from trainer.fusion.judged import read_judged

RARE: Final = 3
"""Most documents that hold a rare word."""
LETTERS: Final = 5
"""Of the shortest word that is misspelt."""
Figures = dict[str, dict[str, object]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scifact", type=Path, required=True, help="folder of corpus, queries, qrels and embeddings")
    parser.add_argument("--encoder", type=Path, help="folder of model.onnx and tokenizer.json, for misspelt queries")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options.scifact, Path(folder) / "index", options.encoder)
    print(f"{'':10}{'queries':>8}{'nDCG@10: words':>16}{'and vectors':>13}{'recall@100: words':>19}{'and vectors':>13}")
    for kind, told in figures.items():
        pairs = [[told[way][name] for way in ("lexical", "both")] for name in ("ndcg@10", "recall@100")]  # type: ignore[index]
        (words, fused), (found, all_found) = pairs
        print(f"{kind:10}{told['queries']:>8}{words:>16.4f}{fused:>13.4f}{found:>19.4f}{all_found:>13.4f}")
    if options.json:
        print(json.dumps(figures))


def measure(folder: Path, index: Path, encoder: Path | None = None) -> Figures:
    """Return for each kind of query its number and the metrics of both ways; kinds without queries are left out."""
    documents = list(read_lines(folder / "corpus.jsonl"))
    texts = {line.id: line.text for line in read_lines(folder / "queries.jsonl")}
    embeddings = Embeddings.read(folder / VECTORS, folder / "queries.jsonl")
    rows = {line.id: row for row, line in enumerate(documents)}
    judged = read_judged(folder / "qrels" / "test.tsv", rows)
    misspelt = {name: misspell(texts[name]) for name in judged} if encoder else {}
    if encoder:
        embeddings = with_queries(embeddings, SentenceEncoder.open(encoder), list(misspelt.values()))
    build_corpus(folder / "corpus.jsonl", index, embeddings=embeddings)
    whole = Collection(texts, judged, Corpus.open(index).recaller, exact(embeddings, rows))
    kinds: dict[str, Collection] = {
        name: replace(whole, judged=part) for name, part in kinds_of(documents, texts, judged).items()
    }
    if misspelt:
        kinds["misspelt"] = replace(whole, texts=misspelt)
    return {name: compared(part) for name, part in kinds.items() if part.judged}


def compared(part: Collection) -> dict[str, object]:
    """Return how many queries there are, and the metrics of words alone and of both."""
    words = part.recaller.only(["lexical"])
    return {
        "queries": len(part.judged),
        "lexical": judge(words, part).figures(),
        "both": judge(part.recaller, part).figures(),
    }


def kinds_of(documents: Iterable[Line], texts: Mapping[str, str], judged: Judged) -> dict[str, Judged]:
    """Return the judged queries of each kind by the words that documents hold."""
    analyser = LexicalConfig.model_validate(CORPUS_RECALL["lexical"]).analyser()
    held = Counter(word for line in documents for word in set(analyser.tokens(f"{line.title} {line.text}")))
    least = {name: min((held[word] for word in analyser.tokens(texts[name])), default=0) for name in judged}
    return {
        "all": judged,
        "rare": {name: judged[name] for name in judged if 0 < least[name] <= RARE},
        "unseen": {name: judged[name] for name in judged if not least[name]},
    }


def misspell(text: str) -> str:
    """Swap two neighbouring letters, not the first, of every longer word; the same text gives the same."""
    rng = np.random.default_rng(len(text))
    words = text.split(" ")
    for at, word in enumerate(words):
        if len(word) >= LETTERS and word.isalpha():
            place = int(rng.integers(1, len(word) - 1))
            words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)


def with_queries(embeddings: Embeddings, encoder: SentenceEncoder, texts: list[str]) -> Embeddings:
    """Return embeddings that hold further queries.

    Raises:
        DataError: When the encoder is not the one that made the others, or a text has no vector.
    """
    known = embeddings.queries
    if known is None:
        raise DataError("the embeddings hold no queries to compare the encoder with")
    for at in range(min(5, len(known.ids))):
        again = encoder.encode(known.ids[at])
        if again is None or float(unit(again) @ unit(known.vectors[at])) < 0.999:
            raise DataError(f"the encoder did not make the embedding of {known.ids[at]!r}")
    made = [encoder.encode(text) for text in texts]
    there = {text: unit(vector) for text, vector in zip(texts, made, strict=True) if vector is not None}
    vectors = np.concatenate([known.vectors, np.array(list(there.values()), np.float32)])
    return replace(embeddings, queries=VectorTable([*known.ids, *there], vectors, known.encoder))


def unit(
    vector: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return a vector of length one."""
    scaled: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = vector / np.linalg.norm(vector)
    return scaled


if __name__ == "__main__":
    main()
