"""What each branch of a question gave, and gave alone."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest

from recall import Candidates, Outcome, Query, Recaller
from recall.fusion.union import Union
from recall.testing import FailingBranch, FixedBranch, HangingBranch
from searchrank.errors import UnavailableError


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


def test_unique_hits_count_what_fusion_cuts_off():
    recaller = Recaller([FixedBranch("good", [4, 2]), FixedBranch("fine", [9, 4, 1])], {"good": 10, "fine": 10})
    found = recaller.retrieve(Query(), 1)
    assert len(found.recalled) == 1
    assert [(part.name, part.found, part.unique) for part in found.coverage] == [("good", 2, 1), ("fine", 3, 2)]


async def test_how_asking_ended_is_told_apart(caplog: pytest.LogCaptureFixture):
    slow = HangingBranch(FixedBranch("slow", [9]))
    broken = FailingBranch("broken", UnavailableError("gone"))
    recaller = Recaller([slow, broken, FixedBranch("good", [4])], dict.fromkeys(("slow", "broken", "good"), 5))
    with caplog.at_level(logging.CRITICAL):
        ends = [part.outcome for part in (await recaller.ask(Query(), 9, time.monotonic() + 0.02)).coverage]
        for _ in range(9):  # until it is asked no more
            last = await recaller.ask(Query(), 9, time.monotonic() + 0.006)
    slow.let_go()
    assert ends == [Outcome.LATE, Outcome.FAILED, Outcome.ANSWERED]
    assert last.coverage[0].outcome is Outcome.SKIPPED


def test_a_branch_without_time_is_late():
    found = Recaller([FixedBranch("good", [4])], {"good": 5}).retrieve(Query(), 9, deadline=0.0)
    assert found.coverage[0].outcome is Outcome.LATE
