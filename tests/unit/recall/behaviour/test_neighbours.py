from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recall.behaviour import neighbours
from recall.behaviour.neighbours import Nearest, Neighbours
from searchrank.errors import DataError
from tests.unit.recall.behaviour.clicks import listed

NEAREST = Nearest(np.array([2, 0, 1]), np.array([2, 1, 0], np.int32), np.array([0.5, 0.25, 1.0], np.float32))
FOUND = Neighbours.of(NEAREST, 2)


def test_lists_of_the_nearest_are_turned_round():
    assert [listed(FOUND, row) for row in range(3)] == [{2: 1.0}, {0: 0.25}, {0: 0.5}]


def test_an_item_near_to_everything_reaches_a_bounded_number_those_it_is_nearest_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighbours, "_REACH", 2)
    weights = np.array([0.1, 0.4, 0.2, 0.4, 0.4, 0.3], np.float32)
    nearest = Nearest(np.array([0, 1, 1, 1, 1, 1, 1]), np.zeros(6, np.int32), weights)
    found = Neighbours.of(nearest, 1)
    assert sorted(listed(found, 0)) == [2, 4]
    assert [listed(found, row) for row in range(1, 7)] == [{}] * 6


def test_what_is_saved_is_what_is_loaded(tmp_path: Path):
    found = FOUND
    found.save(tmp_path)
    loaded = Neighbours.load(tmp_path)
    assert [listed(loaded, row) for row in range(3)] == [listed(found, row) for row in range(3)]
    assert not loaded.weights.flags.writeable


@pytest.mark.parametrize("name", ["indptr.npy", "neighbours.npy", "weights.npy"])
def test_a_file_that_is_damaged_is_refused(tmp_path: Path, name: str):
    FOUND.save(tmp_path)
    (tmp_path / name).write_bytes(b"not an array")
    with pytest.raises(DataError, match="searchrank index"):
        Neighbours.load(tmp_path)


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path):
    FOUND.save(tmp_path)
    np.save(tmp_path / "weights.npy", np.ones(1, np.float32))
    with pytest.raises(DataError, match="lengths differ"):
        Neighbours.load(tmp_path)
