"""Branches as requests ask them: quick ones here, others on threads, late ones not for long."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
import time

import pytest

from recall import Outcome, Query, Recaller
from recall.bounded import MOST_WAITING, STUCK_SECONDS, THREADS, BoundedBranch
from recall.testing import FailingBranch, FixedBranch, HangingBranch
from searchrank.state.circuit import Circuit

QUOTAS = {"good": 10, "slow": 10}
GOOD = FixedBranch("good", [4, 2])


@pytest.fixture
def hanging():
    branch = HangingBranch(FixedBranch("slow", [9, 4]))
    yield branch
    branch.let_go()


class WhereAsked(FixedBranch):
    """Notes the thread that asks it."""

    threads: list[int]

    def retrieve(self, query, limit):
        self.threads = [*getattr(self, "threads", []), threading.get_ident()]
        return super().retrieve(query, limit)


def soon(seconds: float = 0.02) -> float:
    return time.monotonic() + seconds


async def test_asked_with_time_it_gives_what_retrieve_gives():
    recaller = Recaller([HangingBranch(FixedBranch("slow", [9, 4]), 0.001), GOOD], QUOTAS)
    found, same = await recaller.ask(Query(), 10, soon(5)), recaller.retrieve(Query(), 10)
    assert found.recalled.rows.tolist() == same.recalled.rows.tolist()
    assert [(part.name, part.found, part.problem) for part in found.coverage] == [("slow", 2, ""), ("good", 2, "")]


async def test_a_hanging_branch_is_named_and_the_others_go_on(hanging):
    found = await Recaller([hanging, GOOD], QUOTAS).ask(Query(), 10, soon())
    assert found.recalled.rows.tolist() == [4, 2]
    assert found.dropped == ("slow",)
    assert "no answer within" in found.coverage[0].problem


async def test_a_branch_whose_threads_all_hang_is_skipped_at_once(hanging):
    recaller = Recaller([BoundedBranch(hanging, circuit=Circuit(failures=99)), GOOD], QUOTAS)
    await asyncio.gather(*(recaller.ask(Query(), 10, soon(STUCK_SECONDS + 0.01)) for _ in range(THREADS)))
    found = await recaller.ask(Query(), 10, math.inf)  # it would never end if it waited
    assert found.coverage[0].problem == f"skipped: all its {THREADS} threads are busy"
    assert recaller.skipped == {"slow": 1, "good": 0}


async def test_after_late_answers_it_is_not_waited_for_until_one_comes_in_time(hanging):
    clock = [0.0]
    recaller = Recaller([BoundedBranch(hanging, circuit=Circuit(failures=1, clock=lambda: clock[0]))], QUOTAS)
    await recaller.ask(Query(), 10, soon())
    found = await recaller.ask(Query(), 10, math.inf)
    assert "skipped, since it was late: no answer within" in found.coverage[0].problem
    hanging.let_go()
    clock[0] = 10.0
    for _ in range(200):  # the first of them lets it be tried in the background
        if not (found := await recaller.ask(Query(), 10, soon(1))).dropped:
            break
        await asyncio.sleep(0.002)
    assert found.recalled.rows.tolist() == [9, 4]


async def test_a_branch_in_memory_is_asked_on_the_loop_and_one_that_may_wait_is_not():
    here, there = WhereAsked("good", [1]), WhereAsked("slow", [2])
    there.waits = True
    await Recaller([here, there], QUOTAS).ask(Query(), 10, soon(5))
    assert here.threads == [threading.get_ident()]
    assert there.threads != here.threads


async def test_a_branch_in_memory_that_turned_out_slow_gets_a_thread():
    class Slow(WhereAsked):
        def retrieve(self, query, limit):
            time.sleep(0.05)
            return super().retrieve(query, limit)

    slow = Slow("slow", [1])
    recaller = Recaller([slow], QUOTAS)
    for _ in range(2):
        await recaller.ask(Query(), 10, soon(5))
    assert slow.threads[0] == threading.get_ident() != slow.threads[1]


async def test_a_failure_on_a_thread_is_named():
    failing = FailingBranch("slow", OSError("the disk is gone"))
    failing.waits = True
    found = await Recaller([failing, GOOD], QUOTAS).ask(Query(), 10, soon(5))
    assert found.coverage[0].problem == "OSError: the disk is gone"
    assert found.recalled.rows.tolist() == [4, 2]


async def test_after_the_deadline_no_branch_is_asked(hanging):
    found = await Recaller([hanging, GOOD], QUOTAS).ask(Query(), 10, time.monotonic() - 1)
    assert found.dropped == ("slow", "good")
    assert all("no time" in part.problem for part in found.coverage)


async def test_threads_end_with_the_branch():
    branch = HangingBranch(FixedBranch("shortlived", [1]), 0.0)
    recaller = Recaller([branch], {"shortlived": 1})
    await recaller.ask(Query(), 1, soon(5))
    del recaller
    gc.collect()
    for _ in range(200):
        if not any(thread.name == "recall-shortlived" for thread in threading.enumerate()):
            return
        await asyncio.sleep(0.005)
    pytest.fail("its thread goes on")


async def test_more_questions_than_threads_wait_for_one_that_comes_free():
    recaller = Recaller([HangingBranch(FixedBranch("slow", [9]), 0.001), GOOD], QUOTAS)
    found = await asyncio.gather(*(recaller.ask(Query(), 10, soon(5)) for _ in range(5 * THREADS)))
    assert not any(one.dropped for one in found)
    assert recaller.skipped == {"slow": 0, "good": 0}


async def test_no_more_questions_wait_than_a_number(hanging):
    recaller = Recaller([BoundedBranch(hanging, circuit=Circuit(failures=999))], QUOTAS)
    found = await asyncio.gather(*(recaller.ask(Query(), 10, soon(0.05)) for _ in range(MOST_WAITING + 3)))
    outcomes = [one.coverage[0].outcome for one in found]
    assert (outcomes.count(Outcome.LATE), outcomes.count(Outcome.SKIPPED)) == (MOST_WAITING, 3)
