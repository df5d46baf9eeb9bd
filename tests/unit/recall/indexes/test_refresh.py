from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from recall import Query, Recaller
from recall.indexes.refresh import recall_configs, refresh_workspace
from searchrank.cli import app
from searchrank.errors import ConfigError, DataError, NotFoundError, SearchRankError
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.features.snapshot import Snapshot, current
from searchrank.project import Project
from searchrank.workspace import Workspace


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def figures(*words: str) -> dict:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def error(*words: str) -> SearchRankError:
    result = run(*words)
    assert isinstance(result.exception, SearchRankError), result.output
    return result.exception


def test_what_is_indexed_is_live_and_complete(shop: Workspace):
    made = refresh_workspace(shop)
    assert current(shop.snapshots) == made.snapshot
    assert (made.items, made.users, made.events) == (5, 0, 13)
    snapshot = Snapshot.open(made.snapshot, FeatureSet.load(shop.features))
    assert snapshot.manifest.event_offset == 13
    for config in recall_configs(Project.load(shop)).values():
        recaller = Recaller.open(snapshot.indexes, config)
        assert len(recaller.retrieve(Query(text="iron"), 10).recalled)


def test_events_known_later_do_not_count(shop: Workspace):
    day_80 = 1_767_225_600_000_000 + 80 * 86_400_000_000  # 1 January 2026 and 80 days
    assert refresh_workspace(shop, as_of=day_80).events == 3


def test_a_failure_leaves_the_live_snapshot_alone(shop: Workspace):
    made = refresh_workspace(shop)
    shop.project.write_text(shop.project.read_text().replace("item.tags: 1.0", "item.price: 1.0"))
    with pytest.raises(ConfigError, match=r"item\.price"):
        refresh_workspace(shop)
    assert current(shop.snapshots) == made.snapshot
    assert sorted(p.name for p in shop.snapshots.iterdir()) == sorted([".refresh.lock", "CURRENT", made.snapshot.name])


def test_a_missing_workspace_says_what_to_do(shop: Workspace):
    with pytest.raises(NotFoundError, match="searchrank demo"):
        refresh_workspace(Workspace(shop.root / "nowhere"))


def test_a_missing_catalogue_says_where_it_belongs(shop: Workspace):
    shop.items.unlink()
    with pytest.raises(NotFoundError, match=r"no items in .*items\.arrow"):
        refresh_workspace(shop)


def test_a_catalogue_that_is_no_table_is_named(shop: Workspace):
    shop.items.write_bytes(b"id,title\n1,pot\n")
    with pytest.raises(DataError, match=r"items\.arrow is not an Arrow IPC file"):
        refresh_workspace(shop)


def test_a_catalogue_is_indexed_before_anything_happened(shop: Workspace):
    for file in shop.events.iterdir():
        file.unlink()
    EventLog.open(shop.events, writable=True).close()
    made = refresh_workspace(shop)
    assert (made.events, made.items > 0) == (0, True)


def test_a_mistake_in_the_project_names_the_surface(shop: Workspace):
    shop.project.write_text(shop.project.read_text().replace("item_to_item", "item_to_itm"))
    with pytest.raises(ConfigError, match=r"surfaces\.shop\.recall: .*did you mean item_to_item"):
        refresh_workspace(shop)


def test_the_verb_index_prints_what_it_made(shop: Workspace):
    made = figures("index", "--home", str(shop.root))
    assert (made["items"], made["events"]) == (5, 13)
    assert sorted(name.rpartition("-")[0] for name in made["indexes"]) == ["item_to_item", "lexical", "popular"]
    assert made["snapshot"] == current(shop.snapshots).name


def test_the_verb_recall_says_which_branch_found_what(shop: Workspace):
    refresh_workspace(shop)
    found = figures("recall", "绿茶", "--user", "ann", "--surface", "shop", "--home", str(shop.root))
    by_item = {item["item_id"]: item["found_by"] for item in found["items"]}
    assert by_item["tea"]["lexical"]["rank"] == 1
    assert by_item["wok"]["item_to_item"]["rank"] == 1, "bob clicked a pot and a wok, ann a pot"
    assert by_item["pot"]["popular"]["rank"] == 1
    assert [part["problem"] for part in found["coverage"]] == ["", "", ""]
    alone = {
        name: sum(list(by) == [name] for by in by_item.values()) for name in ("lexical", "item_to_item", "popular")
    }
    assert {part["branch"]: part["unique"] for part in found["coverage"]} == alone


def test_an_unknown_user_just_has_no_history(shop: Workspace):
    refresh_workspace(shop)
    found = figures("recall", "iron", "--user", "zoe", "--surface", "shop", "--home", str(shop.root))
    assert [part["found"] for part in found["coverage"]] == [2, 0, 3]


def test_nothing_asked_is_answered_by_popularity(shop: Workspace):
    refresh_workspace(shop)
    found = figures("recall", "--surface", "shop", "--home", str(shop.root), "--limit", "2")
    assert [item["item_id"] for item in found["items"]] == ["pot", "wok"]


def test_a_table_is_printed_for_people(shop: Workspace):
    refresh_workspace(shop)
    printed = run("recall", "iron", "--surface", "shop", "--home", str(shop.root)).stdout
    assert "pot" in printed
    assert "lexical" in printed


def test_explained_the_table_has_the_scores_of_each_branch_and_what_each_gave_alone(shop: Workspace):
    refresh_workspace(shop)
    asked = ("recall", "iron", "--surface", "shop", "--home", str(shop.root))
    best = figures(*asked)["items"][0]["found_by"]["popular"]
    printed = run(*asked, "--explain").stdout
    assert f"{best['rank']} ({best['score']:.4g})" in printed
    assert "found by no other" in printed
    assert f"({best['score']:.4g})" not in run(*asked).stdout


def test_an_unknown_surface_names_those_there_are(shop: Workspace):
    assert "shop, shelf" in str(error("recall", "x", "--surface", "shp", "--home", str(shop.root)))
    assert "shop, shelf" in str(error("recall", "x", "--home", str(shop.root)))


def test_recall_without_an_index_says_what_to_do(shop: Workspace):
    assert "searchrank refresh" in str(error("recall", "x", "--surface", "shop", "--home", str(shop.root)))
