"""Experiments through a served surface: what an arm changes, what the answer says of it, and how a file is followed."""

import asyncio
import time
from dataclasses import replace

import pytest

from predictor import AsyncClient, Query, pipeline
from predictor.answers import Arm, Explanation, Ranking, SearchResult
from predictor.metrics import Metrics
from predictor.query import explain_request, rank_request, search_request
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import FEATURES, PROJECT, WEIGHTS, make_shop, promote, release
from predictor.watch import note, watch
from searchrank.experiments import bucket, place
from searchrank.models import Ledger

pytestmark = pytest.mark.integration

TEXT = """
surfaces:
  shop:
    page:
      salt: shop-page
      parameters:
        page_size: {type: integer, sets: limit}
        considered: {type: integer, sets: candidates}
      experiments:
        longer:
          buckets: 0-9999
          overrides: {tester: long}
          arms:
            control: {weight: 1}
            long: {weight: 1, set: {page_size: 20}}
    recall:
      salt: shop-recall
      parameters:
        words: {type: integer, sets: recall.lexical.quota}
      experiments:
        fewer_words:
          buckets: 0-4999
          arms:
            control: {weight: 1}
            few: {weight: 1, set: {words: 3}}
    model:
      salt: shop-model
      unit: session_id
      parameters:
        version: {type: integer, sets: release}
      experiments:
        dear_first:
          buckets: 0-4999
          arms:
            champion: {weight: 1}
            challenger: {weight: 1, set: {version: 2}}
"""


@pytest.fixture
def serving(tmp_path):
    workspace = make_shop(tmp_path)
    release(workspace, (1.0, 0.0, 0.0, 0.0, 0.0))
    workspace.experiments.write_text(TEXT)
    serving = Serving(workspace)
    loaded = serving.load()
    assert loaded.experiments_refused is None
    assert loaded.experiments_taken
    yield serving
    serving.close()


def unit(layer, experiment, wanted):
    """Return a unit that hashes into an arm of a layer (0 or 1), or outside its first 5,000 buckets (None)."""
    salt, names = f"shop-{layer}", [f"unit-{k}" for k in range(1_000)]
    chosen = [place(salt, experiment, name, 2) if bucket(salt, name) < 5_000 else None for name in names]
    return names[chosen.index(wanted)]


async def search(surface, query) -> SearchResult:
    return SearchResult.of(await pipeline.search(surface, search_request(query), None))


def arm(result, layer):
    return next((one for one in result.arms if one.layer == layer), None)


async def test_a_page_size_applies_and_the_answer_names_the_arm(serving):
    sizes = set()
    for k in range(40):
        name = f"user-{k}"
        long = place("shop-page", "longer", name, 2) == 1
        result = await search(serving.surface("shop"), Query(surface="shop", user_id=name, text="number"))
        assert arm(result, "page") == Arm("page", "longer", "long" if long else "control", 0.5, False)
        assert len(result.ids) == min(20 if long else 10, result.candidates)
        sizes.add(len(result.ids))
    assert sizes >= {10, 20}


async def test_the_callers_own_limit_comes_first(serving):
    result = await search(serving.surface("shop"), Query(surface="shop", user_id="tester", limit=5, text="number"))
    assert len(result.ids) == 5
    assert arm(result, "page").overridden


async def test_without_ids_nothing_is_tried(serving):
    result = await search(serving.surface("shop"), Query(surface="shop", text="tea"))
    assert (result.arms, len(result.ids)) == ((), 10)


async def test_a_recall_quota_applies_to_one_branch(serving):
    surface = serving.surface("shop")
    for wanted, found in ((0, 20), (1, 3)):
        query = Query(surface="shop", user_id=unit("recall", "fewer_words", wanted), text="tea", limit=40)
        result = await search(surface, query)
        assert sum(any(f.branch == "lexical" for f in by) for by in result.found_by) == found
        assert any(f.branch == "popular" for by in result.found_by for f in by)


async def test_a_pinned_release_serves_beside_the_live_one(serving):
    surface = serving.surface("shop")
    for wanted, version, best in ((0, "1", "i1"), (1, "2", "i3"), (None, "1", "i1")):
        query = Query(surface="shop", session_id=unit("model", "dear_first", wanted))
        ranked = Ranking.of(await pipeline.rank(surface, rank_request(query, ["i3", "i1"], {}), None))
        assert (ranked.release.version, ranked.ids[0]) == (version, best)
        told = Explanation.of(await pipeline.explain(surface, explain_request(query, ["i3"], {}), None))
        assert told.release.version == version
        assert told.arms == ranked.arms
        assert (arm(ranked, "model") is None) == (wanted is None)


async def test_a_promotion_leaves_arms_and_pins_as_they_are(serving):
    session = unit("model", "dear_first", 1)
    promote(serving.workspace, release(serving.workspace, (0.0, 0.0, 0.0, 0.0, 1.0)))
    serving.load()
    surface = serving.surface("shop")
    for query, version in ((Query(surface="shop", session_id=session), "2"), (Query(surface="shop"), "3")):
        ranked = Ranking.of(await pipeline.rank(surface, rank_request(query, ["i3"], {}), None))
        assert ranked.release.version == version


async def test_only_requests_of_the_audience_take_part(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "predictor.testing.FEATURES", FEATURES.replace("inputs:", "inputs:\n  request.device: {type: category}")
    )
    workspace = make_shop(tmp_path)
    workspace.experiments.write_text(
        "surfaces: {shop: {page: {salt: p, parameters: {size: {type: integer, sets: limit}}, experiments: {longer: "
        "{buckets: 0-9999, where: {request.device: phone}, arms: {long: {weight: 1, set: {size: 12}}}}}}}}"
    )
    serving = Serving(workspace)
    assert serving.load().experiments_refused is None
    asked = Query(surface="shop", user_id="u1", text="number")
    for context, size in (({"request.device": "phone"}, 12), ({"request.device": "desk"}, 10), ({}, 10)):
        result = await search(serving.surface("shop"), replace(asked, context=context))
        assert len(result.ids) == size
    serving.close()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("shop:", "plaza:", "no surface 'plaza'"),
        ("version: 2", "version: 9", "no release is called 9"),
        ("recall.lexical.quota", "recall.dense.quota", "no branch 'dense'"),
        ("buckets: 0-9999", "buckets: 0-10000", "names no buckets"),
    ],
)
def test_a_bad_file_is_refused_and_the_last_good_one_serves_on(serving, old, new, words):
    before = serving.surface("shop").trial
    serving.workspace.experiments.write_text(TEXT.replace(old, new))
    loaded = serving.load()
    assert words in str(loaded.experiments_refused)
    assert serving.surface("shop").trial.assigner is before.assigner
    metrics = Metrics()
    note(metrics, serving, loaded)
    assert metrics.registry.get_sample_value("searchrank_experiments_loads_total", {"result": "refused"}) == 1


def test_a_pinned_release_that_lies_is_refused_with_the_file(serving):
    bad = release(serving.workspace, WEIGHTS[::-1])
    (bad / "golden.arrow").chmod(0o644)
    (bad / "golden.arrow").write_bytes(b"nothing")
    serving.workspace.experiments.write_text(TEXT.replace("version: 2", "version: 3"))
    assert serving.load().experiments_refused is not None
    assert list(serving.surface("shop").trial.releases) == [(2, None)]


async def test_a_bad_file_at_the_start_means_that_nothing_is_tried(tmp_path):
    workspace = make_shop(tmp_path, project=PROJECT)
    workspace.experiments.write_text("surfaces: 7")
    serving = Serving(workspace)
    loaded = serving.load()
    assert "experiments.yaml:1:11" in str(loaded.experiments_refused)
    assert (await search(serving.surface("shop"), Query(surface="shop", user_id="u1"))).arms == ()
    serving.close()


async def test_a_running_server_follows_the_file_within_a_second(serving):
    metrics = Metrics()
    server = RankingServer(serving, metrics)
    target = f"127.0.0.1:{await server.start('127.0.0.1', 0)}"
    follower = asyncio.create_task(watch(serving, metrics))
    try:
        await _follow(serving.workspace.experiments, target)
    finally:
        follower.cancel()
        await server.stop(0)
    for result, times in (("refused", 1), ("taken", 2)):
        assert metrics.registry.get_sample_value("searchrank_experiments_loads_total", {"result": result}) == times


async def _follow(file, target):
    asked = Query(surface="shop", user_id="tester", text="number")
    async with AsyncClient(target) as client:
        assert len((await client.search(asked)).ids) == 20
        _replace(file, TEXT.replace("page_size: 20", "page_size: 15"))
        assert await _within_a_second(client, asked, 15)
        _replace(file, TEXT.replace("page_size: 20", "page_size: x"))
        await asyncio.sleep(0.5)
        assert len((await client.search(asked)).ids) == 15
        file.unlink()
        assert await _within_a_second(client, asked, 10)


def _replace(file, text):
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.replace(file)


async def _within_a_second(client, asked, size):
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        if len((await client.search(asked)).ids) == size:
            return True
        await asyncio.sleep(0.02)
    return False


ALIASED = """
surfaces:
  shop:
    rival:
      salt: rival
      parameters:
        rival: {type: text, sets: release, default: champion}
      experiments:
        all:
          buckets: 0-9999
          arms: {challenger: {weight: 1, set: {rival: challenger}}}
"""


async def test_an_arm_follows_an_alias(tmp_path):
    shop = make_shop(tmp_path)
    serving = Serving(shop)
    rivals = [release(shop, weights) for weights in ((2.0, 0, 0, 0, 0), (3.0, 0, 0, 0, 0))]
    ledger = Ledger(shop.ledger)
    asked = rank_request(Query(surface="shop", user_id="u1"), ["i10"], {})
    try:
        shop.experiments.write_text(ALIASED)
        refused = serving.load().experiments_refused
        assert "no release is called 'challenger'; there are" in str(refused)
        for rival, score in zip(rivals, (20.0, 30.0), strict=True):
            ledger.promote(rival, alias="challenger")
            assert serving.load().experiments_refused is None
            answer = await pipeline.rank(serving.surface("shop"), asked, None)
            assert answer.scores[0] == score
        assert ledger.live("taste").version == 1
    finally:
        serving.close()
