from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recall import IndexSources, Query, RecallConfig, Recaller, build_indexes
from searchrank.errors import ConfigError, DataError
from searchrank.features import FeatureSet
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import EventColumns
from tests.unit.recall.conftest import ITEMS

CONFIG = RecallConfig.parse(
    {"lexical": {"fields": {"item.title": 2.0, "item.tags": 1.0}}, "item_to_item": {}, "popular": {}}
)


@pytest.fixture
def sources(tmp_path: Path, feature_set: FeatureSet, events: EventColumns) -> IndexSources:
    Catalogue.write(tmp_path / "catalogue", feature_set, ITEMS)
    catalogue = Catalogue.open(tmp_path / "catalogue", feature_set)
    return IndexSources(inputs=feature_set.inputs, items=ITEMS, events=events, catalogue=catalogue)


def ids(recaller: Recaller, query: Query) -> list[str]:
    return [ITEMS["item_id"][row].as_py() for row in recaller.retrieve(query, 10).recalled.rows.tolist()]


def test_what_is_built_is_found(tmp_path: Path, sources: IndexSources):
    build_indexes(tmp_path, [CONFIG], sources)
    recaller = Recaller.open(tmp_path / "indexes", CONFIG)
    found = recaller.retrieve(Query(text="kitchen 绿茶", lists={"user.recent_items": np.array([0])}), 10)
    by_branch = dict(zip(found.recalled.branches, found.recalled.ranks, strict=True))
    where = {name: set(found.recalled.rows[ranks > 0].tolist()) for name, ranks in by_branch.items()}
    assert where == {"lexical": {0, 3, 4}, "item_to_item": {2, 3}, "popular": {0, 2, 3, 4}}


def test_a_table_in_another_order_gives_the_same_rows(tmp_path: Path, sources: IndexSources):
    turned = ITEMS.take(pa.array([4, 2, 0, 3, 1]))
    build_indexes(
        tmp_path,
        [CONFIG],
        IndexSources(inputs=sources.inputs, items=turned, events=sources.events, catalogue=sources.catalogue),
    )
    assert ids(Recaller.open(tmp_path / "indexes", CONFIG), Query(text="cup"))[0] == "cup"


def test_surfaces_that_agree_share_an_index(tmp_path: Path, sources: IndexSources):
    other = RecallConfig.parse({"popular": {"quota": 3}, "item_to_item": {"neighbours": 2}})
    built = build_indexes(tmp_path, [CONFIG, other], sources)
    names = sorted(index.name.rpartition("-")[0] for index in built)
    assert names == ["item_to_item", "item_to_item", "lexical", "popular"]
    assert sorted(i.name for i in built) == sorted(p.name for p in (tmp_path / "indexes").iterdir())
    assert all(index.bytes > 0 for index in built)


def test_progress_is_told_to_the_end(tmp_path: Path, sources: IndexSources):
    told: list[tuple[int, int, str]] = []
    build_indexes(tmp_path, [CONFIG], sources, lambda *step: told.append(step))
    assert told == [
        (0, 3, "index lexical"),
        (1, 3, "index item_to_item"),
        (1, 3, "index item_to_item 100 %"),
        (2, 3, "index popular"),
        (3, 3, "done"),
    ]


def test_building_again_replaces_what_was_there(tmp_path: Path, sources: IndexSources):
    build_indexes(tmp_path, [CONFIG], sources)
    build_indexes(tmp_path, [RecallConfig.parse({"popular": {}})], sources)
    assert [p.name.rpartition("-")[0] for p in (tmp_path / "indexes").iterdir()] == ["popular"]


def test_a_build_that_fails_leaves_what_was_there(tmp_path: Path, sources: IndexSources):
    build_indexes(tmp_path, [CONFIG], sources)
    stranger = pa.concat_tables([ITEMS, ITEMS.slice(0, 1).set_column(0, "item_id", pa.array(["stranger"]))])
    wrong = IndexSources(inputs=sources.inputs, items=stranger, events=sources.events, catalogue=sources.catalogue)
    with pytest.raises(DataError, match="snapshot does not"):
        build_indexes(tmp_path, [CONFIG], wrong)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["catalogue", "indexes"]
    assert ids(Recaller.open(tmp_path / "indexes", CONFIG), Query(text="cup"))[0] == "cup"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("item.titel", "did you mean item.title"),
        ("item.price", "not a text"),
        ("user.recent_items", "there is item.tags, item.text, item.title"),
    ],
)
def test_a_field_that_is_no_text_of_the_item_is_refused(
    tmp_path: Path, sources: IndexSources, field: str, message: str
):
    with pytest.raises(ConfigError, match=message):
        build_indexes(tmp_path, [RecallConfig.parse({"lexical": {"fields": {field: 1.0}}})], sources)


@pytest.mark.parametrize("name", ["user.recent_itms", "item.tags", "user.bought"])
def test_an_input_that_lists_no_recent_items_is_refused(tmp_path: Path, sources: IndexSources, name: str):
    with pytest.raises(ConfigError, match=rf"item_to_item\.recent: '{name}' is not .*user\.recent_items"):
        build_indexes(tmp_path, [RecallConfig.parse({"item_to_item": {"recent": name}})], sources)


def test_an_index_that_no_event_reaches_is_told(
    tmp_path: Path, sources: IndexSources, caplog: pytest.LogCaptureFixture
):
    config = RecallConfig.parse({"popular": {"events": ["swipe", "tap"]}, "item_to_item": {}})
    with caplog.at_level(logging.WARNING):
        build_indexes(tmp_path, [config], sources)
    assert len(caplog.messages) == 1
    assert "counts swipe, tap, but the log holds click, order, rating, search" in caplog.messages[0]


def test_a_text_the_catalogue_does_not_hold_is_named(tmp_path: Path, sources: IndexSources):
    bare = ITEMS.drop_columns(["item.tags"])
    wrong = IndexSources(inputs=sources.inputs, items=bare, events=sources.events, catalogue=sources.catalogue)
    with pytest.raises(DataError, match=r"item\.tags"):
        build_indexes(tmp_path, [CONFIG], wrong)


def test_indexes_of_different_catalogues_are_not_mixed(tmp_path: Path, sources: IndexSources, feature_set: FeatureSet):
    build_indexes(tmp_path / "a", [CONFIG], sources)
    few = ITEMS.slice(0, 3)
    Catalogue.write(tmp_path / "few", feature_set, few)
    small = IndexSources(
        inputs=sources.inputs,
        items=few,
        events=sources.events,
        catalogue=Catalogue.open(tmp_path / "few", feature_set),
    )
    for index in build_indexes(tmp_path / "b", [RecallConfig.parse({"popular": {}})], small):
        for file in (tmp_path / "b" / "indexes" / index.name).iterdir():
            (tmp_path / "a" / "indexes" / index.name / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match="different catalogues"):
        Recaller.open(tmp_path / "a" / "indexes", CONFIG)
