"""The verb that asks whether workers serve, beside a server that drains."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from predictor import AsyncClient, Query
from predictor.health_cli import health
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.sketch import Alarm
from predictor.testing import make_shop
from predictor.tls import Tls
from searchrank.errors import RequestError, UnavailableError

pytestmark = pytest.mark.integration
NOBODY = "127.0.0.1:9"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


async def test_a_draining_worker_answers_on_but_says_that_it_leaves(shop, capsys):
    server = RankingServer(shop, Metrics())
    target = f"127.0.0.1:{await server.start('127.0.0.1', 0)}"
    await asyncio.to_thread(health, [target])
    assert capsys.readouterr().out == f"{target}: SERVING\n"
    async with AsyncClient(target) as client:
        leaving = asyncio.create_task(server.stop(drain=0.5))
        await asyncio.sleep(0.05)
        with pytest.raises(UnavailableError, match=f"1 of 1 do not serve: {target}"):
            await asyncio.to_thread(health, [target])
        assert capsys.readouterr().out == f"{target}: NOT_SERVING\n"
        assert (await client.rank(Query(surface="shop"), ["i1"])).ids == ["i1"]
        await leaving
        with pytest.raises(UnavailableError):
            await client.rank(Query(surface="shop"), ["i1"])


async def test_drift_is_told_beside_a_state_that_it_does_not_change(shop, capsys, monkeypatch):
    alarm = Alarm(
        "shop", "taste@1", "item.price", "missing", "missing in 0.0% of the rows", "9.9% now", 1_700_000_000.0
    )
    monkeypatch.setattr(shop.surface("shop").drift, "_sketches", {"sent": SimpleNamespace(alarms=[alarm])})
    server = RankingServer(shop, Metrics())
    target = f"127.0.0.1:{await server.start('127.0.0.1', 0)}"
    await asyncio.to_thread(health, [target])
    assert capsys.readouterr().out == f"{target}: SERVING\n{target}: {alarm.words}\n"
    await asyncio.to_thread(health, [target], as_json=True)
    assert json.loads(capsys.readouterr().out) == {"workers": {target: "SERVING"}, "drift": {target: [alarm.words]}}
    await server.stop(0)


async def test_a_worker_that_is_not_there_is_told_beside_one_that_is(shop, capsys):
    server = RankingServer(shop, Metrics())
    target = f"127.0.0.1:{await server.start('127.0.0.1', 0)}"
    with pytest.raises(UnavailableError, match=f"1 of 2 do not serve: {NOBODY}"):
        await asyncio.to_thread(health, [target, NOBODY], as_json=True)
    workers = json.loads(capsys.readouterr().out)["workers"]
    assert workers[target] == "SERVING"
    assert "nothing answers" in workers[NOBODY]
    await server.stop(0)


async def test_encrypted_workers_are_asked_under_their_own_name(shop, authority, capsys):
    certificate, key = authority.signed("server")
    server = RankingServer(shop, Metrics())
    port = await server.start("127.0.0.1", 0, Tls(certificate=certificate, key=key))
    await asyncio.to_thread(health, [f"127.0.0.1:{port}"], tls_ca=authority.pem, tls_server_name="localhost")
    assert "SERVING" in capsys.readouterr().out
    await server.stop(0)


def test_a_target_without_a_port_is_refused():
    with pytest.raises(RequestError, match="is not host:port"):
        health(["localhost"])
