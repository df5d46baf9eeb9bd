"""What every store of users owes a request; a store's test subclasses this and gives ``reach``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from searchrank.features import FeatureSet, hash_text, hash_texts
from searchrank.features.history import History, query_hash
from searchrank.features.snapshot import Snapshot, fill_requests
from searchrank.state import Fetched, State, UserStore
from tests.unit.state.shop import FEATURES, SECOND, Shop, random_events

Reach = Callable[[Shop, Snapshot], Awaitable[tuple[UserStore, State]]]

FEATURE_SET = FeatureSet.parse(FEATURES)
LATE = 300
USERS = ("u0", "u1", "u2", "u9", "nobody", "")


def filled(fetched: Fetched, query: str = "", second: int = LATE) -> np.ndarray:
    """Return the record of one request."""
    record = FEATURE_SET.request_encoder.missing(1)
    fetched.fill(record, query_hash(query), second * SECOND)
    return record


async def asked(store: UserStore, state: State, user: str, query: str = "", second: int = LATE) -> np.ndarray:
    """Return the record of one request about which everything is known."""
    fetched = await store.fetch(state, hash_text(user) if user else 0)
    assert fetched.problem == ""
    return filled(fetched, query, second)


def expected(history: History, snapshot: Snapshot, user: str, query: str, second: int) -> np.ndarray:
    """Return the record that a history and the profiles of a snapshot give."""
    record = FEATURE_SET.request_encoder.missing(1)
    user_hash = hash_text(user) if user else 0
    known = np.array([[user_hash], [query_hash(query)], [second * SECOND]])
    fill_requests(snapshot, record, *known)
    history.fill_requests(record, *known)
    return record


class UserStoreContract:
    """Run over every implementation of ``searchrank.state.UserStore``.

    A subclass defines the fixture ``reach``: an async function that brings the store up to the end of a shop's log and
    returns it with the state that a request reads beside it.
    """

    @pytest.fixture
    def shop(self, tmp_path: Path) -> Shop:
        shop = Shop(tmp_path, FEATURE_SET)
        shop.tell(
            {"kind": "click", "user_id": "u0", "item_id": "i0", "query": "tea"},
            {"kind": "click", "user_id": "u1", "item_id": "i1"},
        )
        return shop

    async def test_with_nothing_new_it_is_what_the_snapshot_says(self, reach: Reach, shop: Shop):
        snapshot = shop.snapshot()
        store, state = await reach(shop, snapshot)
        for user in USERS:
            want = expected(snapshot.history, snapshot, user, "tea", LATE)
            assert (await asked(store, state, user, "tea")).tobytes() == want.tobytes()

    async def test_it_says_up_to_which_offset_events_count(self, reach: Reach, shop: Shop):
        snapshot = shop.snapshot()
        store, state = await reach(shop, snapshot)
        assert (await store.fetch(state, hash_text("u0"))).offset == 2
        shop.tell({"kind": "search"}, {"kind": "click", "user_id": "u1"})
        store, state = await reach(shop, snapshot)
        assert (await store.fetch(state, hash_text("u0"))).offset == 4

    async def test_what_a_user_does_counts_for_that_user(self, reach: Reach, shop: Shop):
        snapshot = shop.snapshot()
        for k in range(3):
            shop.tell({"kind": "click", "user_id": "u0", "item_id": f"i{k + 2}"})
            store, state = await reach(shop, snapshot)
        record, other = await asked(store, state, "u0"), await asked(store, state, "u1")
        assert (record["user.clicks"][0], other["user.clicks"][0]) == (4.0, 1.0)
        assert record["user.recent"]["values"][0].tolist() == hash_texts(["i4", "i3", "i2"]).tolist()

    async def test_what_is_not_yet_known_at_the_time_of_the_request_does_not_count(self, reach: Reach, shop: Shop):
        snapshot = shop.snapshot()
        shop.tell(*({"kind": "click", "user_id": "u0", "item_id": "i0"} for _ in range(5)))
        store, state = await reach(shop, snapshot)
        counts = [(await asked(store, state, "u0", second=k))["user.clicks"][0] for k in (1, 3, 6, LATE)]
        assert counts == [1.0, 2.0, 5.0, 6.0]

    async def test_profiles_are_put_replaced_and_deleted(self, reach: Reach, shop: Shop):
        snapshot = shop.snapshot()
        shop.tell(
            {"kind": "put_user", "user_id": "u1", "user.age": 77.0, "user.likes": ["b", "a"]},
            {"kind": "put_user", "user_id": "new", "user.age": 1.0},
            {"kind": "put_user", "user_id": "twice", "user.age": 2.0},
            {"kind": "delete_user", "user_id": "u2"},
            {"kind": "delete_user", "user_id": "u0"},
        )
        await reach(shop, snapshot)
        shop.tell({"kind": "put_user", "user_id": "twice"}, {"kind": "put_user", "user_id": "u0", "user.age": 3.0})
        store, state = await reach(shop, snapshot)
        users = ["u1", "new", "twice", "u2", "u0", "nobody"]
        records = np.concatenate([await asked(store, state, user) for user in users])
        assert records["user.age"].tolist() == [77.0, 1.0, 30.0, 30.0, 3.0, 30.0]
        assert records["user.likes"]["count"].tolist() == [2, -1, -1, -1, -1, -1]
        assert records["user.likes"]["values"][0].tolist() == hash_texts(["b", "a"]).tolist()
        assert records["user.clicks"].tolist() == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]

    async def test_a_person_has_the_statistics_of_all_ids_and_the_profile_of_one(self, reach: Reach, shop: Shop):
        snapshot = shop.snapshot()
        shop.tell(
            {"kind": "click", "user_id": "u1", "item_id": "i4"},
            {"kind": "click", "user_id": "tv", "item_id": "i5"},
            {"kind": "link", "user_id": "u0", "linked_id": "u1"},
            {"kind": "link", "user_id": "tv", "linked_id": "u1"},
        )
        store, state = await reach(shop, snapshot)
        one, other = await asked(store, state, "u0"), await asked(store, state, "tv")
        assert (one["user.clicks"][0], other["user.clicks"][0]) == (4.0, 4.0)
        assert one["user.recent"]["values"][0].tolist() == hash_texts(["i5", "i4", "i1"]).tolist()
        assert (one["user.age"][0], other["user.age"][0]) == (20.0, 30.0)

    async def test_a_query_counts_whoever_asks_it(self, reach: Reach, shop: Shop):
        snapshot = shop.snapshot()
        shop.tell({"kind": "impression", "user_id": "u9", "query": "Tea"}, {"kind": "click", "query": "tea"})
        store, state = await reach(shop, snapshot)
        assert (await asked(store, state, "nobody", "tea"))["query.ctr"][0] == 2.0
        assert (await asked(store, state, "", "tea"))["query.ctr"][0] == 2.0
        assert np.isnan((await asked(store, state, "u0", ""))["query.ctr"][0])

    async def test_any_way_of_getting_there_gives_the_bits_of_one_history(self, reach: Reach, shop: Shop):
        snapshot, rng = shop.snapshot(), np.random.default_rng(11)
        for count in (1, 0, 40, 3, 90, 1, 1, 25):
            shop.tell(*random_events(rng, count))
            store, state = await reach(shop, snapshot)
        whole = History.build(FEATURE_SET, shop.columns(), snapshot.catalogue)
        for user in USERS:
            for query, second in (("tea", LATE), ("hot pot", 90), ("", 60), ("unseen", 10)):
                want = expected(whole, snapshot, user, query, second)
                assert (await asked(store, state, user, query, second)).tobytes() == want.tobytes()
