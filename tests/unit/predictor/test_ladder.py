"""Steps of a release's curve that are worth taking, and which one is taken."""

from time import monotonic

import pytest

from predictor.journey import Deadline
from predictor.ladder import WHOLE, Ladder
from searchrank.models import EffortCurve, EffortPoint

NDCG = {(1.0, 0): 0.50, (0.5, 0): 0.40, (1.0, 50): 0.49, (0.5, 50): 0.39, (1.0, 10): 0.485, (0.5, 10): 0.3}
CURVE = EffortCurve(
    points=tuple(EffortPoint(share, trees, ndcg) for (share, trees), ndcg in NDCG.items()),
    lists=10,
    length=100.0,
    trees=100,
)
LONG = 1e6


def seconds(trees: int) -> float:
    """A candidate takes as long as a hundred trees, and one for each tree."""
    return 100.0 + trees


def ladder(max_loss: float) -> Ladder:
    return Ladder.of(CURVE, max_loss, seconds)


def taken(steps: Ladder, pressure: float, work: float = 1.0, left: float = LONG) -> tuple[float, int]:
    point = steps.chosen(pressure, work, Deadline(monotonic() + left)).point
    return point.candidates, point.trees


def test_only_steps_within_the_loss_that_cost_less_for_what_they_lose_are_kept():
    assert [(s.point.candidates, s.point.trees) for s in ladder(0.02).steps] == [(1.0, 0), (1.0, 50), (1.0, 10)]
    costs = [s.cost for s in ladder(0.02).steps]
    assert costs == pytest.approx([1.0, 150 / 200, 110 / 200])


def test_with_more_loss_allowed_candidates_are_left_out():
    steps = [(s.point.candidates, s.point.trees) for s in ladder(1.0).steps]
    assert steps == [(1.0, 0), (1.0, 50), (1.0, 10), (0.5, 0), (0.5, 50), (0.5, 10)]


def test_no_loss_allowed_or_no_curve_means_the_whole_work_always():
    assert taken(ladder(0.0), 1.0) == (1.0, 0)
    assert Ladder.of(None, 1.0, seconds).chosen(1.0, LONG, Deadline(0.0)) is WHOLE


def test_pressure_goes_down_the_ladder():
    steps = ladder(0.02)
    assert [taken(steps, pressure) for pressure in (0.0, 0.5, 1.0, 1.9)] == [(1.0, 0), (1.0, 50), (1.0, 10), (1.0, 10)]


def test_without_pressure_what_fits_into_the_time_left_is_chosen():
    steps = ladder(0.02)
    assert taken(steps, 0.0, work=10.0, left=8.0) == (1.0, 50)
    assert taken(steps, 0.0, work=10.0, left=0.0) == (1.0, 10)
