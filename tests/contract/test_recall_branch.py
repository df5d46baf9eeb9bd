from __future__ import annotations

import numpy as np
import pytest

from recall import (
    DenseBranch,
    DenseConfig,
    GeoBranch,
    GeoConfig,
    ItemToItemBranch,
    ItemToItemConfig,
    LexicalBranch,
    LexicalConfig,
    PopularBranch,
    PopularConfig,
    PreferenceBranch,
    PreferenceConfig,
    Query,
)
from recall.behaviour.branch import build_item_to_item
from recall.dense.build import build_dense
from recall.geo.branch import build_geo
from recall.interaction import Interactions
from recall.lexical.index import build_lexical
from recall.popular.branch import build_popular
from recall.preference.branch import build_preference
from recall.testing import FixedBranch
from searchrank.features.history import EventColumns
from tests.contract.recall_branch_contract import RecallBranchContract

SIZE = 40


def interactions(users: int = 200) -> Interactions:
    """Users who click on four of the first 30 items, drawn with a fixed seed; many items tie."""
    count = users * 4
    rows = np.random.default_rng(7).integers(0, 30, count)
    events = EventColumns(
        kinds=("click",),
        kind=np.zeros(count, np.int32),
        known_time=np.arange(count) * 1_000_000,
        user=np.repeat(np.arange(1, users + 1), 4),
        item=rows + 1,
        query=np.zeros(count, np.int64),
        value=np.full(count, np.nan),
    )
    return Interactions(events, rows, SIZE)


class TestFixedBranch(RecallBranchContract):
    @pytest.fixture
    def branch(self):
        return FixedBranch("fixed", [9, 4, 7, 1, 3, 0], [5.0, 1.0, 1.0, 1.0, 0.5, 3.0])

    @pytest.fixture
    def query(self):
        return Query()


class TestLexicalBranch(RecallBranchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def branch(cls, tmp_path_factory: pytest.TempPathFactory):
        folder = tmp_path_factory.mktemp("lexical")
        config = LexicalConfig(fields={"item.title": 2.0, "item.text": 1.0})
        # Rows handed over backwards; every third item reads alike, so that scores tie.
        rows = np.arange(SIZE)[::-1]
        titles = ["Hot pot" if row % 3 else "Noodle bar" for row in rows]
        texts = [None if row % 5 == 0 else f"spicy pot number {row % 4}" for row in rows]
        build_lexical(folder, config, rows, {"item.title": titles, "item.text": texts}, SIZE)
        return LexicalBranch.open(folder, config)

    @pytest.fixture
    def query(self):
        return Query(text="spicy hot pot")


class TestDenseBranch(RecallBranchContract):
    @pytest.fixture(scope="class", params=[("f32", SIZE), ("f16", SIZE), ("i8", SIZE), ("f32", 1_000), ("f16", 5_000)])
    @classmethod
    def branch(cls, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
        storage, size = request.param  # all scored by us, scanned by the library, with a graph
        folder = tmp_path_factory.mktemp("dense")
        config = DenseConfig(vectors="v.npz", input="request.vector", storage=storage)
        vectors = np.random.default_rng(3).normal(size=(size, 6)).astype(np.float32)
        vectors[1:9:2] = vectors[0]  # ties
        build_dense(folder, config, np.arange(size)[::-1], vectors[::-1], size)
        return DenseBranch.open(folder, config)

    @pytest.fixture
    def query(self):
        return Query(given={"request.vector": np.array([1, 0, 0, 1, 0, 0], np.float32)})


class TestItemToItemBranch(RecallBranchContract):
    @pytest.fixture(scope="class", params=["cosine", "swing", "ease"])
    @classmethod
    def branch(cls, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
        folder = tmp_path_factory.mktemp("item_to_item")
        config = ItemToItemConfig(method=request.param, neighbours=12)
        build_item_to_item(folder, config, interactions())
        return ItemToItemBranch.open(folder, config)

    @pytest.fixture
    def query(self):
        return Query(lists={"user.recent_items": np.array([3, 8, 5, 3])})


class TestSegmentedPopularBranch(RecallBranchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def branch(cls, tmp_path_factory: pytest.TempPathFactory):
        folder = tmp_path_factory.mktemp("segments")
        config = PopularConfig(by={"item.city": "request.city"}, hours={"zone": "UTC", "width": 12})
        records = np.zeros(SIZE, [("item.city", "<i8")])
        records["item.city"] = np.arange(SIZE) % 3 + 1
        build_popular(folder, config, interactions(), records)
        return PopularBranch.open(folder, config)

    @pytest.fixture
    def query(self):
        return Query(given={"request.city": np.int64(2)})


class TestPreferenceBranch(RecallBranchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def branch(cls, tmp_path_factory: pytest.TempPathFactory):
        folder = tmp_path_factory.mktemp("preference")
        config = PreferenceConfig(tags={"item.city": {"request.city": 1.0, "user.city": 2.0}}, events=["click"])
        records = np.zeros(SIZE, [("item.city", "<i8")])
        records["item.city"] = np.arange(SIZE) % 3 + 1
        build_preference(folder, config, records, interactions())
        return PreferenceBranch.open(folder, config)

    @pytest.fixture
    def query(self):
        return Query(given={"request.city": np.int64(2), "user.city": np.int64(3)})


class TestGeoBranch(RecallBranchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def branch(cls, tmp_path_factory: pytest.TempPathFactory):
        folder = tmp_path_factory.mktemp("geo")
        build_geo(folder, GeoConfig(), np.random.default_rng(0).normal(0, 1, (SIZE, 2)).round(1))
        return GeoBranch.open(folder, GeoConfig())

    @pytest.fixture
    def query(self):
        return Query(given={"request.location": np.zeros(2)})


class TestPopularBranch(RecallBranchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def branch(cls, tmp_path_factory: pytest.TempPathFactory):
        folder = tmp_path_factory.mktemp("popular")
        build_popular(folder, PopularConfig(), interactions())
        return PopularBranch.open(folder)

    @pytest.fixture
    def query(self):
        return Query()
