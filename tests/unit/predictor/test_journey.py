"""Deadlines and what a journey notes."""

from time import monotonic

import pytest

from predictor.journey import Deadline, Journey
from recall import BranchCoverage


@pytest.mark.parametrize(("remaining", "margin"), [(0.010, 0.002), (0.020, 0.002), (1.0, 0.1)])
def test_the_aim_is_the_callers_deadline_less_the_larger_of_two_milliseconds_and_a_tenth(remaining, margin):
    deadline = Deadline.of_call(remaining, budget=9.0)
    assert deadline.remaining == pytest.approx(remaining - margin, abs=0.002)


def test_a_call_without_deadline_has_the_budget():
    assert Deadline.of_call(None, budget=0.2).remaining == pytest.approx(0.2, abs=0.002)


def test_a_call_with_less_than_the_margin_has_no_time():
    assert Deadline.of_call(0.001, budget=9.0).passed


def test_a_share_ends_earlier_and_never_before_now():
    assert Deadline(monotonic() + 1.0).share(0.5).remaining == pytest.approx(0.5, abs=0.002)
    assert Deadline(monotonic() - 1.0).share(0.5).remaining == pytest.approx(0.0, abs=0.002)


def test_stages_are_timed_one_after_the_other():
    journey = Journey(Deadline(monotonic() + 1.0))
    journey.ran("first")
    journey.ran("second")
    journey.left_out("recall", "lexical", "no time was left to ask it")
    assert [name for name, _ in journey.stages] == ["first", "second"]
    assert all(0 <= us < 100_000 for _, us in journey.stages)
    assert journey.degradations[0].subject == "lexical"


def test_a_branch_that_is_asked_again_counts_with_its_last_list_and_all_its_time():
    journey = Journey(Deadline(monotonic() + 1.0))
    journey.recalled([BranchCoverage("lexical", 5, 0.25, unique=3)])
    journey.recalled([BranchCoverage("lexical", 20, 0.5, unique=11), BranchCoverage("dense", 0, 0.1, "gone")])
    assert [(b.name, b.found, b.unique, b.seconds) for b in journey.branches] == [
        ("lexical", 20, 11, 0.75),
        ("dense", 0, 0, 0.1),
    ]
    assert [(d.stage, d.subject, d.reason) for d in journey.degradations] == [("recall", "dense", "gone")]
