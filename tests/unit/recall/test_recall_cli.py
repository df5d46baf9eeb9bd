"""What the verb tells of what it may not find."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recall.indexes.refresh import refresh_workspace
from searchrank.cli import app
from searchrank.errors import ConfigError, DefinitionError
from searchrank.workspace import Workspace


def asked(shop: Workspace, *words: str) -> dict:
    done = CliRunner().invoke(app, ["recall", *words, "--home", str(shop.root), "--json"], catch_exceptions=False)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_filter_is_heeded_and_what_was_removed_is_counted(shop: Workspace):
    refresh_workspace(shop)
    every = asked(shop, "", "--surface", "shop", "--explain")
    dear = asked(shop, "", "--surface", "shop", "--explain", "--filter", "item.price > 0")
    found = {one["item_id"] for one in every["items"]}
    kept = {one["item_id"] for one in dear["items"]}
    assert kept <= found
    assert every["removed"] == {"excluded": 0, "filtered": 0, "missing": 0, "duplicates": 0}
    assert dear["removed"]["filtered"] >= len(found) - len(kept)
    nothing = asked(shop, "", "--surface", "shop", "--explain", "--filter", "item.price < -1")
    assert (nothing["items"], nothing["removed"]["filtered"]) == ([], 5)


def test_what_the_surface_excludes_is_not_found(shop: Workspace):
    text = shop.project.read_text()
    shop.project.write_text(text.replace("    model: shop\n", "    model: shop\n    exclude: user.recent_items\n", 1))
    refresh_workspace(shop)
    told = asked(shop, "", "--surface", "shop", "--user", "ann", "--explain")
    assert told["removed"]["excluded"] > 0


@pytest.mark.parametrize(
    ("condition", "error"),
    [("item.price", ConfigError), ("recall.x == 1", DefinitionError), ("item.(", DefinitionError)],
)
def test_what_is_no_filter_is_refused(shop: Workspace, condition: str, error: type[Exception]):
    refresh_workspace(shop)
    with pytest.raises(error):
        asked(shop, "", "--surface", "shop", "--filter", condition)


def test_a_collection_has_nothing_to_filter_by(tmp_path: Path):
    with pytest.raises(ConfigError, match="a collection has none"):
        CliRunner().invoke(app, ["recall", "x", "--index", str(tmp_path), "--filter", "1 < 2"], catch_exceptions=False)
