"""Ranking metrics over many queries at once, the same for any order of the rows.

Equal scores say nothing about order, so a metric takes its *expected value* over all orders of the tied rows
(McSherry and Najork, ECIR 2008): shuffling the rows of a query changes no bit. A query without relevant rows
has no metric; its value is NaN until ``mean`` settles, by one of three conventions, what it counts as.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.evaluation.ranking import Floats, Integers, Ranking

__all__ = [
    "CUTOFFS",
    "EmptyQueries",
    "auc",
    "average_precision",
    "gauc",
    "hit_rate",
    "mean",
    "ndcg",
    "precision",
    "recall",
    "reciprocal_rank",
    "summary",
]

CUTOFFS: Final = (1, 3, 5, 10)


class EmptyQueries(StrEnum):
    """What a query without relevant rows counts as in a mean."""

    SKIP = "skip"
    ZERO = "zero"
    ONE = "one"


def ndcg(ranking: Ranking, k: int) -> Floats:
    """Return NDCG@k of each query (Järvelin and Kekäläinen, TOIS 2002).

    Gains are ``2**label - 1``, discounts ``log2(2 + i)`` with i from 0.

    Args:
        ranking: The scored rows.
        k: Cut-off, at least 1.

    Returns:
        (q,) in [0, 1]; NaN for a query without relevant rows.
    """
    gains = np.exp2(ranking.labels) - 1.0
    discounts = np.where(ranking.position < k, 1.0 / np.log2(2.0 + ranking.position), 0.0)
    expected = ranking.over_ties(gains) / ranking.tie_sizes
    ideal = gains[np.lexsort((-ranking.labels, ranking.query))]
    best = ranking.over_queries(ideal * discounts)
    return _divide(ranking.over_queries(expected[ranking.tie] * discounts), best)


def average_precision(ranking: Ranking, k: int | None = None) -> Floats:
    """Return AP@k of each query: precision at each relevant row, over ``min(k, relevant rows)``.

    Args:
        ranking: The scored rows; a label above 0 is relevant.
        k: Cut-off, at least 1; None takes the whole list.

    Returns:
        (q,) in [0, 1]; NaN for a query without relevant rows.
    """
    relevant = (ranking.labels > 0).astype(np.float64)
    size, hits = ranking.tie_sizes[ranking.tie], ranking.over_ties(relevant)[ranking.tie]
    above = ranking.before_tie(relevant)[ranking.tie]
    # A tied row at place j is relevant with probability hits/size; the j rows of its block above it then hold
    # (hits - 1)/(size - 1) relevant ones each.
    beside = ranking.place_in_tie() * (hits - 1) / np.maximum(size - 1, 1)
    terms = hits / size * (above + 1 + beside) / (ranking.position + 1)
    total = ranking.over_queries(relevant)
    if k is None:
        return _divide(ranking.over_queries(terms), total)
    return _divide(ranking.over_queries(np.where(ranking.position < k, terms, 0.0)), np.minimum(total, k))


def precision(ranking: Ranking, k: int) -> Floats:
    """Return the share of relevant rows among the first ``k`` places of each query; a short list is not excused.

    Returns:
        (q,) in [0, 1]; NaN for a query without relevant rows.
    """
    found, total = _relevant_within(ranking, k)
    return np.where(total > 0, found / k, np.nan)


def recall(ranking: Ranking, k: int) -> Floats:
    """Return the share of each query's relevant rows that are among its first ``k``.

    Returns:
        (q,) in [0, 1]; NaN for a query without relevant rows.
    """
    return _divide(*_relevant_within(ranking, k))


def hit_rate(ranking: Ranking, k: int) -> Floats:
    """Return whether the first ``k`` rows of each query hold a relevant one; with ties, how probable that is.

    Returns:
        (q,) in [0, 1]; NaN for a query without relevant rows.
    """
    relevant = (ranking.labels > 0).astype(np.float64)
    hits = ranking.over_ties(relevant).astype(np.int64)
    none = _none_in(ranking.within(k), ranking.tie_sizes, hits)
    starts = np.flatnonzero(ranking.position[ranking.place_in_tie() == 0] == 0)
    missed = np.multiply.reduceat(none, starts) if len(none) else none
    return np.where(ranking.over_queries(relevant) > 0, 1.0 - missed, np.nan)


def _relevant_within(ranking: Ranking, k: int) -> tuple[Floats, Floats]:
    """Return how many relevant rows each query has among its first ``k``, as expected over ties, and in all."""
    relevant = (ranking.labels > 0).astype(np.float64)
    expected = ranking.over_ties(relevant) * ranking.within(k) / ranking.tie_sizes
    whose = ranking.query[ranking.place_in_tie() == 0]
    return np.bincount(whose, expected, ranking.queries).astype(np.float64), ranking.over_queries(relevant)


def reciprocal_rank(ranking: Ranking) -> Floats:
    """Return 1/rank of the first relevant row of each query (label above 0).

    Returns:
        (q,) in (0, 1]; NaN for a query without relevant rows.
    """
    relevant = (ranking.labels > 0).astype(np.float64)
    hits = ranking.over_ties(relevant)
    decisive = ((ranking.before_tie(relevant) == 0) & (hits > 0))[ranking.tie]
    size, hit = ranking.tie_sizes[ranking.tie], hits[ranking.tie].astype(np.int64)
    place = ranking.place_in_tie()
    first_here = _none_in(place, size, hit) - _none_in(place + 1, size, hit)
    terms = np.where(decisive, first_here / (ranking.position + 1), 0.0)
    found = ranking.over_queries(relevant) > 0
    return np.where(found, ranking.over_queries(terms), np.nan)


def _none_in(places: Integers, size: Integers, hits: Integers) -> Floats:
    """Return the chance that the first ``places`` of ``size`` shuffled rows hold none of ``hits`` rows."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size.max(initial=0) + 1)))])
    left = size - places
    possible = left >= hits
    rest = np.where(possible, left - hits, 0)
    log_ways = log_factorial[left] - log_factorial[rest] - log_factorial[size] + log_factorial[size - hits]
    return np.where(possible, np.exp(log_ways), 0.0)


def auc(ranking: Ranking) -> Floats:
    """Return the share of each query's (relevant, irrelevant) pairs in the right order; ties count half.

    Returns:
        (q,) in [0, 1]; NaN for a query in which no such pair exists.
    """
    relevant = (ranking.labels > 0).astype(np.float64)
    hits, misses = ranking.over_ties(relevant), ranking.over_ties(1.0 - relevant)
    pairs = misses * (ranking.before_tie(relevant) + hits / 2)
    query_of_tie = ranking.query[ranking.place_in_tie() == 0]
    right = np.bincount(query_of_tie, pairs, ranking.queries).astype(np.float64)
    return _divide(right, ranking.over_queries(relevant) * ranking.over_queries(1.0 - relevant))


def gauc(ranking: Ranking) -> float:
    """Return the mean AUC over queries, each weighing as much as it has rows (Zhu et al., KDD 2017).

    Returns:
        In [0, 1]; NaN when no query has both kinds of rows.
    """
    values = auc(ranking)
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=ranking.sizes[known])) if known.any() else float("nan")


def _divide(above: Floats, below: Floats) -> Floats:
    """Return above / below, NaN where ``below`` is 0."""
    result: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return result


def mean(values: Floats, empty: EmptyQueries = EmptyQueries.SKIP) -> float:
    """Return the mean of a metric over queries.

    Args:
        values: (q,) one value a query; NaN for a query without relevant rows.
        empty: What such a query counts as.

    Returns:
        The mean; NaN when there is nothing to average.
    """
    absent = np.isnan(values)
    if empty is EmptyQueries.SKIP:
        kept = values[~absent]
    else:
        kept = np.where(absent, 1.0 if empty is EmptyQueries.ONE else 0.0, values)
    return float(np.mean(kept)) if len(kept) else float("nan")


def summary(ranking: Ranking, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, dict[str, float]]:
    """Return every metric in every convention: ``{"ndcg@10": {"skip": …, "zero": …, "one": …}, …}``.

    AUC has no value for a query without both kinds of rows, so it is given under ``skip`` alone.
    """
    table = {f"ndcg@{k}": ndcg(ranking, k) for k in cutoffs}
    table |= {"map": average_precision(ranking), "mrr": reciprocal_rank(ranking)}
    means = {name: {str(empty): mean(values, empty) for empty in EmptyQueries} for name, values in table.items()}
    return means | {"auc": {str(EmptyQueries.SKIP): mean(auc(ranking))}}
