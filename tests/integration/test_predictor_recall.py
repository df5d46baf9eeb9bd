"""Recall asked for alone: the lists of Search without its order, in a worker or on a server of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from predictor import AsyncClient, Client, Query, ServeOptions, pipeline, running_server
from predictor.answers import RecallResult
from predictor.metrics import Metrics
from predictor.query import Sort, recall_request
from predictor.server import RECALL_SERVICE, RankingServer
from predictor.serving import Serving
from predictor.testing import PROJECT, make_shop
from recall import Recaller
from recall.testing import FailingBranch, FixedBranch, HangingBranch
from searchrank.errors import NotFoundError, RequestError

pytestmark = pytest.mark.integration
ASKED = Query(surface="shop", user_id="u1", text="tea coffee")
EXPERIMENT = """
surfaces:
  shop:
    recall:
      salt: shop-recall
      parameters:
        words: {type: integer, sets: recall.lexical.quota}
      experiments:
        fewer_words:
          buckets: 0-9999
          arms:
            few: {weight: 1, set: {words: 3}}
"""


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


class Started:
    """A server for the length of an ``async with`` block."""

    def __init__(self, serving, **options):
        self.metrics = Metrics()
        self.server = RankingServer(serving, self.metrics, **options)

    async def __aenter__(self):
        self.target = f"127.0.0.1:{await self.server.start('127.0.0.1', 0)}"
        return self

    async def __aexit__(self, *_):
        await self.server.stop(0)


async def recall(surface, query, branches=(), remaining=None) -> RecallResult:
    return RecallResult.of(await pipeline.find(surface, recall_request(query, branches), remaining))


async def test_recall_and_rank_together_give_the_scores_of_search(serving):
    async with Started(serving) as started, AsyncClient(started.target) as client:
        found = await client.recall(ASKED)
        ranked = await client.rank(ASKED, found.ids, found.columns)
        searched = await client.search(replace(ASKED, limit=len(found.ids)))
    assert ranked.ids == searched.ids
    assert ranked.scores.tolist() == searched.scores.tolist()
    by_id = dict(zip(found.ids, found.found_by, strict=True))
    assert [by_id[item] for item in searched.ids] == list(searched.found_by)
    assert list(found.columns) == ["recall.lexical_rank"]


async def test_the_synchronous_client_asks_the_same(serving):
    async with Started(serving) as started:
        with Client(started.target) as client:
            found = await asyncio.to_thread(client.recall, ASKED, ["popular"])
    assert [part.branch for part in found.coverage.branches] == ["popular"]


async def test_candidates_come_in_the_order_of_fusion_with_what_each_branch_said(serving):
    branches = [FixedBranch("one", [3, 1, 2], [9.0, 8.0, 7.0]), FixedBranch("other", [2, 7])]
    surface = replace(serving.surface("shop"), recaller=Recaller(branches, {"one": 5, "other": 5}))
    found = await recall(surface, replace(ASKED, limit=3))
    assert found.ids[0] == "i2", "both branches found it"
    assert np.all(np.diff(found.fused) <= 0)
    assert [(f.branch, f.rank, f.score) for f in found.found_by[0]] == [("one", 3, 7.0), ("other", 1, 2.0)]
    assert [(b.branch, b.returned, b.unique) for b in found.coverage.branches] == [("one", 3, 2), ("other", 2, 1)]
    assert (found.snapshot_id, found.release.name) == ("first", "taste")


async def test_named_branches_alone_are_asked_and_an_unknown_one_is_refused(serving):
    surface = serving.surface("shop")
    found = await recall(surface, ASKED, ["popular", "lexical"])
    assert {part.branch for part in found.coverage.branches} == {"lexical", "popular"}
    with pytest.raises(RequestError, match="branches: there is no branch 'dense'; there is lexical"):
        await recall(surface, ASKED, ["dense"])


async def test_failed_and_late_branches_are_named_and_the_others_go_on(serving):
    hanging = HangingBranch(FixedBranch("slow", [5]))
    branches = [FixedBranch("good", [3, 1]), FailingBranch("broken", OSError("gone")), hanging]
    recaller = Recaller(branches, {"good": 5, "broken": 5, "slow": 5})
    found = await recall(replace(serving.surface("shop"), recaller=recaller), ASKED, remaining=0.1)
    hanging.let_go()
    assert set(found.ids) == {"i3", "i1"}
    assert {b.branch: b.outcome for b in found.coverage.branches} == {
        "good": "answered",
        "broken": "failed",
        "slow": "late",
    }
    assert {subject for _, subject, _ in found.coverage.degradations} == {"broken", "slow"}


async def test_a_filter_holds_before_anything_is_cut(serving):
    found = await recall(serving.surface("shop"), replace(ASKED, filter="item.price < 4"))
    assert set(found.ids) <= {"i0", "i1", "i2", "i3"}
    assert found.ids


async def test_without_a_limit_as_many_come_as_search_would_order(serving):
    surface = serving.surface("shop")
    assert len((await recall(surface, ASKED)).ids) <= surface.config.candidates
    assert len((await recall(surface, replace(ASKED, limit=2))).ids) == 2
    with pytest.raises(RequestError, match="limit: 10,001, at most 10,000"):
        await recall(surface, replace(ASKED, limit=10_001))


def test_an_order_is_refused_before_it_is_sent():
    with pytest.raises(RequestError, match="sort: is for search alone"):
        recall_request(replace(ASKED, sort=(Sort("item.price"),)))


async def test_a_surface_without_branches_says_so(serving):
    surface = replace(serving.surface("shop"), recaller=Recaller([], {}))
    with pytest.raises(RequestError, match="has no recall branches"):
        await recall(surface, ASKED)


async def test_a_quota_that_is_tried_applies(tmp_path):
    workspace = make_shop(tmp_path)
    workspace.experiments.write_text(EXPERIMENT)
    serving = Serving(workspace)
    serving.load()
    found = await recall(serving.surface("shop"), ASKED)
    serving.close()
    assert {b.branch: b.returned for b in found.coverage.branches}["lexical"] == 3
    assert [arm.arm for arm in found.arms] == ["few"]


async def test_calls_are_counted_with_what_they_found(serving):
    async with Started(serving) as started, AsyncClient(started.target) as client:
        found = await client.recall(ASKED)
    count = started.metrics.registry.get_sample_value
    assert count("searchrank_candidates_sum", {"rpc": "Recall", "surface": "shop"}) == len(found.ids)
    assert count("searchrank_branches_total", {"branch": "lexical", "outcome": "answered", "surface": "shop"}) == 1


async def test_served_alone_nothing_else_is_answered(serving):
    async with Started(serving, only_recall=True) as started, AsyncClient(started.target) as client:
        assert (await client.recall(ASKED)).ids
        with pytest.raises(NotFoundError, match="--only"):
            await client.rank(ASKED, ["i1"])
    assert started.server._services == (RECALL_SERVICE,)


@pytest.mark.slow
def test_a_recall_server_runs_beside_another_and_writes_nothing(tmp_path):
    home = make_shop(tmp_path, project=PROJECT).root
    options = ServeOptions(home=home, port=0, workers=1, only="recall")
    with running_server(options) as targets, Client(targets) as client:
        assert client.recall(ASKED, timeout=5).ids
        with pytest.raises(NotFoundError):
            client.search(ASKED, timeout=5)
    assert not (home / "serving").exists() or not list((home / "serving").iterdir())
    assert not (home / "events").exists()
