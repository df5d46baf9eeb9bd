"""The items of several lists, each once."""

from __future__ import annotations

import numpy as np
import pytest

from recall import Candidates
from recall.fusion.union import Union


def lists(*rows: list[int]) -> list[Candidates]:
    return [Candidates(np.array(part, np.int64), np.ones(len(part), np.float32)) for part in rows]


def unique(*rows: list[int]) -> list[int]:
    return Union.of([(f"b{k}", part) for k, part in enumerate(lists(*rows))]).unique


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([[]], [0]),
        ([[], []], [0, 0]),
        ([[7]], [1]),
        ([[7], [7]], [0, 0]),
        ([[1, 2, 3], [3, 9], [2]], [1, 1, 0]),
        ([[5, 1], []], [2, 0]),
    ],
)
def test_an_item_is_unique_to_the_only_branch_that_found_it(rows: list[list[int]], expected: list[int]):
    assert unique(*rows) == expected


def test_unique_hits_are_those_that_counting_by_hand_gives():
    rng = np.random.default_rng(5)
    for _ in range(50):
        rows = [rng.permutation(30)[: rng.integers(0, 20)].tolist() for _ in range(rng.integers(1, 6))]
        others = [{row for k, part in enumerate(rows) if k != at for row in part} for at in range(len(rows))]
        assert unique(*rows) == [len(set(part) - other) for part, other in zip(rows, others, strict=True)]


def test_every_member_is_found_where_its_list_has_it():
    union = Union.of([("z", lists([5, 1])[0]), ("a", lists([1, 7, 5])[0])])
    ranks, scores = union.spread()
    assert union.rows.tolist() == [1, 5, 7]
    assert ranks.tolist() == [[2, 1, 0], [1, 3, 2]]
    assert np.isnan(scores).tolist() == [[False, False, True], [False, False, False]]
