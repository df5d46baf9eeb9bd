from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from recall.behaviour import neighbours
from recall.behaviour.neighbours import Neighbours, cosine_neighbours
from recall.interaction import Interactions
from searchrank.errors import DataError
from searchrank.features.history import EventColumns


def clicks(size: int, *pairs: tuple[int, int]) -> Interactions:
    """Events of (user, row), a second apart, over a catalogue of some size."""
    users, rows = (np.array([pair[at] for pair in pairs], np.int64) for at in (0, 1))
    none = np.zeros(len(pairs), np.int64)
    events = EventColumns(
        kinds=("click",),
        kind=none.astype(np.int32),
        known_time=np.arange(len(pairs)) * 1_000_000,
        user=users,
        item=rows + 1,
        query=none,
        value=np.full(len(pairs), np.nan),
    )
    return Interactions(events, rows, size)


def listed(found: Neighbours, row: int) -> dict[int, float]:
    part = slice(found.indptr[row], found.indptr[row + 1])
    return dict(zip(found.rows[part].tolist(), found.weights[part].tolist(), strict=True))


def by_hand(pairs: set[tuple[int, int]], size: int, count: int) -> list[dict[int, float]]:
    """The definition: each item's ``count`` nearest, then turned round."""
    users = [{user for user, row in pairs if row == item} for item in range(size)]
    turned: list[dict[int, float]] = [{} for _ in range(size)]
    for item in range(size):
        near = []
        for other in range(size):
            common = len(users[item] & users[other])
            if other != item and common:
                near.append((-float(np.float32(common / sqrt(len(users[item]) * len(users[other])))), other))
        for weight, other in sorted(near)[:count]:
            turned[other][item] = -weight
    return turned


def test_similarity_is_the_cosine_over_users():
    found = cosine_neighbours(clicks(4, (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 2)), 10)
    assert listed(found, 0) == pytest.approx({1: 2 / sqrt(3 * 2), 2: 1 / sqrt(3 * 1)})
    assert listed(found, 3) == {}


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_it_equals_the_definition_on_random_clicks(count: int):
    draw = np.random.default_rng(count)
    pairs = list(zip(draw.integers(1, 30, 150).tolist(), draw.integers(0, 12, 150).tolist(), strict=True))
    found = cosine_neighbours(clicks(12, *pairs), count)
    assert [listed(found, row) for row in range(12)] == by_hand(set(pairs), 12, count)


def test_blocks_of_any_size_give_the_same_bits(monkeypatch: pytest.MonkeyPatch):
    draw = np.random.default_rng(3)
    events = clicks(40, *zip(draw.integers(1, 30, 300).tolist(), draw.integers(0, 40, 300).tolist(), strict=True))
    whole = cosine_neighbours(events, 5)
    for pairs in (1, 50, 333):
        monkeypatch.setattr(neighbours, "_PAIRS", pairs)
        cut = cosine_neighbours(events, 5)
        assert cut.rows.tobytes() == whole.rows.tobytes()
        assert cut.weights.tobytes() == whole.weights.tobytes()
        assert cut.indptr.tobytes() == whole.indptr.tobytes()


def test_repeated_clicks_count_once():
    assert listed(cosine_neighbours(clicks(2, (1, 0), (1, 0), (1, 1)), 5), 0) == {1: 1.0}


def test_clicks_of_nobody_join_nothing():
    assert not len(cosine_neighbours(clicks(2, (0, 0), (0, 1)), 5).rows)


def test_only_the_latest_items_of_a_user_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighbours, "USER_LIMIT", 2)
    found = cosine_neighbours(clicks(3, (1, 0), (1, 1), (1, 2)), 5)
    assert [listed(found, row) for row in range(3)] == [{}, {2: 1.0}, {1: 1.0}]


def test_an_item_near_to_everything_reaches_a_bounded_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighbours, "_REACH", 2)
    events = clicks(21, *((user, row) for user in range(1, 21) for row in (0, user)))
    assert len(listed(cosine_neighbours(events, 3), 0)) == 2 * 3


def test_no_events_and_no_items_give_empty_lists():
    assert cosine_neighbours(clicks(3), 5).indptr.tolist() == [0, 0, 0, 0]
    assert cosine_neighbours(clicks(0), 5).indptr.tolist() == [0]


def test_what_is_saved_is_what_is_loaded(tmp_path: Path):
    found = cosine_neighbours(clicks(3, (1, 0), (1, 1), (2, 1), (2, 2)), 5)
    found.save(tmp_path)
    loaded = Neighbours.load(tmp_path)
    assert [listed(loaded, row) for row in range(3)] == [listed(found, row) for row in range(3)]
    assert not loaded.weights.flags.writeable


@pytest.mark.parametrize("name", ["indptr.npy", "neighbours.npy", "weights.npy"])
def test_a_file_that_is_damaged_is_refused(tmp_path: Path, name: str):
    cosine_neighbours(clicks(3, (1, 0), (1, 1)), 5).save(tmp_path)
    (tmp_path / name).write_bytes(b"not an array")
    with pytest.raises(DataError, match="searchrank index"):
        Neighbours.load(tmp_path)


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path):
    cosine_neighbours(clicks(3, (1, 0), (1, 1)), 5).save(tmp_path)
    np.save(tmp_path / "weights.npy", np.ones(1, np.float32))
    with pytest.raises(DataError, match="lengths differ"):
        Neighbours.load(tmp_path)
