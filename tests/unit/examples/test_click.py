"""What counts as moved by a click, and what does not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from examples.demo.click import Effect, moment_of_now, moves, risen
from predictor import Coverage, Finding, ReleaseIdentity, SearchResult

CATEGORY = {"a": "tea", "b": "tea", "c": "bar", "d": "gym", "e": "gym"}


def answer(scores, tied=()):
    """Return an answer of items with their scores, best first, and the ranks of those that a click found."""
    ids = list(scores)
    found = tuple((Finding("item_to_item", tied.index(one) + 1, 1.0),) if one in tied else () for one in ids)
    return SearchResult(
        request_id="r",
        release=ReleaseIdentity("m", "1", "0"),
        snapshot_id="s",
        ids=ids,
        scores=np.array(list(scores.values())),
        found_by=found,
        candidates=len(ids),
        coverage=Coverage((), {}),
    )


def effect(before, after, controls=()):
    return Effect(clicked="a", another=True, before=before, after=after, visible_ms=1.0, controls=tuple(controls))


def rose(before, after):
    return {move.item for move in risen(moves(effect(before, after), CATEGORY, 20), "a")}


def test_nothing_moves_where_nothing_changed():
    same = answer({"c": 3.0, "a": 2.0, "b": 1.0})
    assert not rose(same, same)


def test_a_place_of_the_same_category_rises_with_its_score():
    assert rose(answer({"c": 3.0, "a": 2.0, "b": 1.0}), answer({"b": 4.0, "c": 3.0, "a": 2.0})) == {"b"}


def test_what_only_moves_up_because_another_fell_does_not_count():
    assert not rose(answer({"c": 3.0, "b": 2.0, "a": 1.0}), answer({"b": 2.0, "a": 1.5, "c": 1.0}))


def test_what_the_click_found_is_a_neighbour_and_new():
    before, after = answer({"a": 2.0, "c": 1.0}), answer({"d": 3.0, "a": 2.0, "e": 1.5, "c": 1.0}, tied=("d",))
    found = {one.item: one for one in moves(effect(before, after), CATEGORY, 20)}
    assert (found["d"].tie, found["d"].was, found["d"].rose) == (1, None, True)
    assert np.isnan(found["d"].gain)
    assert rose(before, after) == {"d"}


def test_what_other_clicks_had_found_already_is_no_neighbour_of_this_one():
    before, after = answer({"c": 2.0, "d": 1.0}, tied=("d",)), answer({"d": 3.0, "c": 2.0}, tied=("d",))
    assert not rose(before, after)


def test_only_so_many_items_are_looked_at():
    same = answer({"c": 3.0, "a": 2.0, "b": 1.0})
    assert [one.item for one in moves(effect(same, same), CATEGORY, 2)] == ["c", "a"]


@pytest.mark.parametrize(
    ("other", "identical"),
    [({"a": 2.0, "b": 1.0}, True), ({"b": 2.0, "a": 1.0}, False), ({"a": np.nextafter(2.0, 3), "b": 1.0}, False)],
)
def test_a_control_is_identical_to_the_last_bit_or_not_at_all(other, identical):
    one = answer({"a": 2.0, "b": 1.0})
    assert effect(one, one, (one, one, answer(other))).control_identical is identical


async def test_the_moment_is_ahead_and_in_the_hour_of_now():
    moment, now = await moment_of_now(), datetime.now(UTC)
    assert now < moment <= now + timedelta(minutes=1)
    assert moment.hour == now.hour
