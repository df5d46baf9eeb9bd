"""An index whose items did not change is used again, and no other."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from recall import Query, Recaller
from recall.indexes.refresh import Refreshed, recall_configs, refresh_workspace
from searchrank.events import PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet
from searchrank.features.snapshot import Snapshot
from searchrank.project import Project
from searchrank.workspace import Workspace

NOON = dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC)


def append(shop: Workspace, **columns: object) -> None:
    with EventLog.open(shop.events, writable=True, schema=schema(FeatureSet.load(shop.features))) as log:
        log.append(pa.table({name: [value] for name, value in ({"event_time": NOON} | columns).items()}))


def reused(made: Refreshed) -> dict[str, bool]:
    return {built.name.rpartition("-")[0]: built.reused for built in made.indexes}


def found(shop: Workspace, made: Refreshed, text: str) -> list[str]:
    snapshot = Snapshot.open(made.snapshot, FeatureSet.load(shop.features))
    recaller = Recaller.open(snapshot.indexes, recall_configs(Project.load(shop))["shop"]).only(["lexical"])
    ids = snapshot.catalogue.ids.to_pylist()
    return [ids[row] for row in recaller.retrieve(Query(text=text), 10).recalled.rows]


def test_after_events_alone_words_are_not_indexed_again(shop: Workspace):
    first = refresh_workspace(shop)
    assert not any(reused(first).values())
    append(shop, event_id="new", kind="click", user_id="ann", item_id="pan")
    second = refresh_workspace(shop)
    assert reused(second) == {"lexical": True, "item_to_item": False, "popular": False}
    assert second.snapshot != first.snapshot
    (name,) = (built.name for built in second.indexes if built.reused)
    files = [(made.snapshot / "indexes" / name / "meta.json").stat() for made in (first, second)]
    assert files[0].st_ino == files[1].st_ino
    assert found(shop, second, "iron") == found(shop, first, "iron") == ["pot", "wok"]


def test_an_item_that_was_put_is_indexed(shop: Workspace):
    refresh_workspace(shop)
    append(shop, event_id="new", kind=PUT_ITEM, item_id="pan", **{"item.title": "Iron pan"})
    made = refresh_workspace(shop)
    assert reused(made)["lexical"] is False
    assert "pan" in found(shop, made, "iron")


def test_a_file_of_words_that_changed_is_read_again(shop: Workspace):
    shop.project.write_text(shop.project.read_text().replace("item.tags: 1.0}", "item.tags: 1.0}, synonyms: words.txt"))
    words = shop.root / "words.txt"
    words.write_text("steel, iron\n")
    first = refresh_workspace(shop)
    assert found(shop, first, "steel")
    words.write_text("steel, tea\n")
    second = refresh_workspace(shop)
    assert reused(second)["lexical"] is False
    assert set(found(shop, second, "steel")) == {"cup", "tea"}


def test_asked_for_anew_everything_is_built(shop: Workspace):
    refresh_workspace(shop)
    assert not any(reused(refresh_workspace(shop, force=True)).values())


@pytest.mark.parametrize("file", ["meta.json", "manifest.json", "source"])
def test_a_damaged_index_is_built_again_and_not_handed_on(shop: Workspace, file: str):
    first = refresh_workspace(shop)
    (lexical,) = (first.snapshot / "indexes").glob("lexical-*")
    (lexical / file).write_text("torn")
    append(shop, event_id="new", kind="click", user_id="ann", item_id="pan")
    second = refresh_workspace(shop)
    assert reused(second)["lexical"] is False
    assert found(shop, second, "iron") == ["pot", "wok"]
