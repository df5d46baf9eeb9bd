"""Filters over random corpora: every branch gives the best of what passes, as a scan of its whole list does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recall import (
    Branch,
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
from recall.lexical import branch as lexical_branch
from recall.lexical.index import build_lexical
from recall.popular.branch import build_popular
from recall.preference.branch import build_preference
from searchrank.features.history import EventColumns

SIZE = 120
WORDS = ("tea", "pot", "hot", "cup", "noodle", "bar")


def clicks(generator: np.random.Generator) -> Interactions:
    count = 900
    rows = generator.integers(0, SIZE - 10, count)
    events = EventColumns(
        kinds=("click",),
        kind=np.zeros(count, np.int32),
        known_time=np.arange(count) * 1_000_000,
        user=generator.integers(1, 150, count),
        item=rows + 1,
        query=np.zeros(count, np.int64),
        value=np.full(count, np.nan),
    )
    return Interactions(events, rows, SIZE)


def lexical(folder: Path, generator: np.random.Generator) -> tuple[Branch, Query]:
    config = LexicalConfig(fields={"item.title": 1.0})
    titles = [" ".join(generator.choice(WORDS, generator.integers(0, 5))) or None for _ in range(SIZE)]
    build_lexical(folder, config, np.arange(SIZE), {"item.title": titles}, SIZE)
    return LexicalBranch.open(folder, config), Query(text="hot tea")


def item_to_item(folder: Path, generator: np.random.Generator) -> tuple[Branch, Query]:
    config = ItemToItemConfig(neighbours=60)
    build_item_to_item(folder, config, clicks(generator))
    recent = generator.integers(0, SIZE - 10, 6)
    return ItemToItemBranch.open(folder, config), Query(lists={"user.recent_items": recent})


def popular(folder: Path, generator: np.random.Generator) -> tuple[Branch, Query]:
    build_popular(folder, PopularConfig(), clicks(generator))
    return PopularBranch.open(folder), Query()


def preference(folder: Path, generator: np.random.Generator) -> tuple[Branch, Query]:
    config = PreferenceConfig(tags={"item.city": {"request.city": 1.0, "user.city": 2.0}}, events=["click"])
    records = np.zeros(SIZE, [("item.city", "<i8")])
    records["item.city"] = generator.integers(1, 5, SIZE)
    build_preference(folder, config, records, clicks(generator))
    return PreferenceBranch.open(folder, config), Query(given={"request.city": np.int64(2), "user.city": np.int64(3)})


def dense(folder: Path, generator: np.random.Generator) -> tuple[Branch, Query]:
    config = DenseConfig(input="request.vector", vectors="vectors.npz")
    vectors = generator.normal(size=(SIZE, 8)).astype(np.float32)
    build_dense(folder, config, np.arange(SIZE), vectors, SIZE)
    return DenseBranch.open(folder, config), Query(given={"request.vector": vectors[0]})


def geo(folder: Path, generator: np.random.Generator) -> tuple[Branch, Query]:
    build_geo(folder, GeoConfig(), generator.normal(0, 1, (SIZE, 2)).round(1))
    return GeoBranch.open(folder, GeoConfig()), Query(given={"request.location": np.zeros(2)})


@pytest.fixture(
    scope="module", params=[lexical, item_to_item, popular, preference, dense, geo], ids=lambda one: one.__name__
)
def branches(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Branch, Query]]:
    """The same kind of branch over three random corpora."""
    make: Callable[[Path, np.random.Generator], tuple[Branch, Query]] = request.param
    folders = [tmp_path_factory.mktemp(make.__name__) for _ in range(3)]
    return [make(folder, np.random.default_rng(seed)) for seed, folder in enumerate(folders)]


@settings(max_examples=40, deadline=None)
@given(
    corpus=st.integers(0, 2),
    share=st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0]),
    seed=st.integers(0, 2**32 - 1),
    limit=st.integers(1, SIZE),
    named=st.sampled_from([0, 5_000]),
)
def test_a_filtered_list_is_the_whole_list_without_what_the_filter_removes(branches, corpus, share, seed, limit, named):
    branch, query = branches[corpus]
    generator = np.random.default_rng(seed)
    whole = branch.retrieve(query, SIZE)
    assert len(whole) > 5
    allowed = generator.random(SIZE) < share
    excluded = generator.integers(0, SIZE, generator.integers(0, 4))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lexical_branch, "MAX_NAMED", named)  # both ways of the word branch
        found = branch.retrieve(replace(query, allowed=allowed, exclude=excluded), limit)
    kept = np.flatnonzero(allowed[whole.rows] & ~np.isin(whole.rows, excluded))[:limit]
    assert found.rows.tolist() == whole.rows[kept].tolist()
    assert np.allclose(found.scores, whole.scores[kept], rtol=1e-6)
