from __future__ import annotations

import numpy as np
import pytest

from recall import ItemToItemBranch, Query
from recall.behaviour.neighbours import Neighbours


def lists(*weights: dict[int, float]) -> Neighbours:
    """Neighbour lists, one a row."""
    ends = np.cumsum([0, *map(len, weights)])
    rows = np.array([row for part in weights for row in part], np.int32)
    return Neighbours(ends.astype(np.int64), rows, np.array([w for part in weights for w in part.values()], np.float32))


RECENT = "user.recent_items"
BRANCH = ItemToItemBranch(lists({1: 0.5, 2: 0.25}, {0: 0.5, 2: 0.5}, {0: 0.25, 1: 0.5}, {}), recent=RECENT, history=2)


def test_the_score_is_the_sum_of_similarities():
    found = BRANCH.retrieve(Query(lists={RECENT: np.array([0, 1])}), 10)
    assert dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True)) == {0: 0.5, 1: 0.5, 2: 0.75}


def test_only_the_latest_items_are_asked():
    assert BRANCH.retrieve(Query(lists={RECENT: np.array([3, 0, 1])}), 10).rows.tolist() == [1, 2]


def test_an_item_named_twice_counts_once():
    found = BRANCH.retrieve(Query(lists={RECENT: np.array([0, 0])}), 10)
    assert found.scores.tolist() == [0.5, 0.25]


def test_rows_that_are_not_items_are_ignored():
    found = BRANCH.retrieve(Query(lists={RECENT: np.array([-1, 4, 10**12, 0])}), 10)
    assert found.rows.tolist() == [1, 2]


@pytest.mark.parametrize("recent", [[], [3], [99]])
def test_no_neighbours_are_no_candidates(recent: list[int]):
    assert len(BRANCH.retrieve(Query(lists={RECENT: np.array(recent, np.int64)}), 10)) == 0


def test_few_and_many_neighbours_for_the_catalogue_add_up_to_the_same_bits():
    draw = np.random.default_rng(5)
    parts = [dict(zip(draw.permutation(50)[:30].tolist(), draw.random(30).tolist(), strict=True)) for _ in range(50)]
    small = ItemToItemBranch(lists(*parts), recent=RECENT, history=10)
    large = ItemToItemBranch(lists(*parts, *[{}] * 100_000), recent=RECENT, history=10)
    query = Query(lists={RECENT: np.arange(10)})
    one, other = small.retrieve(query, 50), large.retrieve(query, 50)
    assert one.rows.tolist() == other.rows.tolist()
    assert one.scores.tobytes() == other.scores.tobytes()


@pytest.mark.parametrize("unread", [0, 100_000])
def test_what_more_speaks_against_than_for_is_not_found(unread: int):
    weights = lists({1: 0.5, 2: 0.5, 3: -0.5}, {2: -0.75, 3: 0.75}, {}, {}, *[{}] * unread)
    found = ItemToItemBranch(weights, recent=RECENT, history=2).retrieve(Query(lists={RECENT: np.array([0, 1])}), 10)
    assert dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True)) == {1: 0.5, 3: 0.25}
