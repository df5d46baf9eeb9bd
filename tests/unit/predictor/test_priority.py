"""Threads that step forward and back are where they say."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from predictor.priority import SLICE_NS, step_back, step_forward


def _turn() -> int:
    """Return the length of this thread's turns in nanoseconds; 0 where the kernel does not tell."""
    try:
        told = Path(f"/proc/self/task/{threading.get_native_id()}/sched").read_text(encoding="ascii")
    except OSError:
        return 0
    found = [line.rpartition(":")[2] for line in told.splitlines() if line.startswith("se.slice")]
    return int(found[0]) if found else 0


def test_a_thread_that_steps_forward_has_short_turns_and_keeps_its_policy():
    def forward() -> tuple[int, bool, int, int]:
        before = _turn()
        return before, step_forward(), _turn(), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK

    with ThreadPoolExecutor(1) as thread:
        before, is_known, after, policy = thread.submit(forward).result()
    assert policy == os.SCHED_OTHER
    if is_known and before:  # a kernel that has turns of other lengths and tells them
        assert after in {SLICE_NS, before}


def test_threads_started_by_one_that_stepped_forward_have_turns_as_any_other():
    turns: list[int] = []

    def forward() -> None:
        step_forward()
        started = threading.Thread(target=lambda: turns.append(_turn()))
        started.start()
        started.join()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(forward).result()
    assert turns == [_turn()]


def test_a_thread_that_steps_back_leaves_the_others_where_they_are():
    mine = os.getpriority(os.PRIO_PROCESS, 0)

    def back() -> tuple[int, int]:
        step_back(7)
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)

    with ThreadPoolExecutor(1) as thread:
        policy, nice = thread.submit(back).result()
    assert (policy, nice) == (os.SCHED_BATCH, 7)
    assert os.getpriority(os.PRIO_PROCESS, 0) == mine
