"""How far behind the log a store may be before it is said."""

from searchrank.state.lag import Lag


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_has_just_happened_need_not_be_known():
    lag = Lag(seconds=2.0, clock=Clock())
    assert lag.of(10, end=10) == 0
    assert lag.of(10, end=15) == 0


def test_what_happened_before_the_first_question_must_be_known():
    assert Lag(seconds=2.0, clock=Clock()).of(4, end=10) == 6


def test_a_store_that_stays_behind_is_noticed_after_twice_the_time_at_most():
    clock = Clock()
    lag = Lag(seconds=2.0, clock=clock)
    lag.of(10, end=10)
    clock.now += 1.9
    assert lag.of(10, end=15) == 0
    clock.now += 0.2
    assert lag.of(10, end=18) == 0
    clock.now += 2.0
    assert lag.of(10, end=20) == 8
    assert lag.of(18, end=20) == 0


def test_after_a_long_silence_what_was_known_before_it_is_expected():
    clock = Clock()
    lag = Lag(seconds=2.0, clock=clock)
    lag.of(10, end=12)
    clock.now += 600.0
    assert lag.of(11, end=90) == 1
