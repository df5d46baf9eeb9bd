"""A project that is edited while it is served: what holds takes effect without a restart, what does not is refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from predictor import AsyncClient, Query
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import PROJECT, make_shop, make_snapshot
from predictor.watch import watch

pytestmark = pytest.mark.integration
ASKED = Query(surface="shop", user_id="u1", text="tea coffee")


@contextlib.asynccontextmanager
async def served(workspace):
    """Serve a workspace and follow it; yields the client and the metrics."""
    serving, metrics = Serving(workspace), Metrics()
    serving.load()
    server = RankingServer(serving, metrics)
    port = await server.start("127.0.0.1", 0)
    following = asyncio.create_task(watch(serving, metrics, period=0.01))
    try:
        async with AsyncClient(f"127.0.0.1:{port}") as client:
            yield client, metrics
    finally:
        following.cancel()
        await server.stop(0)
        serving.close()


def write(workspace, text: str) -> None:
    beside = workspace.project.with_suffix(".new")
    beside.write_text(text)
    beside.replace(workspace.project)


async def returned(client) -> dict[str, int]:
    found = await client.recall(ASKED)
    return {branch.branch: branch.returned for branch in found.coverage.branches}


async def until(client, holds) -> dict[str, int]:
    for _ in range(500):
        told = await returned(client)
        if holds(told):
            return told
        await asyncio.sleep(0.01)
    raise TimeoutError(str(told))


def refused(metrics) -> float:
    return metrics.registry.get_sample_value("searchrank_loads_total", {"result": "refused"}) or 0.0


async def test_quotas_and_branches_change_while_requests_are_answered(tmp_path):
    shop = make_shop(tmp_path)
    async with served(shop) as (client, metrics):
        assert (await returned(client))["lexical"] == 20
        write(shop, PROJECT.replace("quota: 20", "quota: 7"))
        assert (await until(client, lambda told: told["lexical"] == 7))["popular"] == 3
        fewer = "\n".join(line for line in PROJECT.splitlines() if "popular:" not in line)
        write(shop, fewer)
        assert set(await until(client, lambda told: "popular" not in told)) == {"lexical", "item_to_item"}
    assert refused(metrics) == 0


async def test_a_project_that_cannot_be_served_is_refused_and_the_old_one_serves_on(tmp_path, caplog):
    shop = make_shop(tmp_path)
    with caplog.at_level(logging.CRITICAL):
        async with served(shop) as (client, metrics):
            for number, text in enumerate(("surfaces: [", PROJECT.replace("quota: 20", "quota: none")), start=1):
                write(shop, text)
                while refused(metrics) < number:
                    assert (await returned(client))["lexical"] == 20
                    await asyncio.sleep(0.005)
            write(shop, PROJECT.replace("quota: 20", "quota: 6"))
            await until(client, lambda told: told["lexical"] == 6)


async def test_a_branch_whose_index_is_not_built_waits_for_the_next_snapshot(tmp_path, caplog):
    shop = make_shop(tmp_path)
    with caplog.at_level(logging.CRITICAL):
        async with served(shop) as (client, metrics):
            write(shop, PROJECT.replace("popular: {events: [click],", "popular: {events: [click], window: 30d,"))
            while not refused(metrics):
                await asyncio.sleep(0.005)
            assert (await returned(client))["popular"] == 3, "what was serving goes on serving"
            make_snapshot(shop, "second")
            for _ in range(500):
                if (await client.recall(ASKED)).snapshot_id == "second":
                    break
                await asyncio.sleep(0.01)
            assert (await client.recall(ASKED)).snapshot_id == "second"
