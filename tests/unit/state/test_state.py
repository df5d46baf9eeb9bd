from __future__ import annotations

import numpy as np
import pytest

from searchrank.features import hash_text, hash_texts
from searchrank.features.history import query_hash
from searchrank.features.snapshot import fill_candidates, fill_requests
from searchrank.state import State, Tail

SECOND = 1_000_000


def asked(state: State, feature_set, users: list[str], query: str = "", second: int = 100) -> np.ndarray:
    records = feature_set.request_encoder.missing(len(users))
    hashes = np.array([hash_text(user) if user else 0 for user in users])
    n = len(users)
    state.fill_requests(records, hashes, np.full(n, query_hash(query)), np.full(n, second * SECOND))
    return records


@pytest.fixture
def tail(shop) -> Tail:
    shop.tell(
        {"kind": "click", "user_id": "u0", "item_id": "i0", "query": "tea"},
        {"kind": "click", "user_id": "u1", "item_id": "i1"},
    )
    return Tail(shop.snapshot(), shop.feature_set, shop.log)


def test_with_nothing_new_it_reads_what_the_snapshot_says(tail, feature_set):
    state = tail.advance()
    records = feature_set.request_encoder.missing(3)
    users, queries = np.array([*hash_texts(["u0", "nobody"]), 0]), np.full(3, query_hash("tea"))
    times = np.full(3, 100 * SECOND)
    fill_requests(state.snapshot, records, users, queries, times)
    assert asked(state, feature_set, ["u0", "nobody", ""], "tea").tobytes() == records.tobytes()
    mine, theirs = (feature_set.candidate_encoder.missing(2) for _ in range(2))
    state.fill_candidates(mine, hash_texts(["i0", "x"]), times[:2])
    fill_candidates(state.snapshot, theirs, hash_texts(["i0", "x"]), times[:2])
    assert mine.tobytes() == theirs.tobytes()


def test_a_click_counts_and_a_profile_put_or_deleted_shows(shop, tail, feature_set):
    shop.tell(
        {"kind": "click", "user_id": "u0", "item_id": "i3", "query": "tea"},
        {"kind": "put_user", "user_id": "u1", "user.age": 77.0, "user.likes": ["b", "a"]},
        {"kind": "put_user", "user_id": "new", "user.age": 1.0},
        {"kind": "delete_user", "user_id": "u2"},
    )
    records = asked(tail.advance(), feature_set, ["u0", "u1", "new", "u2", "nobody"])
    assert records["user.age"].tolist() == [20.0, 77.0, 1.0, 30.0, 30.0]
    assert records["user.likes"]["count"].tolist() == [2, 2, -1, -1, -1]
    assert records["user.likes"]["values"][1].tolist() == hash_texts(["b", "a"]).tolist()
    assert records["user.clicks"].tolist() == [2.0, 1.0, 0.0, 0.0, 0.0]
    assert records["user.recent"]["values"][0, :2].tolist() == hash_texts(["i3", "i0"]).tolist()


def test_a_person_has_the_statistics_of_all_their_ids_and_the_profile_of_one(shop, tail, feature_set):
    before = tail.advance()
    shop.tell({"kind": "click", "user_id": "u1", "item_id": "i4"}, {"kind": "link", "user_id": "u0", "linked_id": "u1"})
    records = asked(tail.advance(), feature_set, ["u1", "u0", "u2", ""])
    assert records["user.clicks"].tolist()[:3] == [3.0, 3.0, 0.0]
    assert np.isnan(records["user.clicks"][3])
    assert records["user.recent"]["values"][1, :3].tolist() == hash_texts(["i4", "i1", "i0"]).tolist()
    assert records["user.age"].tolist() == [30.0, 20.0, 40.0, 30.0]
    assert asked(before, feature_set, ["u0"])["user.clicks"].tolist() == [1.0]
