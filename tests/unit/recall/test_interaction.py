from __future__ import annotations

from pathlib import Path

import pytest

from recall.interaction import Interactions
from searchrank.features import FeatureSet
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import EventColumns
from tests.unit.recall.conftest import HAPPENED, ITEMS


@pytest.fixture(scope="module")
def interactions(
    tmp_path_factory: pytest.TempPathFactory, feature_set: FeatureSet, events: EventColumns
) -> Interactions:
    folder: Path = tmp_path_factory.mktemp("catalogue")
    Catalogue.write(folder, feature_set, ITEMS)
    return Interactions.of(events, Catalogue.open(folder, feature_set))


def items(found: Interactions) -> list[str]:
    return [ITEMS["item_id"][row].as_py() for row in found.rows.tolist()]


def test_events_of_the_wanted_kinds_are_kept_in_order(interactions: Interactions):
    assert items(interactions.select(["order", "rating"])) == ["wok", "cup", "cup", "cup"]


def test_events_about_no_item_or_an_unknown_one_are_left_out(interactions: Interactions):
    assert items(interactions.select(["click", "search"])) == ["tea", "tea", "tea", "pot", "pot", "wok", "pan"]


def test_a_kind_that_never_happened_has_no_events(interactions: Interactions):
    assert len(interactions.select(["swipe"])) == 0


def test_low_and_missing_values_can_be_left_out(interactions: Interactions):
    assert len(interactions.select(["rating"], min_value=4.0)) == 1
    assert len(interactions.select(["rating"], min_value=2.0)) == 2


def test_a_window_leaves_out_its_beginning(interactions: Interactions):
    day = 86_400_000_000
    assert items(interactions.select(["rating"], after=interactions.end - 8 * day)) == ["cup", "cup"]
    assert items(interactions.select(["rating"], after=interactions.end - 7 * day)) == ["cup"]


def test_the_end_is_the_latest_event_of_any_kind(interactions: Interactions):
    assert interactions.end == interactions.events.known_time[HAPPENED.index((90, "ann", None, "search", None))]
