"""Our metrics beside those of ranx and of trec_eval, on random lists; and whether the order of rows changes a bit.

The peers are compared on lists without ties, since they break ties by the order of rows or by name; their gains are
linear, so they are given ``2**label - 1`` as the label. That our values do not depend on the order of rows is tried on
lists with many ties. A peer that is not installed is named and its figure is null.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from trainer.evaluation import (
    Ranking,
    auc,
    average_precision,
    coverage,
    diversity,
    hit_rate,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)

Floats = npt.NDArray[np.float64]
Metric = Callable[[Ranking], Floats]

AT: Final = 10
METRICS: Final[Mapping[str, Metric]] = {
    "ndcg@10": partial(ndcg, k=AT),
    "map": average_precision,
    "mrr": reciprocal_rank,
    "precision@10": partial(precision, k=AT),
    "recall@10": partial(recall, k=AT),
    "hit_rate@10": partial(hit_rate, k=AT),
}
RANX: Final = {name: name for name in METRICS}
TREC: Final = {
    "ndcg@10": "ndcg_cut_10",
    "map": "map",
    "mrr": "recip_rank",
    "precision@10": "P_10",
    "recall@10": "recall_10",
    "hit_rate@10": "success_10",
}
_INSTALL: Final = "pip install 'searchrank[bench]'"


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Random lists: scores, labels 0 to 4 and sizes; each list has something relevant."""

    scores: Floats
    labels: Floats
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, lists: int, *, ties: bool, seed: int = 1) -> Made:
        """Make lists of 1 to 60 rows; with ties the scores are a few whole numbers, without, all differ."""
        generator = np.random.default_rng(seed)
        sizes = generator.integers(1, 61, lists)
        rows, first = int(sizes.sum()), np.cumsum(sizes) - sizes
        labels = generator.choice(5, rows, p=[0.7, 0.12, 0.08, 0.06, 0.04]).astype(np.float64)
        labels[first + generator.integers(0, sizes)] = generator.integers(1, 5, lists)
        # Permutations are exact in float32, which trec_eval keeps scores in.
        scores = generator.integers(0, 6, rows) if ties else generator.permutation(rows)
        return cls(scores.astype(np.float64), labels, sizes)

    def shuffled(self, seed: int = 2) -> tuple[Made, npt.NDArray[np.int64]]:
        """Return the same lists with the rows of each in another order, and that order."""
        generator = np.random.default_rng(seed)
        query = np.repeat(np.arange(len(self.sizes)), self.sizes)
        order = np.lexsort((generator.random(len(query)), query))
        return Made(self.scores[order], self.labels[order], self.sizes), order

    def ranking(self) -> Ranking:
        """Return the lists sorted by score."""
        return Ranking.of(self.scores, self.labels, self.sizes)

    def dictionaries(self) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
        """Return what the peers read: the gain and the score of each row of each list."""
        gains, runs, start = {}, {}, 0
        for query, size in enumerate(self.sizes.tolist()):
            rows = range(start, start + size)
            gains[f"q{query:06d}"] = {f"d{i:07d}": int(2 ** self.labels[i] - 1) for i in rows}
            runs[f"q{query:06d}"] = {f"d{i:07d}": float(self.scores[i]) for i in rows}
            start += size
        return gains, runs


def main() -> None:
    """Compare, print a table and, if asked, a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=int, default=10_000, help="how many")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    made = Made.of(options.lists, ties=False)
    ranking = made.ranking()
    ours = {name: metric(ranking) for name, metric in METRICS.items()}
    found: dict[str, float | int | None] = {}
    for peer, values_of in (("ranx", by_ranx), ("pytrec_eval", by_trec_eval)):
        there = importlib.util.find_spec(peer) is not None
        theirs = values_of(made) if there else {}
        for name, values in theirs.items():
            print(f"{peer:12} {name:14} largest difference {np.abs(values - ours[name]).max():.1e}")
        if not there:
            print(f"{peer:12} is not installed; {_INSTALL}")
        worst = max((float(np.abs(values - ours[name]).max()) for name, values in theirs.items()), default=None)
        found[f"max_difference_{peer}"] = worst
    found["order_changes"] = order_changes(Made.of(options.lists, ties=True))
    print(f"values that another order of tied rows changes: {found['order_changes']}")
    if options.json:
        print(json.dumps(found))


def by_ranx(made: Made) -> dict[str, Floats]:
    """Return the values of ranx for each list."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ranx  # noqa: PLC0415 - an extra, seconds

        gains, runs = made.dictionaries()
        judged = ranx.Qrels({q: {d: g for d, g in rows.items() if g} for q, rows in gains.items()})
        values: dict[str, Any] = ranx.evaluate(judged, ranx.Run(runs), list(RANX.values()), return_mean=False)
    return {name: np.asarray(values[theirs]) for name, theirs in RANX.items()}


def by_trec_eval(made: Made) -> dict[str, Floats]:
    """Return the values of trec_eval for each list."""
    import pytrec_eval  # noqa: PLC0415 - an extra

    gains, runs = made.dictionaries()
    found = pytrec_eval.RelevanceEvaluator(gains, set(TREC.values())).evaluate(runs)
    return {name: np.array([found[query][theirs] for query in runs]) for name, theirs in TREC.items()}


def order_changes(made: Made) -> int:
    """Return how many values differ in a bit when the rows of each list come in another order."""
    moved, order = made.shuffled()
    left, right = made.ranking(), moved.ranking()
    count = 0
    for metric in (*METRICS.values(), auc):
        count += int((metric(left).view(np.int64) != metric(right).view(np.int64)).sum())
    items = np.concatenate([np.arange(size) for size in made.sizes])
    kinds = np.arange(60) % 7
    count += coverage(left, items, 60, AT) != coverage(right, items[order], 60, AT)
    there = [diversity(rows, kinds[codes], AT).view(np.int64) for rows, codes in ((left, items), (right, items[order]))]
    return count + int((there[0] != there[1]).sum())


if __name__ == "__main__":
    main()
