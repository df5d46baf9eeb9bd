"""How much do our words cost over the library that finds them?

Generated documents, queries of two words that some document holds, the best 100. ``ours`` is the branch as requests
ask it; ``direct`` is tantivy called on the same index with the terms ready, reading the row of each hit. Both take
turns, query by query.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import tantivy

from recall import LexicalBranch, LexicalConfig, Query
from recall.lexical.index import ROW, open_lexical, write_lexical, write_manifest

DOCUMENTS = 100_000
FULL = 1_000_000
QUERIES = 1_000
LIMIT = 100
WORDS = 20_000
LENGTH = 20
FIELD = "item.text"
CONFIG = LexicalConfig(fields={FIELD: 1.0})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} documents")
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    count = FULL if options.full else options.documents
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        write_lexical(Path(folder), CONFIG, documents(count))
        write_manifest(Path(folder), CONFIG, count)
        print(f"{count:,} documents indexed in {perf_counter() - start:.1f} s\n")
        figures = measure(Path(folder)) | {"documents": count}
    for name in ("ours", "direct"):
        print(f"{name:8} p50 {figures[f'{name}_p50_ms']:.3f} ms   p99 {figures[f'{name}_p99_ms']:.3f} ms")
    print(f"ratio    p50 {figures['ratio_p50']:.2f}      p99 {figures['ratio_p99']:.2f}")
    if options.json:
        print(json.dumps(figures))


def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> list[list[str]]:
    """Return words, few of them often and most of them rarely."""
    ranks = np.minimum(rng.zipf(1.2, shape), WORDS)
    return [[f"w{rank}" for rank in row] for row in ranks.tolist()]


def documents(count: int) -> Iterator[tuple[int, list[str | None]]]:
    """Return texts row by row."""
    rng = np.random.default_rng(7)
    for start in range(0, count, 10_000):
        for at, words in enumerate(draw(rng, (min(10_000, count - start), LENGTH)), start):
            yield at, [" ".join(words)]


def measure(folder: Path) -> dict[str, float]:
    """Return milliseconds a query of both, and their ratios; both must find the same scores.

    Raises:
        SystemExit: When they do not.
    """
    index, _ = open_lexical(folder, CONFIG)
    branch = LexicalBranch.open(folder, CONFIG)
    searcher, schema = index.searcher(), index.schema

    def direct(words: list[str]) -> list[float]:
        terms = [tantivy.Query.term_query(schema, FIELD, word, index_option="freq") for word in words]
        wanted = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        hits = searcher.search(wanted, limit=LIMIT, count=False).hits
        searcher.fast_field_values(ROW, [address for _, address in hits])
        return [score for score, _ in hits]

    def ours(words: list[str]) -> list[float]:
        scores: list[float] = branch.retrieve(Query(text=" ".join(words)), LIMIT).scores.tolist()
        return scores

    calls: dict[str, Callable[[list[str]], list[float]]] = {"ours": ours, "direct": direct}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    drawn = [words for words in draw(np.random.default_rng(8), (QUERIES * 3, 2)) if words[0] != words[1]]
    queries = [words for words in drawn if all(searcher.doc_freq(FIELD, word) for word in words)][:QUERIES]
    for number, words in enumerate(queries):
        given = {}
        for name in sorted(calls, reverse=number % 2 == 1):
            start = perf_counter()
            given[name] = calls[name](words)
            seconds[name].append(perf_counter() - start)
        if not np.allclose(given["ours"], given["direct"], rtol=1e-5):
            raise SystemExit(f"{words} scored otherwise")
    figures = {
        f"{name}_p{q}_ms": round(float(np.percentile(taken, q)) * 1e3, 4)
        for name, taken in seconds.items()
        for q in (50, 99)
    }
    return figures | {f"ratio_p{q}": round(figures[f"ours_p{q}_ms"] / figures[f"direct_p{q}_ms"], 3) for q in (50, 99)}


if __name__ == "__main__":
    main()
