"""Pressure follows the wait, and what pressure does."""

import numpy as np
import pytest

from predictor.overload import MOST, TARGET_SECONDS, Overload
from searchrank.errors import DeadlineError, OverloadError


def under(delay: float, notes: int = 100) -> Overload:
    overload = Overload()
    for _ in range(notes):
        overload.note(delay)
    return overload


def let_in(overload: Overload, requests: int) -> int:
    return sum(not overload.is_too_many() for _ in range(requests))


@pytest.mark.parametrize("delay", [0.0, TARGET_SECONDS])
def test_a_short_wait_is_no_overload(delay):
    assert under(delay).pressure == 0


def test_a_long_wait_presses_more_the_longer_it_is():
    little, much = under(1.2 * TARGET_SECONDS, 10), under(2 * TARGET_SECONDS, 10)
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
    with pytest.raises(DeadlineError, match="had waited for as long"):
        Overload().admit(0.0)


def test_little_time_is_enough_without_pressure_and_too_little_under_it():
    Overload().admit(0.003)
    pressed = under(3 * TARGET_SECONDS, 10)
    pressed.served(0.1)
    with pytest.raises(OverloadError, match="no time was left") as refusal:
        pressed.admit(0.003)
    assert refusal.value.retry_ms > 0


def test_without_a_deadline_a_request_is_let_in_up_to_full_pressure():
    overload = Overload()
    overload.pressure = 1.0
    overload.admit(None)


def test_above_full_pressure_its_excess_is_the_share_that_is_refused():
    overload = Overload()
    overload.pressure = 1.25
    assert let_in(overload, 1_000) == 750


def waits_and_goodput(times: float) -> tuple[list[float], float]:
    """Ask a single-server queue for so many times its capacity, 60 s by Poisson arrivals, requests giving up at 100 ms.

    Times are those that were measured: a whole answer takes 2 ms, the least one 1.5 ms and a refusal 0.5 ms. A probe
    waits in the queue like everybody and sends the next one 20 ms after it was answered.
    """
    rng, overload, free, probe = np.random.default_rng(5), Overload(), 0.0, 0.0
    waits, answered = [], 0
    for arrival in np.cumsum(rng.exponential(0.002 / times, int(60 * times / 0.002))):
        while probe <= arrival:
            free = max(free, probe) + 0.0005
            overload.note(free - probe)
            probe, waited = free + 0.02, free - probe
            waits.append(waited)
        free = max(free, arrival)
        is_refused = overload.is_too_many() or free - arrival > 0.1
        free += 0.0005 if is_refused else 0.002 - 0.0005 * min(1.0, overload.pressure)
        answered += not is_refused and free - arrival <= 0.1
    return waits, answered * 0.002 / 60


@pytest.mark.parametrize(("times", "least"), [(0.7, 0.69), (1.5, 0.9), (2.0, 0.8), (3.0, 0.45)])
def test_a_worker_asked_for_too_much_answers_nearly_what_it_can(times, least):
    assert waits_and_goodput(times)[1] >= least


def test_the_wait_under_overload_settles_near_the_target():
    waits, _ = waits_and_goodput(2.0)
    settled = np.array(waits[len(waits) // 10 :])
    assert np.median(settled) < 1.5 * TARGET_SECONDS
    assert np.quantile(settled, 0.99) < 4 * TARGET_SECONDS


def test_without_too_much_nobody_is_refused_for_it():
    overload = under(TARGET_SECONDS / 2)
    assert let_in(overload, 100) == 100
