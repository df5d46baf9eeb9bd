"""Pressure follows the wait, and what pressure does."""

import pytest

from predictor.overload import MOST, TARGET_SECONDS, Overload
from searchrank.errors import DeadlineError, OverloadError


def under(delay: float, notes: int = 100) -> Overload:
    overload = Overload()
    for _ in range(notes):
        overload.note(delay)
    return overload


def let_in(overload: Overload, requests: int) -> int:
    count = 0
    for _ in range(requests):
        try:
            overload.admit(1.0)
        except OverloadError:
            continue
        count += 1
    return count


@pytest.mark.parametrize("delay", [0.0, TARGET_SECONDS])
def test_a_short_wait_is_no_overload(delay):
    assert under(delay).pressure == 0


def test_a_long_wait_presses_more_the_longer_it_is():
    little, much = under(1.5 * TARGET_SECONDS, 10), under(4 * TARGET_SECONDS, 10)
    assert 0 < little.pressure < much.pressure
    assert under(1.0).pressure == MOST


def test_a_queue_that_comes_and_goes_is_no_overload():
    overload = Overload()
    for _ in range(100):
        for delay in (4 * TARGET_SECONDS, 2 * TARGET_SECONDS, 0.0):
            overload.note(delay)
    assert overload.pressure == 0


def test_pressure_ends_when_the_wait_does():
    overload = under(1.0)
    for _ in range(200):
        overload.note(0.0)
    assert overload.pressure == 0


def test_a_request_that_expired_while_it_waited_is_refused_even_without_pressure():
    with pytest.raises(DeadlineError, match="had waited for longer"):
        Overload().admit(0.0)


def test_little_time_is_enough_without_pressure_and_too_little_under_it():
    Overload().admit(0.0001)
    with pytest.raises(OverloadError, match="no time was left") as refusal:
        under(3 * TARGET_SECONDS, 10).admit(0.001)
    assert refusal.value.retry_ms > 0


def test_without_a_deadline_a_request_is_let_in_up_to_full_pressure():
    overload = Overload()
    overload.pressure = 1.0
    overload.admit(None)


def test_above_full_pressure_its_excess_is_the_share_that_is_refused():
    overload = Overload()
    overload.pressure = 1.25
    assert let_in(overload, 1_000) == 750


def test_a_worker_asked_for_three_times_its_capacity_keeps_the_wait_short():
    """A queue in steps of 20 ms: 60 requests come, 20 can be answered, a refusal costs an eighth of an answer."""
    overload, queue, waits = Overload(), 0.0, []
    for _ in range(1_000):
        overload.note(queue / 1_000)
        entered = let_in(overload, 60)
        queue = max(0.0, queue + entered + (60 - entered) / 8 - 20)
        waits.append(queue / 1_000)
    assert max(waits[100:]) < 10 * TARGET_SECONDS
    assert sorted(waits[100:])[450] < 4 * TARGET_SECONDS
