"""Tags that a person likes, from what the log tells to an answer of the server, on whatever device."""

import asyncio
import time
from dataclasses import replace

import pyarrow as pa
import pytest

from predictor import AsyncClient, Query
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import PROJECT, make_shop
from searchrank.events import DELETE_ITEM, LINK, PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet

pytestmark = pytest.mark.integration
LIKED = PROJECT.replace(
    "      lexical:",
    "      preference: {tags: {item.title: {}}, recent: {half_life: 2.0}, most: 2, events: [click], quota: 15}\n"
    "      lexical:",
)
PHONE = Query(surface="shop", user_id="phone", limit=30)


class Shop:
    """A served shop, its log, and a client."""

    def __init__(self, root):
        home = make_shop(root, project=LIKED)
        self._log = EventLog.open(home.events, writable=True, schema=schema(FeatureSet.load(home.features)))
        self._serving = Serving(home)
        self._server = RankingServer(self._serving, Metrics())

    async def __aenter__(self):
        await asyncio.to_thread(self._serving.load)
        self._client = AsyncClient(f"127.0.0.1:{await self._server.start('127.0.0.1', 0)}")
        return self

    async def __aexit__(self, *_):
        await self._client.close()
        await self._server.stop(0)
        self._serving.close()
        self._log.close()

    def told(self, kind, **values):
        moment = pa.array([time.time_ns() // 1_000], pa.timestamp("us", "UTC"))
        given = {name.replace("__", "."): [value] for name, value in values.items()}
        self._log.append(pa.table({"event_id": [f"e{self._log.end}"], "kind": [kind], "event_time": moment, **given}))
        self._serving.follow()

    async def recall(self, asked, branches=()):
        return await self._client.recall(asked, branches)

    async def found(self, asked=PHONE):
        return list((await self.recall(asked, ["preference"])).ids)


async def test_tags_of_what_was_clicked_find_items_and_new_ones_but_no_deleted_ones(tmp_path):
    async with Shop(tmp_path) as shop:
        assert await shop.found() == []
        shop.told("click", user_id="phone", item_id="i4")
        found = await shop.found()
        assert found
        shop.told(DELETE_ITEM, item_id=found[-1])
        shop.told(PUT_ITEM, item_id="new", item__title="tea number 4")
        after = await shop.found(replace(PHONE, filter="item.price != 8"))
        assert found[-1] not in after
        assert "i8" not in after
        shop.told("click", user_id="phone", item_id="i4")
        assert "new" in await shop.found(replace(PHONE, limit=100))


async def test_about_a_stranger_nothing_is_known_and_what_is_popular_is_found(tmp_path):
    async with Shop(tmp_path) as shop:
        found = await shop.recall(replace(PHONE, user_id="stranger"))
    outcomes = {part.branch: (part.outcome, part.returned) for part in found.coverage.branches}
    assert outcomes["preference"] == outcomes["item_to_item"] == ("answered", 0)
    assert {one.branch for by in found.found_by for one in by} == {"popular"}
    assert set(found.ids) == {"i1", "i2", "i5"}


async def test_what_happens_on_one_device_counts_on_another_once_they_are_linked_and_not_before(tmp_path):
    async with Shop(tmp_path) as shop:
        shop.told("click", user_id="tablet", item_id="i3")
        assert await shop.found(replace(PHONE, user_id="tablet"))
        assert await shop.found() == [], "nobody said yet that both are one person's"
        shop.told(LINK, user_id="account", linked_id="tablet")
        assert await shop.found() == []
        shop.told(LINK, user_id="account", linked_id="phone")
        linked = await shop.found()
        assert (
            linked
            == await shop.found(replace(PHONE, user_id="tablet"))
            == await shop.found(replace(PHONE, user_id="account"))
        )
        shop.told("click", user_id="tablet", item_id="i6")
        shop.told("click", user_id="tablet", item_id="i8")
        assert await shop.found() != linked, "what the tablet does from now on counts on the phone"
        assert await shop.found(replace(PHONE, user_id="stranger")) == []
