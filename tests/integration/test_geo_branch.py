"""Near items, from the catalogue to an answer of the server."""

import asyncio
import time

import pyarrow as pa
import pytest

from predictor import AsyncClient, Query
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import PROJECT, make_shop
from searchrank.events import DELETE_ITEM, PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet

pytestmark = pytest.mark.integration
POINTS = [[10.0, -179.99 - 0.001 * k + (360 if k > 10 else 0)] for k in range(40)]


def make(root):
    points = pa.array(POINTS, pa.list_(pa.float64(), 2))
    return make_shop(
        root, project=PROJECT.replace("      lexical:", "      geo: {quota: 5}\n      lexical:"),
        inputs="  item.location: {type: point}\n  recall.geo_score: {type: float}\n",
        columns={"item.location": points},
    )  # fmt: skip


async def test_the_nearest_are_found_across_the_date_line_and_new_ones_but_no_deleted_ones(tmp_path):
    home = make(tmp_path)
    log = EventLog.open(home.events, writable=True, schema=schema(FeatureSet.load(home.features)))
    serving = Serving(home)
    server = RankingServer(serving, Metrics())
    await asyncio.to_thread(serving.load)
    client = AsyncClient(f"127.0.0.1:{await server.start('127.0.0.1', 0)}")

    async def found(place=(10.0, 179.9992), **more):
        asked = Query(surface="shop", user_id="u9", limit=5, context={"request.location": place}, **more)
        return await client.recall(asked, ["geo"])

    def told(kind, **values):
        moment = pa.array([time.time_ns() // 1_000], pa.timestamp("us", "UTC"))
        given = {name.replace("__", "."): [value] for name, value in values.items()}
        log.append(pa.table({"event_id": [f"e{log.end}"], "kind": [kind], "event_time": moment, **given}))
        serving.follow()

    try:
        first = await found()
        assert list(first.ids) == ["i11", "i10", "i12", "i9", "i13"]
        assert first.found_by[0][0].branch == "geo"
        assert -0.3 < first.found_by[0][0].score < 0
        told(DELETE_ITEM, item_id="i11")
        told(PUT_ITEM, item_id="new", **{"item.location": [10.0, 179.999]})
        assert list((await found(filter="item.price != 12 or is_missing(item.price)")).ids)[:3] == ["new", "i10", "i9"]
        nowhere = await client.recall(Query(surface="shop", user_id="u9", limit=5), ["geo"])
        assert list(nowhere.ids) == []
        assert [(part.outcome, part.returned) for part in nowhere.coverage.branches] == [("answered", 0)]
    finally:
        await client.close()
        await server.stop(0)
        serving.close()
        log.close()
