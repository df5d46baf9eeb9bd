from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recall import Candidates, fuse


def ranked(*rows: int) -> Candidates:
    return Candidates(np.array(rows, np.int64), np.arange(len(rows), 0, -1, dtype=np.float32))


branch_lists = st.lists(
    st.lists(st.integers(0, 30), unique=True, max_size=15).map(lambda rows: ranked(*rows)), max_size=5
)


def named(lists: list[Candidates]) -> list[tuple[str, Candidates]]:
    return [(f"branch{i}", part) for i, part in enumerate(lists)]


def test_an_item_scores_the_sum_of_reciprocal_ranks():
    fused = fuse([("a", ranked(5, 7)), ("b", ranked(7, 9))], limit=10)
    assert fused.rows.tolist() == [7, 5, 9]
    assert fused.fused.tolist() == [1 / 62 + 1 / 61, 1 / 61, 1 / 62]


def test_every_item_keeps_the_rank_and_score_of_each_branch():
    fused = fuse([("a", ranked(5, 7)), ("b", ranked(7, 9))], limit=10)
    assert fused.branches == ("a", "b")
    assert fused.ranks.tolist() == [[2, 1, 0], [1, 0, 2]]
    np.testing.assert_array_equal(fused.scores, np.array([[1, 2, np.nan], [2, np.nan, 1]], np.float32))


def test_a_quota_cuts_a_branch_before_it_takes_part():
    fused = fuse([("a", ranked(1, 2, 3)), ("b", ranked(4, 5))], limit=10, quotas={"a": 1})
    assert sorted(fused.rows.tolist()) == [1, 4, 5]


def test_equal_scores_go_by_row():
    assert fuse([("a", ranked(8)), ("b", ranked(3))], limit=2).rows.tolist() == [3, 8]


def test_nothing_fused_is_an_empty_list():
    fused = fuse([], limit=5)
    assert len(fused) == 0
    assert fused.ranks.shape == fused.scores.shape == (0, 0)


def test_a_branch_that_found_nothing_still_has_its_place():
    fused = fuse([("a", Candidates.empty()), ("b", ranked(4))], limit=5)
    assert fused.branches == ("a", "b")
    assert fused.ranks.tolist() == [[0], [1]]


@given(lists=branch_lists, limit=st.integers(1, 40))
def test_rows_are_unique_within_the_limit_and_from_some_branch(lists: list[Candidates], limit: int):
    rows = fuse(named(lists), limit=limit).rows.tolist()
    everything = {row for part in lists for row in part.rows.tolist()}
    assert len(rows) == len(set(rows)) == min(limit, len(everything))
    assert set(rows) <= everything


@given(lists=branch_lists, limit=st.integers(1, 40), draw=st.randoms())
def test_the_order_of_the_branches_changes_no_bit(lists: list[Candidates], limit: int, draw):
    parts = named(lists)
    shuffled = draw.sample(parts, len(parts))
    one, other = fuse(parts, limit=limit), fuse(shuffled, limit=limit)
    assert one.rows.tolist() == other.rows.tolist()
    assert one.fused.tobytes() == other.fused.tobytes()
    for name in one.branches:
        own, its = one.branches.index(name), other.branches.index(name)
        assert one.ranks[own].tolist() == other.ranks[its].tolist()


@given(lists=branch_lists, limit=st.integers(1, 40))
def test_a_smaller_limit_is_a_prefix(lists: list[Candidates], limit: int):
    whole = fuse(named(lists), limit=10_000)
    cut = fuse(named(lists), limit=limit)
    assert cut.rows.tolist() == whole.rows[:limit].tolist()
    assert (np.diff(whole.fused) <= 0).all()


@given(lists=branch_lists)
def test_ranks_point_back_into_the_lists(lists: list[Candidates]):
    fused = fuse(named(lists), limit=10_000)
    for part, ranks, scores in zip(lists, fused.ranks, fused.scores, strict=True):
        for row, place, score in zip(fused.rows.tolist(), ranks.tolist(), scores.tolist(), strict=True):
            if place:
                assert part.rows[place - 1] == row
                assert part.scores[place - 1] == pytest.approx(score)
            else:
                assert row not in part.rows
                assert np.isnan(score)
