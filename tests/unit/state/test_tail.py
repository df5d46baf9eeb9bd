from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchrank.errors import DataError
from searchrank.events import EventLog
from searchrank.features import hash_text, hash_texts
from searchrank.features.history import History, query_hash
from searchrank.features.inputs import Root
from searchrank.state import Links, State, Tail
from searchrank.state import tail as tail_module
from searchrank.state.tail import LINKS

SECOND = 1_000_000
USERS = ["u0", "u1", "u2", "u9", "nobody"]
QUERIES = ["tea", "hot pot", "unseen"]
ITEMS = ["i0", "i1", "i2", "gone", "nothing"]


def values(history: History, times: list[int]) -> list[bytes]:
    """Return every statistic of everybody at some times, as bytes."""
    told = []
    for time in times:
        users, queries = hash_texts(USERS), np.array([query_hash(QUERIES[k % 3]) for k in range(len(USERS))])
        read = history.requests(users, queries, np.full(len(USERS), time))
        read |= history.items(hash_texts(ITEMS), np.full(len(ITEMS), time))
        told.extend(cells.tobytes() for _, cells in sorted(read.items()))
    return told


def follow(shop, tail: Tail, rng: np.random.Generator, rounds: list[int], random) -> State:
    for count in rounds:
        if count:
            shop.tell(*random(rng, count))
        state = tail.advance()
        if rng.random() < 0.4:
            while tail.merge():
                state = tail.state
    return state


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_any_split_of_a_log_gives_the_bits_of_one_history_over_all_of_it(
    tmp_path_factory, shop_at, random, seed, rounds
):
    shop = shop_at(tmp_path_factory.mktemp("shop"))
    rng = np.random.default_rng(seed)
    shop.tell(*random(rng, 30))
    snapshot = shop.snapshot()
    tail = Tail(snapshot, shop.feature_set, shop.log)
    tail._tiers = replace(tail._tiers, least=int(rng.integers(1, 8)), inline=int(rng.integers(1, 40)))
    state = follow(shop, tail, rng, rounds, random)
    whole = History.build(shop.feature_set, shop.columns(), snapshot.catalogue)
    times = [int(rng.integers(20, len(shop.events) + 5)) * SECOND for _ in range(3)]
    assert values(state.history, times) == values(whole, times)
    assert values(Tail(snapshot, shop.feature_set, shop.log).advance().history, times) == values(whole, times)
    assert state.offset == len(shop.events)


def test_nothing_new_is_the_same_state_and_the_snapshot_s_own_history(shop, random):
    shop.tell(*random(np.random.default_rng(1), 10))
    snapshot = shop.snapshot()
    tail = Tail(snapshot, shop.feature_set, shop.log)
    state = tail.advance()
    assert state is tail.advance()
    assert state.history is snapshot.history
    shop.tell({"kind": "search"})
    assert tail.advance().offset == 11
    assert tail.state.history is snapshot.history


def test_parts_stay_few_and_merging_leaves_the_values_alone(shop, random):
    rng = np.random.default_rng(2)
    shop.tell({"kind": "click"})
    tail = Tail(shop.snapshot(), shop.feature_set, shop.log)
    tail._tiers = replace(tail._tiers, least=4, inline=30)
    for _ in range(40):
        shop.tell(*random(rng, 9))
        before = tail.advance()
        merged = tail.merge()
        assert values(tail.state.history, [200 * SECOND]) == values(before.history, [200 * SECOND])
        assert merged == (tail.state is not before)
    assert len(tail.state.history.parts) <= 7
    assert tail.state.history.parts[0] is before.history.parts[0]


def test_a_merge_that_ends_after_more_was_told_loses_nothing(shop, random):
    rng = np.random.default_rng(3)
    shop.tell({"kind": "click"})
    snapshot = shop.snapshot()
    tail = Tail(snapshot, shop.feature_set, shop.log)
    tail._tiers = replace(tail._tiers, least=2, inline=10)
    for _ in range(6):
        shop.tell(*random(rng, 12))
        tail.advance()
    loose = tail._tiers.loose
    merged = tail._tiers.merged(loose)
    for _ in range(3):
        shop.tell(*random(rng, 5))
        tail.advance()
    tail._tiers = tail._tiers.replaced(loose, merged)
    state = tail._with_parts(tail.state)
    whole = History.build(shop.feature_set, shop.columns(), snapshot.catalogue)
    assert values(state.history, [100 * SECOND]) == values(whole, [100 * SECOND])


def test_documents_and_links_follow_the_snapshot(shop):
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i0"}, {"kind": "link", "user_id": "u0", "linked_id": "u1"})
    tail = Tail(shop.snapshot(), shop.feature_set, shop.log)
    assert tail.advance().links.ids(hash_text("u1")) == tuple(sorted(map(hash_text, ("u0", "u1"))))
    shop.tell(
        {"kind": "put_item", "item_id": "new", "item.price": 5.0},
        {"kind": "delete_item", "item_id": "i1"},
        {"kind": "put_user", "user_id": "u2", "user.age": 99.0},
        {"kind": "link", "user_id": "u1", "linked_id": "u2"},
    )
    state = tail.advance()
    rows = state.rows_of_hashes(hash_texts(["new", "i1", "i2"]))
    assert (rows.tolist(), state.ids_of(rows), state.revisions(rows).tolist()) == (
        [7, 6, 2],
        ["new", "", "i2"],
        [2, -1, -1],
    )
    assert state.users.gather(state.users.rows(["u2"]))["user.age"].tolist() == [99.0]
    assert len(state.links.ids(hash_text("u0"))) == 3
    assert len(state.links.at(5).ids(hash_text("u0"))) == 2


def test_links_of_the_snapshot_may_lie_in_its_folder(shop):
    shop.tell(
        {"kind": "link", "user_id": "u0", "linked_id": "u1"}, {"kind": "link", "user_id": "u1", "linked_id": "u2"}
    )
    snapshot = shop.snapshot()
    Links().extended(2, [(0, hash_text("u0"), hash_text("u2"))]).write(snapshot.folder / LINKS)
    assert len(Tail(snapshot, shop.feature_set, shop.log).advance().links.ids(hash_text("u1"))) == 1


def test_a_log_may_appear_later(shop):
    tail = Tail(shop.snapshot(), shop.feature_set, shop.log)
    assert tail.advance() is tail.advance()
    shop.tell({"kind": "click", "user_id": "u0"})
    assert tail.advance().offset == 1


def test_a_log_shorter_than_the_snapshot_is_another_one(shop, tmp_path, batch):
    shop.tell({"kind": "click"}, {"kind": "click"})
    snapshot = shop.snapshot()
    with EventLog.open(tmp_path / "other", writable=True) as log:
        log.append(batch([{"kind": "click"}]))
    with pytest.raises(DataError, match=r"ends at 1, but .* from 2 events: it is another log"):
        Tail(snapshot, shop.feature_set, tmp_path / "other").advance()


def test_items_alone_are_followed_when_the_rest_is_kept_elsewhere(shop):
    tail = Tail(shop.snapshot(), shop.feature_set, shop.log, roots={Root.ITEM})
    shop.tell({"kind": "click", "user_id": "u0", "item_id": "i0"}, {"kind": "order", "user_id": "u0", "item_id": "i0"})
    state = tail.advance()
    now = np.array([9 * SECOND])
    assert state.history.items(hash_texts(["i0"]), now)["item.clicks"].tolist() == [1.0]
    assert state.history.requests(hash_texts(["u0"]), np.zeros(1, np.int64), now)["user.clicks"].tolist() == [0.0]
    assert [set(part.traces) for part in state.history.parts[1:]] == [{Root.ITEM}]


def test_a_long_tail_asks_for_a_refresh(shop, caplog, monkeypatch):
    monkeypatch.setattr(tail_module, "LONG", 3)
    tail = Tail(shop.snapshot(), shop.feature_set, shop.log)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            shop.tell({"kind": "click"})
            tail.advance()
    assert caplog.text.count("run 'searchrank refresh'") == 1


def test_another_feature_set_reads_the_same_state(shop, random):
    shop.tell(*random(np.random.default_rng(4), 20))
    snapshot, other = shop.snapshot(), shop.opened("one")
    tail = Tail(snapshot, shop.feature_set, shop.log)
    assert tail.advance().over(other).history is other.history
    shop.tell(*random(np.random.default_rng(5), 20))
    state = tail.advance()
    assert values(state.over(other).history, [60 * SECOND]) == values(state.history, [60 * SECOND])
    assert state.over(other).snapshot is other
    with pytest.raises(ValueError, match="cannot be read over"):
        state.over(shop.snapshot("two"))
