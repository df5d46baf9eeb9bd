"""What a report makes of answers and events: planted effects, what counts as shown, and who is left out."""

import math

import numpy as np
import pyarrow as pa
import pytest

from searchrank.experiments import Experiments, report
from searchrank.serving_log import CORE

TEXT = """
surfaces:
  shop:
    page:
      salt: page
      parameters: {size: {type: integer, default: 1}}
      experiments:
        longer:
          buckets: 0-9999
          where: {request.device: phone}
          overrides: {tester: long}
          arms:
            control: {weight: 1}
            long: {weight: 1, set: {size: 2}}
"""
LONGER = Experiments.parse(TEXT)
ITEMS = [f"i{item}" for item in range(5)]
ANSWERED = ("request_id", "surface", "user_id", "session_id", "arms", "item_id")


def answer(unit, number=0, items=ITEMS, surface="shop", device="phone"):
    given = LONGER.assign("shop", user_id=unit, attributes={"request.device": device})
    names = ("layer", "experiment", "arm", "propensity", "overridden")
    arms = [{name: getattr(arm, name) for name in names} for arm in given.arms]
    row = {"request_id": f"r-{unit}-{number}", "surface": surface, "user_id": unit, "arms": arms, "item_id": items}
    return row | {"session_id": None}


def told(answers, events=()):
    kinds, requests, items = zip(*events, strict=True) if events else ((), (), ())
    happened = {"kind": kinds, "request_id": requests, "item_id": items}
    (one,) = report(
        LONGER,
        pa.Table.from_pylist(answers, pa.schema([CORE.field(name) for name in ANSWERED])),
        pa.table({name: pa.array(column, pa.string()) for name, column in happened.items()}),
    )
    return one


def visits(units, *, lift=1.0, lost=0.0, seed=3):
    """Return one answer a unit, five items each, and clicks: ``long`` clicks ``lift`` times as often."""
    rng = np.random.default_rng(seed)
    answers, events = [], []
    for k in range(units):
        row = answer(f"u{k}")
        long = row["arms"][0]["arm"] == "long"
        if long and rng.random() < lost:
            row["item_id"] = []
        answers.append(row)
        clicked = rng.random(5) < 0.1 * (lift if long else 1.0)
        events += [("click", row["request_id"], item) for item, hit in zip(ITEMS, clicked, strict=True) if hit] * 2
    return answers, events


def test_a_planted_better_arm_is_found():
    found = told(*visits(4_000, lift=1.3))
    control, long = found.arms
    assert (control.name, long.name) == ("control", "long")
    assert control.units + long.units == 4_000
    assert control.shown == 5 * control.units
    assert control.ctr.value == pytest.approx(0.1, abs=0.01)
    assert control.change is None
    assert long.change.low > 0
    assert long.change.p < 0.001
    assert found.is_fair


def test_equal_arms_are_not_told_apart():
    change = told(*visits(4_000)).arms[1].change
    assert change.low < 0 < change.high


def test_units_that_nothing_was_shown_to_do_not_count_and_are_missed():
    found = told(*visits(4_000, lost=0.3))
    assert not found.is_fair
    assert found.arms[1].units < 0.8 * found.arms[0].units


def test_the_arm_that_served_counts_whatever_the_file_says_now():
    row = answer("u1")
    other = {"control": "long", "long": "control"}[row["arms"][0]["arm"]]
    row["arms"][0]["arm"] = other
    assert {arm.name: arm.units for arm in told([row]).arms}[other] == 1


def test_other_surfaces_audiences_and_overridden_units_are_left_out():
    found = told([answer("u1", surface="plaza"), answer("u2", device="desk"), answer("tester")])
    assert [arm.units for arm in found.arms] == [0, 0]
    assert math.isnan(found.sample_ratio_p)


def test_nothing_at_all_is_told_as_nothing():
    assert [arm.shown for arm in told([]).arms] == [0, 0]


def totals(answers, events):
    arms = told(answers, events).arms
    return tuple(sum(getattr(arm, name) for arm in arms) for name in ("units", "shown", "clicked", "ordered"))


def test_what_was_not_shown_cannot_be_clicked():
    events = [("click", "r-u1-0", "i9"), ("click", "r-u1-0", "i1"), ("click", "elsewhere", "i1"), ("click", None, "i1")]
    assert totals([answer("u1")], events) == (1, 5, 1, 0)


def test_of_a_request_with_impressions_only_those_were_shown():
    events = [("impression", "r-u1-0", "i0"), ("impression", "r-u1-0", "i9")]
    events += [
        ("click", "r-u1-0", "i0"),
        ("order", "r-u1-0", "i0"),
        ("click", "r-u1-0", "i4"),
        ("click", "r-u2-0", "i4"),
    ]
    assert totals([answer("u1"), answer("u2")], events) == (2, 1 + 5, 2, 1)


def test_pages_of_one_request_are_one_list():
    pages = [answer("u1"), answer("u1", items=["i4", "i5"])]
    assert totals(pages, [("click", "r-u1-0", "i5")]) == (1, 6, 1, 0)
