"""What each branch of a question gave, and gave alone."""

from __future__ import annotations

import logging
import time

import pytest

from recall import Outcome, Query, Recaller
from recall.testing import FailingBranch, FixedBranch, HangingBranch
from searchrank.errors import UnavailableError


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
