from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recall import PopularBranch, PopularConfig, Query
from recall.interaction import Interactions
from recall.popular.branch import build_popular
from searchrank.errors import DataError
from searchrank.features import FeatureSet
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import EventColumns
from tests.unit.recall.conftest import ITEMS


@pytest.fixture(scope="module")
def interactions(
    tmp_path_factory: pytest.TempPathFactory, feature_set: FeatureSet, events: EventColumns
) -> Interactions:
    folder: Path = tmp_path_factory.mktemp("catalogue")
    Catalogue.write(folder, feature_set, ITEMS)
    return Interactions.of(events, Catalogue.open(folder, feature_set))


def counts(folder: Path, interactions: Interactions, config: PopularConfig) -> dict[str, float]:
    build_popular(folder, config, interactions)
    found = PopularBranch.open(folder).retrieve(Query(), 10)
    return {ITEMS["item_id"][r].as_py(): s for r, s in zip(found.rows.tolist(), found.scores.tolist(), strict=True)}


def test_events_are_counted_for_each_item(tmp_path: Path, interactions: Interactions):
    assert counts(tmp_path, interactions, PopularConfig()) == {"tea": 3, "pot": 2, "wok": 2, "pan": 1}


def test_equal_counts_go_by_row(tmp_path: Path, interactions: Interactions):
    assert list(counts(tmp_path, interactions, PopularConfig()))[1:3] == ["pot", "wok"]


def test_a_window_counts_the_latest_events_only(tmp_path: Path, interactions: Interactions):
    assert counts(tmp_path, interactions, PopularConfig(window="30d")) == {"pot": 2, "wok": 2, "pan": 1}


def test_only_events_of_a_least_value_can_be_counted(tmp_path: Path, interactions: Interactions):
    assert counts(tmp_path, interactions, PopularConfig(events=["rating"], min_value=4.0)) == {"cup": 1}


def test_no_events_are_no_candidates(tmp_path: Path, interactions: Interactions):
    assert counts(tmp_path, interactions, PopularConfig(events=["swipe"])) == {}


def test_a_damaged_index_says_how_to_mend_it(tmp_path: Path, interactions: Interactions):
    build_popular(tmp_path, PopularConfig(), interactions)
    (tmp_path / "rows.npy").unlink()
    with pytest.raises(DataError, match="searchrank index"):
        PopularBranch.open(tmp_path)


def test_excluded_items_make_room_for_the_next(tmp_path: Path, interactions: Interactions):
    build_popular(tmp_path, PopularConfig(), interactions)
    branch = PopularBranch.open(tmp_path)
    best = branch.retrieve(Query(), 2).rows
    assert not set(branch.retrieve(Query(exclude=np.array(best)), 2).rows) & set(best)
