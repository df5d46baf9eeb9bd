"""The choice between loop and thread, and the end of patience."""

import asyncio
import threading
from time import monotonic

import pytest

from predictor.journey import Deadline
from predictor.lane import Lane


@pytest.fixture
def lane():
    lane = Lane()
    yield lane
    lane.close()


def within(seconds: float) -> Deadline:
    return Deadline(monotonic() + seconds)


async def test_queued_work_runs_on_one_other_thread_in_turn(lane):
    threads = [await lane.queue(threading.get_ident, 0.001, within(5)) for _ in range(3)]
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_work_is_short_up_to_two_milliseconds(lane):
    assert lane.is_short(0.002)
    assert not lane.is_short(0.0021)


async def test_work_is_waited_for_no_longer_than_its_deadline(lane):
    gone = threading.Event()
    try:
        assert await lane.queue(gone.wait, 0.001, within(0.01)) is None
    finally:
        gone.set()


async def test_work_is_not_queued_behind_more_than_its_time(lane):
    gone = threading.Event()
    first = asyncio.create_task(lane.queue(gone.wait, 60.0, within(5)))
    await asyncio.sleep(0)
    assert lane.backlog == 60.0
    asked = []
    assert await lane.queue(lambda: asked.append(1), 0.001, within(5)) is None
    gone.set()
    await first
    assert (asked, lane.backlog) == ([], 0.0)
