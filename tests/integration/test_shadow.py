"""Shadow releases: asked beside the answers, compared in ranking terms, told by another process."""

import json
import time

import pytest
from typer.testing import CliRunner

from predictor import Client, Query
from predictor.apart import answer
from predictor.metrics import Metrics
from predictor.query import rank_request, search_request
from predictor.serving import Serving
from predictor.shadowing import Shadowing
from predictor.testing import PROJECT, WEIGHTS, make_shop, promote, release
from predictor.watch import note
from searchrank.models import Ledger
from searchrank.models.agreement import rbo
from searchrank.models.shadowed import read_shadows
from trainer.release_cli import release as release_verb

pytestmark = pytest.mark.integration

IDS = [f"i{k}" for k in range(8)]
SHADOWED = PROJECT.replace("budget_ms: 2000", "budget_ms: 2000\n    shadow: challenger\n    shadow_share: 1")


@pytest.fixture
def shop(tmp_path):
    workspace = make_shop(tmp_path, project=SHADOWED)
    Ledger(workspace.ledger).promote(release(workspace, [-weight for weight in WEIGHTS]), alias="challenger")
    return workspace


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def serving(shop, metrics):
    serving = Serving(shop)
    serving.shadowing = Shadowing(shop.shadow, metrics)
    serving.load()
    yield serving
    serving.close()


async def ask(serving, request, rpc="Rank"):
    given = await answer(serving.surface("shop"), request)
    serving.answered(rpc, "shop", request, given)
    return given


def wait(serving, lists, left_out=0):
    """Wait until a worker's file tells of so many samples."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        told = read_shadows(serving.workspace.shadow)
        if told and (told[0].agreement.lists, sum(told[0].agreement.left_out.values())) == (lists, left_out):
            return told[0]
        time.sleep(0.01)
    return pytest.fail(f"told: {told}")


async def test_lists_are_compared_in_ranking_terms(serving, metrics):
    given = await ask(serving, rank_request(Query(surface="shop", user_id="u1"), IDS, {}))
    would = await answer(serving.surface("shop").shadow, rank_request(Query(surface="shop", user_id="u1"), IDS, {}))
    told = wait(serving, 1)
    assert (told.live[1], told.shadow[1]) == (1, 2)
    figures = told.agreement.figures()
    assert (figures["changed"], figures["first_change"], figures["overlap_10"]) == (1.0, 1, 1.0)
    assert figures["rbo"] == pytest.approx(rbo(given.order, would.order))
    assert figures["rbo"] < 1
    await ask(serving, search_request(Query(surface="shop", user_id="u1", text="tea")), "Search")
    wait(serving, 2)
    count = metrics.registry.get_sample_value
    assert count("searchrank_shadow_answers_total", {"surface": "shop", "result": "changed"}) == 2
    assert count("searchrank_shadow_rbo_count", {"surface": "shop"}) == 2


async def test_a_release_is_not_its_own_shadow(shop, serving):
    promote(
        shop, shop.releases / "taste" / next(f.name for f in (shop.releases / "taste").iterdir() if f.name[0] == "2")
    )
    serving.load()
    assert serving.surface("shop").release.version == 2
    assert serving.surface("shop").shadow is None
    await ask(serving, rank_request(Query(surface="shop"), IDS, {}))
    assert read_shadows(shop.shadow) == []


async def test_an_alias_that_nobody_has_is_named_and_the_surface_serves(tmp_path):
    serving = Serving(make_shop(tmp_path, project=SHADOWED))
    loaded = serving.load()
    assert "no release of model 'taste' is called 'challenger'" in str(loaded.shadows_refused["shop"])
    metrics = Metrics()
    note(metrics, serving, loaded)
    assert metrics.registry.get_sample_value("searchrank_loads_total", {"result": "refused"}) == 1
    assert (await answer(serving.surface("shop"), rank_request(Query(surface="shop"), IDS, {}))).release.version == "1"
    Ledger(serving.workspace.ledger).promote(release(serving.workspace, WEIGHTS[::-1]), alias="challenger")
    assert serving.load().shadows_refused == {}
    assert serving.surface("shop").shadow.release.version == 2
    serving.close()


async def test_arms_that_change_the_list_apply_to_the_shadow_and_those_of_another_release_are_left_alone(shop):
    shop.experiments.write_text(
        "surfaces: {shop: {page: {salt: p, unit: user_id, parameters: {size: {type: integer, sets: limit}}, "
        "experiments: {e: {buckets: 0-9999, arms: {a: {weight: 1, set: {size: 3}}}}}}, "
        "model: {salt: m, unit: session_id, parameters: {v: {type: integer, sets: release}}, "
        "experiments: {f: {buckets: 0-9999, arms: {b: {weight: 1, set: {v: 2}}}}}}}}"
    )
    serving = Serving(shop)
    serving.shadowing = Shadowing(shop.shadow)
    assert serving.load().experiments_refused is None
    given = await ask(serving, search_request(Query(surface="shop", user_id="u1", text="tea")), "Search")
    assert len(given.ids.strings.values) == 3
    told = wait(serving, 1)
    assert told.agreement.figures()["first_change"] == 1
    pinned = await ask(serving, search_request(Query(surface="shop", session_id="s", text="tea")), "Search")
    assert pinned.release.version == "2"
    serving.close()
    assert wait(serving, 1) == told


async def test_what_comes_while_the_shadow_is_busy_is_left_out_and_counted(serving, metrics):
    request = rank_request(Query(surface="shop", user_id="u1"), IDS, {})
    surface = serving.surface("shop")
    given = await answer(surface, request)
    for _ in range(50):
        serving.shadowing.offer(surface, request, given)
    first = metrics.registry.get_sample_value("searchrank_shadow_answers_total", {"surface": "shop", "result": "busy"})
    assert first > 0
    while serving.shadowing._busy:
        time.sleep(0.01)
    serving.shadowing.offer(surface, request, given)
    serving.close()
    (told,) = read_shadows(serving.workspace.shadow)
    assert told.agreement.lists + told.agreement.left_out["busy"] == 51


async def test_a_shadow_that_refuses_the_request_is_told(serving):
    request = rank_request(Query(surface="shop"), IDS, {})
    given = await answer(serving.surface("shop"), request)
    odd = rank_request(Query(surface="shop", context={"request.mood": 1.0}), IDS, {})
    serving.shadowing.offer(serving.surface("shop"), odd, given)
    told = wait(serving, 0, left_out=1)
    assert "request.mood" in told.problem
    assert told.agreement.left_out == {"failed": 1}


def test_the_verb_tells_what_all_workers_found(shop):
    from predictor import ServeOptions, running_server  # noqa: PLC0415

    empty = CliRunner().invoke(release_verb, ["shadow", "--home", str(shop.root)])
    assert "no shadow was asked yet" in empty.output
    with running_server(ServeOptions(home=shop.root, workers=2, port=0)) as targets, Client(targets) as client:
        for _ in range(6):
            client.rank(Query(surface="shop", user_id="u1"), IDS)
            time.sleep(0.05)
    done = CliRunner().invoke(release_verb, ["shadow", "--home", str(shop.root), "--json"])
    (told,) = json.loads(done.stdout)["shadows"]
    assert (told["live"]["version"], told["shadow"]["version"], told["p"]) == (1, 2, 0.9)
    assert told["answers"] + sum(told["left_out"].values()) >= 2
    shown = CliRunner().invoke(release_verb, ["shadow", "--home", str(shop.root), "--surface", "shop"])
    assert "overlap@10" in shown.output
    refused = CliRunner().invoke(release_verb, ["shadow", "--home", str(shop.root), "--surface", "nope"])
    assert "no surface 'nope'" in str(refused.exception)
