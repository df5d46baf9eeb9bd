"""Two surfaces of one project, told apart by configuration alone, on one server of two workers; asked as callers do."""

import json

import pytest
from typer.testing import CliRunner

from predictor import Client, Query, ServeOptions, Sort, running_server
from predictor.testing import make_shop, promote, release
from searchrank.cli import app
from searchrank.errors import RequestError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("surfaces")]
TWO = """
surfaces:
  shop:
    model: taste
    limit: 5
    candidates: 40
    recall: {lexical: {fields: {item.title: 1.0}, quota: 40}, popular: {events: [click]}}
  luxury:
    model: dear
    limit: 3
    budget_ms: 2000
    recall: {popular: {events: [click]}}
  bare: {model: dear}
models:
  taste: {inputs: [price, clicks, eta, age_price, found_at]}
  dear:  {inputs: [price, clicks, eta, age_price, found_at]}
"""
DEAR = (1.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def targets(home):
    workspace = make_shop(home, project=TWO)
    promote(workspace, release(workspace, DEAR, model="dear"))
    with running_server(ServeOptions(home=home, workers=2, port=0)) as targets:
        yield targets


@pytest.fixture(scope="module")
def client(targets):
    with Client(targets) as client:
        yield client


def run(targets, home, *words: str) -> dict:
    """Run a verb with ``--json`` and return its last line."""
    options = [part for target in targets for part in ("--target", target)]
    result = CliRunner().invoke(app, [*words, *options, "--json", *(["--home", str(home)] if home else [])])
    assert result.exit_code == 0, result.output
    return json.loads(result.output.splitlines()[-1])


def test_each_surface_has_its_own_model_recall_and_limit(client):
    shop = client.search(Query(surface="shop", text="tea"), timeout=5)
    luxury = client.search(Query(surface="luxury", text="tea"), timeout=5)
    assert (shop.release.name, len(shop.ids)) == ("taste", 5)
    assert (luxury.release.name, luxury.ids) == ("dear", ["i5", "i2", "i1"])
    assert {f.branch for found in shop.found_by for f in found} == {"lexical", "popular"}
    assert {f.branch for found in luxury.found_by for f in found} == {"popular"}
    assert shop.snapshot_id == luxury.snapshot_id
    ranked = client.rank(Query(surface="bare"), ["i1", "i9"], timeout=5)
    assert (ranked.release.name, ranked.ids) == ("dear", ["i9", "i1"])


def test_a_surface_must_be_named_when_there_are_several(client):
    with pytest.raises(RequestError, match="this project has: bare, luxury, shop") as caught:
        client.search(Query(surface="", text="tea"), timeout=5)
    assert caught.value.field == "surface"
    with pytest.raises(RequestError, match="no recall branches"):
        client.search(Query(surface="bare", text="tea"), timeout=5)


def test_a_page_of_one_surface_is_none_of_another(client):
    token = client.search(Query(surface="shop", text="tea"), timeout=5).next_page_token
    with pytest.raises(RequestError, match="is of surface 'shop', not 'luxury'"):
        client.search(Query(surface="luxury", page_token=token), timeout=5)


def test_workers_take_turns_with_the_pages_of_one_list(targets):
    asked = Query(surface="shop", text="tea coffee", sort=[Sort("item.price", descending=True)])
    found, token, alone = [], "", [Client([target]) for target in targets]
    for turn in range(8):
        page = alone[turn % 2].search(Query(surface="shop", page_token=token) if token else asked, timeout=5)
        found += page.ids
        assert page.position == 5 * turn
        token = page.next_page_token
    for client in alone:
        client.close()
    assert token == ""
    assert found == [f"i{k}" for k in range(39, -1, -1)]


def test_a_refused_filter_names_its_field_over_the_wire(client):
    with pytest.raises(RequestError, match=r"did you mean item\.price") as caught:
        client.search(Query(surface="shop", filter="item.prise < 3"), timeout=5)
    assert caught.value.field == "filter"
    assert "\n    item.prise < 3\n    ^" in str(caught.value)
    with pytest.raises(RequestError) as caught:
        client.search(Query(surface="shop", page_token="?" * 30), timeout=5)
    assert caught.value.field == "page_token"


def test_the_client_says_what_is_for_search_alone(client):
    with pytest.raises(RequestError, match="sort: is for search alone"):
        client.rank(Query(surface="shop", sort=[Sort("item.price")]), ["i1"])


def test_the_command_line_filters_sorts_and_pages(targets, home):
    words = ("search", "coffee tea", "--surface", "shop", "--filter", "item.price < 12", "--sort", "item.price desc")
    first = run(targets, home, *words)
    assert [item["id"] for item in first["items"]] == ["i11", "i10", "i9", "i8", "i7"]
    assert first["filtering"] == {"looked_at": 40, "removed": 28, "missing": 0, "exact": True}
    second = run(targets, home, "search", "--surface", "shop", "--page", first["next_page_token"])
    assert (second["position"], second["items"][0]["title"]) == (5, "tea number 6")
    whole = run(targets, home, *words, "--all")
    assert [item["id"] for item in whole["items"]] == [f"i{k}" for k in range(11, -1, -1)]
    assert whole["next_page_token"] == ""


def test_the_command_line_shows_it_to_people(targets, home):
    options = [part for target in targets for part in ("--target", target)]
    words = ["search", "tea", "--surface", "shop", "--filter", "item.price < 20", "--home", str(home), *options]
    result = CliRunner().invoke(app, words)
    assert "the filter removed 20 of 40 items of the catalogue, 0 of them since a value is missing" in result.output
    assert "there is more: --all shows it" in result.output
    told = CliRunner().invoke(app, ["explain", "i3", "i30", "--surface", "shop", "--filter", "price < 20", *options])
    assert "i3: kept by the filter" in told.output
    assert "i30: removed by the filter" in told.output


def test_explain_says_in_json_what_the_filter_says(targets):
    told = run(targets, None, "explain", "i3", "i30", "nowhere", "--surface", "shop", "--filter", "item.price < 20")
    assert [item["kept"] for item in told["items"]] == [True, False, None]
