"""What less work costs, as it is stored."""

import json
from dataclasses import replace

import pytest

from searchrank.errors import DataError
from searchrank.models import EffortCurve, EffortPoint

CURVE = EffortCurve(
    points=(EffortPoint(1.0, 0, 0.5), EffortPoint(0.5, 0, 0.4), EffortPoint(1.0, 10, 0.45)),
    lists=30,
    length=20.0,
    trees=100,
)


def test_what_is_written_is_read():
    assert EffortCurve.parse(CURVE.to_text()) == CURVE


def test_the_loss_is_counted_from_the_whole_work():
    assert [CURVE.loss(point) for point in CURVE.points] == pytest.approx([0.0, 0.1, 0.05])


def test_a_share_of_candidates_is_rounded_up():
    assert [EffortPoint(0.5, 0, 0.0).kept(n) for n in (0, 1, 2, 5)] == [0, 1, 1, 3]


@pytest.mark.parametrize(
    "point",
    [
        EffortPoint(0.0, 0, 0.5),
        EffortPoint(1.1, 0, 0.5),
        EffortPoint(1.0, 100, 0.5),
        EffortPoint(1.0, -1, 0.5),
        EffortPoint(1.0, 5, float("nan")),
    ],
)
def test_a_point_out_of_its_ranges_is_refused(point):
    with pytest.raises(DataError, match="not within its ranges"):
        replace(CURVE, points=(*CURVE.points, point))


def test_a_curve_without_the_whole_work_is_refused():
    with pytest.raises(DataError, match="whole work"):
        replace(CURVE, points=CURVE.points[1:])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"points": [{}]}', json.dumps({"points": 3})])
def test_a_damaged_file_is_refused(text):
    with pytest.raises(DataError, match=r"damaged"):
        EffortCurve.parse(text)


def test_the_card_shows_trees_down_and_candidates_across():
    assert CURVE.table() == [
        "| trees | 100% of the candidates | 50% of the candidates |",
        "| ---: | ---: | ---: |",
        "| 100 | 0.5000 | 0.4000 |",
        "| 10 | 0.4500 | - |",
    ]
