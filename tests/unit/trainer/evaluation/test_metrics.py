"""Metrics against their definitions, written out as formulas and by brute force over every tie order."""

from functools import partial
from itertools import pairwise, permutations
from math import inf, isnan, log2, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchrank.errors import DataError
from trainer.evaluation.metrics import (
    EmptyQueries,
    auc,
    average_precision,
    gauc,
    hit_rate,
    mean,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
    summary,
)
from trainer.evaluation.ranking import Ranking


def one(scores, labels):
    return Ranking.of(scores, labels, [len(scores)])


def gain(label):
    return 2**label - 1


def test_ndcg_is_discounted_gain_over_the_best_possible():
    ranking = one([0.9, 0.5, 0.7], [0, 2, 1])
    got = gain(0) / log2(2) + gain(1) / log2(3) + gain(2) / log2(4)
    best = gain(2) / log2(2) + gain(1) / log2(3) + gain(0) / log2(4)
    assert ndcg(ranking, 10)[0] == pytest.approx(got / best, abs=1e-15)


def test_ndcg_cuts_both_the_list_and_the_ideal_at_k():
    ranking = one([3.0, 2.0, 1.0], [1, 0, 3])
    assert ndcg(ranking, 1)[0] == pytest.approx(gain(1) / gain(3), abs=1e-15)


def test_a_perfect_order_has_ndcg_one_to_the_bit():
    assert ndcg(one([4.0, 3.0, 2.0, 1.0], [3, 2, 1, 0]), 3)[0] == 1.0


def test_tied_rows_share_their_places():
    ranking = one([1.0, 1.0], [1, 0])
    assert ndcg(ranking, 1)[0] == 1 / 2
    assert ndcg(ranking, 2)[0] == pytest.approx((1 / log2(2) + 1 / log2(3)) / 2, abs=1e-15)
    assert reciprocal_rank(ranking)[0] == pytest.approx((1 / 1 + 1 / 2) / 2, abs=1e-15)
    assert average_precision(ranking)[0] == pytest.approx((1 / 1 + 1 / 2) / 2, abs=1e-15)
    assert auc(ranking)[0] == 1 / 2


def test_average_precision_is_precision_at_each_relevant_row():
    ranking = one([4.0, 3.0, 2.0, 1.0], [1, 0, 2, 0])
    assert average_precision(ranking)[0] == pytest.approx((1 / 1 + 2 / 3) / 2, abs=1e-15)
    assert average_precision(ranking, 2)[0] == pytest.approx((1 / 1) / 2, abs=1e-15)
    assert average_precision(ranking, 1)[0] == 1.0


def test_reciprocal_rank_is_that_of_the_first_relevant_row():
    assert reciprocal_rank(one([4.0, 3.0, 2.0], [0, 0, 1]))[0] == pytest.approx(1 / 3, abs=1e-15)


def test_precision_recall_and_hit_rate_look_at_the_first_places_alone():
    ranking = Ranking.of([4.0, 3.0, 2.0, 1.0, 2.0, 1.0, 0.0], [1, 0, 2, 1, 0, 0, 1], [4, 3])
    assert precision(ranking, 3).tolist() == [2 / 3, 1 / 3]
    assert precision(ranking, 5).tolist() == [3 / 5, 1 / 5]
    assert recall(ranking, 2).tolist() == [1 / 3, 0.0]
    assert hit_rate(ranking, 2).tolist() == [1.0, 0.0]


def test_gauc_weighs_a_query_by_its_rows():
    ranking = Ranking.of([2.0, 1.0, 1.0, 2.0, 3.0, 9.0], [1, 0, 1, 0, 0, 1], [2, 3, 1])
    assert gauc(ranking) == pytest.approx((2 * 1.0 + 3 * 0.0) / 5)
    assert isnan(gauc(one([1.0], [1])))


def test_auc_counts_pairs_in_the_right_order():
    assert auc(one([4.0, 3.0, 2.0, 1.0], [1, 0, 1, 0]))[0] == 3 / 4


def test_queries_are_measured_apart():
    ranking = Ranking.of([1.0, 2.0, 2.0, 1.0], [1, 0, 1, 0], [2, 2])
    assert ndcg(ranking, 2).tolist() == pytest.approx([1 / log2(3), 1.0], abs=1e-15)
    assert auc(ranking).tolist() == [0.0, 1.0]
    assert reciprocal_rank(ranking).tolist() == [1 / 2, 1.0]


def test_a_query_without_relevant_rows_counts_as_asked():
    ranking = Ranking.of([1.0, 2.0, 2.0, 1.0], [1, 0, 0, 0], [2, 2])
    found = ndcg(ranking, 1)
    assert isnan(found[1])
    assert mean(found, EmptyQueries.SKIP) == 0.0
    assert mean(found, EmptyQueries.ZERO) == 0.0
    assert mean(found, EmptyQueries.ONE) == 1 / 2


def test_the_mean_over_no_queries_is_nan():
    assert isnan(mean(ndcg(one([1.0], [0]), 1), EmptyQueries.SKIP))
    assert isnan(mean(ndcg(Ranking.of([], [], []), 1), EmptyQueries.ONE))


def test_auc_has_no_value_without_both_kinds():
    assert isnan(auc(one([1.0, 2.0], [1, 2]))[0])


def test_the_summary_names_every_metric_and_convention():
    table = summary(one([2.0, 1.0], [1, 0]), (1, 5))
    assert set(table) == {"ndcg@1", "ndcg@5", "map", "mrr", "auc"}
    assert table["ndcg@1"] == {"skip": 1.0, "zero": 1.0, "one": 1.0}
    assert table["auc"] == {"skip": 1.0}


@pytest.mark.parametrize(
    ("scores", "labels", "sizes", "message"),
    [
        ([1.0, nan], [0, 1], [2], "score 1 is NaN"),
        ([1.0, 2.0], [0, -1], [2], "label -1.0 in row 1"),
        ([1.0, 2.0], [0, nan], [2], "label nan"),
        ([1.0, 2.0], [0, 2000], [2], "label 2000.0"),
        ([1.0, 2.0], [0], [2], "disagree"),
        ([1.0, 2.0], [0, 1], [3], "disagree"),
        ([1.0, 2.0], [0, 1], [2, 0], "query 1 has 0 rows"),
    ],
)
def test_rows_that_cannot_be_ranked_are_refused(scores, labels, sizes, message):
    with pytest.raises(DataError, match=message):
        Ranking.of(scores, labels, sizes)


def test_infinite_scores_are_ranks_like_others():
    assert reciprocal_rank(one([-inf, inf, 0.0], [0, 1, 0]))[0] == 1.0


# The definitions for one list without ties, in plain Python.


def plain_ndcg(labels, k):
    best = sorted(labels, reverse=True)
    return sum(gain(label) / log2(2 + i) for i, label in enumerate(labels[:k])) / sum(
        gain(label) / log2(2 + i) for i, label in enumerate(best[:k])
    )


def plain_average_precision(labels, k):
    hits = [label > 0 for label in labels]
    found = sum(sum(hits[: i + 1]) / (i + 1) for i in range(min(k, len(hits))) if hits[i])
    return found / min(k, sum(hits))


def hits(labels, k):
    return sum(label > 0 for label in labels[:k])


def plain_reciprocal_rank(labels):
    return 1 / (1 + next(i for i, label in enumerate(labels) if label > 0))


def plain_auc(labels):
    pairs = [(i, j) for i, a in enumerate(labels) for j, b in enumerate(labels) if a > 0 and b == 0]
    return sum(i < j for i, j in pairs) / len(pairs)


def expected(metric, scores, labels):
    """The mean of a metric over every order that sorts by falling score."""
    orders = [
        order for order in permutations(range(len(scores))) if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]
    return np.mean([metric([labels[i] for i in order]) for order in orders])


rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 6))
def test_every_metric_is_its_expectation_over_the_orders_of_tied_rows(pairs, k):
    scores, labels = [float(s) for s, _ in pairs], [label for _, label in pairs]
    ranking = one(scores, labels)
    if not any(labels):
        assert isnan(ndcg(ranking, k)[0])
        return
    assert ndcg(ranking, k)[0] == pytest.approx(expected(lambda x: plain_ndcg(x, k), scores, labels))
    assert average_precision(ranking, k)[0] == pytest.approx(
        expected(lambda x: plain_average_precision(x, k), scores, labels)
    )
    assert reciprocal_rank(ranking)[0] == pytest.approx(expected(plain_reciprocal_rank, scores, labels))
    assert precision(ranking, k)[0] == pytest.approx(expected(lambda x: hits(x, k) / k, scores, labels))
    assert recall(ranking, k)[0] == pytest.approx(expected(lambda x: hits(x, k) / hits(x, 9), scores, labels))
    assert hit_rate(ranking, k)[0] == pytest.approx(expected(lambda x: hits(x, k) > 0, scores, labels))
    if all(labels):
        assert isnan(auc(ranking)[0])
    else:
        assert auc(ranking)[0] == pytest.approx(expected(plain_auc, scores, labels))


def test_shuffling_the_rows_of_each_query_changes_no_bit():
    generator = np.random.default_rng(7)
    sizes = generator.integers(1, 40, 50)
    n = int(sizes.sum())
    scores, labels = generator.integers(0, 8, n) / 3, generator.choice([0.0, 0.7, 1.3, 3.0], n)
    query = np.repeat(np.arange(50), sizes)
    shuffled = np.lexsort((generator.random(n), query))
    left, right = Ranking.of(scores, labels, sizes), Ranking.of(scores[shuffled], labels[shuffled], sizes)
    at_five = [partial(metric, k=5) for metric in (ndcg, precision, recall, hit_rate)]
    for metric in (*at_five, average_precision, reciprocal_rank, auc):
        assert metric(left).tobytes() == metric(right).tobytes()
