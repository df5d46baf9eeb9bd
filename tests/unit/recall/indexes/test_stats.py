"""What is told of the indexes that are live."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from recall.collection.corpus import build_corpus
from recall.indexes.refresh import refresh_workspace
from recall.indexes.stats import Delta, corpus_stats, workspace_stats
from searchrank.cli import app
from searchrank.errors import NotFoundError
from searchrank.events import DELETE_ITEM, PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet
from searchrank.workspace import Workspace

NOON = dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC)


def happen(shop: Workspace, *changes: tuple[str, str]) -> None:
    with EventLog.open(shop.events, writable=True, schema=schema(FeatureSet.load(shop.features))) as log:
        for number, (kind, item) in enumerate(changes):
            log.append(pa.table({"event_id": [f"n{number}"], "event_time": [NOON], "kind": [kind], "item_id": [item]}))


def test_every_index_is_told_with_what_reads_it_and_what_it_holds(shop: Workspace):
    made = refresh_workspace(shop)
    told = workspace_stats(shop)
    assert (told.snapshot, told.items, told.events, told.delta) == (made.snapshot.name, 5, 13, Delta(0, 0, 0))
    by_kind = {one.name.rpartition("-")[0]: one for one in told.indexes}
    assert {name: one.surfaces for name, one in by_kind.items()} == {
        "lexical": ("shop",),
        "item_to_item": ("shop",),
        "popular": ("shelf", "shop"),
    }
    lexical = by_kind["lexical"]
    assert lexical.figures == {"documents": 5, "terms of item.tags": 4, "terms of item.title": 8}
    assert lexical.made_by, "the analyser that cut its texts"
    assert {one.name: one.bytes for one in told.indexes} == {built.name: built.bytes for built in made.indexes}
    assert all(one.rows == 5 for one in told.indexes)


def test_what_was_put_and_deleted_since_is_counted_by_its_last_change(shop: Workspace):
    refresh_workspace(shop)
    happen(shop, (PUT_ITEM, "lid"), (PUT_ITEM, "lid"), (DELETE_ITEM, "pot"), (PUT_ITEM, "cup"), (DELETE_ITEM, "cup"))
    assert workspace_stats(shop).delta == Delta(events=5, put=1, deleted=2)
    refresh_workspace(shop)
    assert workspace_stats(shop).delta == Delta(0, 0, 0)


def test_a_collection_has_stats_too(tmp_path: Path):
    file = tmp_path / "corpus.jsonl"
    file.write_text('{"_id": "a", "title": "tea", "text": "green teas"}\n')
    build_corpus(file, tmp_path / "index")
    (one,) = corpus_stats(tmp_path / "index")
    assert (one.rows, one.surfaces, one.figures["documents"]) == (1, (), 1)


def test_nothing_built_is_said(shop: Workspace, tmp_path: Path):
    with pytest.raises(NotFoundError, match="searchrank refresh"):
        workspace_stats(shop)
    with pytest.raises(NotFoundError, match="index build --corpus"):
        corpus_stats(tmp_path / "nowhere")


def test_the_verbs_update_and_stats(shop: Workspace):
    home = ("--home", str(shop.root))
    made = CliRunner().invoke(app, ["index", "update", *home, "--json"])
    assert json.loads(made.stdout.splitlines()[-1])["changed"] is True
    again = CliRunner().invoke(app, ["index", "update", *home])
    assert "Nothing changed" in again.output
    told = json.loads(CliRunner().invoke(app, ["index", "stats", *home, "--json"]).stdout.splitlines()[-1])
    assert told["delta"] == {"events": 0, "put": 0, "deleted": 0}
    assert [one["rows"] for one in told["indexes"]] == [5, 5, 5]
    shown = CliRunner().invoke(app, ["index", "stats", *home]).output
    assert "5 items, 13 events" in shown
    assert "documents" in shown
