"""A place in the supervisor's line: what is done about processes that hang, babble or cannot be started."""

import asyncio
import sys

import pytest

from predictor.place import Place

BEATS = """
import json, os, sys, time
first = not os.path.exists(sys.argv[1])
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
print(json.dumps({"ready": True}), flush=True)
while True:
    time.sleep(0.05)
    print(flush=True)
"""


@pytest.fixture
def pids(tmp_path):
    return tmp_path / "pids"


async def filled(place, pids, count) -> list[int]:
    """Wait until so many processes have filled the place, and the last is ready."""
    for _ in range(1_000):
        await asyncio.sleep(0.01)
        found = pids.read_text().split() if pids.exists() else []
        if len(found) == count and place.ready.is_set():
            return [int(pid) for pid in found]
    return pytest.fail("it did not happen in time")


def place_of(code, pids, stopping, silence=1.0) -> Place:
    return Place("one", [sys.executable, "-c", code, str(pids)], stopping, silence=silence)


async def ended(place, keeping, stopping):
    stopping.set()
    await place.end()
    await asyncio.wait_for(keeping, 5)


async def test_one_that_beats_is_left_alone(pids):
    stopping = asyncio.Event()
    place = place_of(BEATS, pids, stopping, silence=0.4)
    keeping = asyncio.create_task(place.keep())
    await filled(place, pids, 1)
    await asyncio.sleep(0.8)
    assert len(pids.read_text().split()) == 1
    await ended(place, keeping, stopping)


async def test_one_that_is_silent_is_killed_and_replaced(pids):
    stopping = asyncio.Event()
    silent = BEATS.replace("while True", "while not first or not time.sleep(60)")
    place = place_of(silent, pids, stopping, silence=0.3)
    keeping = asyncio.create_task(place.keep())
    first, second = await filled(place, pids, 2)
    assert first != second
    assert not keeping.done()
    await ended(place, keeping, stopping)


async def test_what_it_babbles_harms_nobody(pids, caplog):
    stopping = asyncio.Event()
    babbles = BEATS.replace("while True", "print(3); print('x' * 200_000); print('so be it', flush=True)\nwhile True")
    place = place_of(babbles, pids, stopping)
    keeping = asyncio.create_task(place.keep())
    for _ in range(500):
        await asyncio.sleep(0.01)
        if "so be it" in caplog.text:
            break
    assert "one: 3" in caplog.text
    assert "one wrote a line that is too long to be read" in caplog.text
    assert "one: so be it" in caplog.text
    assert not keeping.done()
    await ended(place, keeping, stopping)


async def test_one_that_cannot_be_started_is_tried_again(tmp_path, caplog):
    stopping = asyncio.Event()
    keeping = asyncio.create_task(Place("one", [str(tmp_path / "nothing")], stopping).keep())
    await asyncio.sleep(0.2)
    stopping.set()
    await asyncio.wait_for(keeping, 5)
    assert caplog.text.count("one cannot be started: [Errno 2] No such file") >= 2
    assert "one ended with code 71, next try in" in caplog.text
