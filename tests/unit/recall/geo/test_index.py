from __future__ import annotations

import numpy as np
import pytest

from recall.geo.distance import kilometres as distances
from recall.geo.index import CellIndex, nearest


def squares(points):
    """Return the number of each point's square of a degree."""
    at = np.floor(np.nan_to_num(points) + np.array([90, 180])).astype(np.int64)
    return (np.minimum(at[:, 0], 179) * 361 + at[:, 1]).astype(np.uint64)


def centre(cell):
    return np.array([cell // 361 - 89.5, cell % 361 - 179.5])


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("place", [(0.0, 0.0), (51.0, 179.99), (-51.0, -180.0), (90.0, 0.0), (-89.9, 40.0)])
def test_what_is_found_is_what_a_scan_of_all_items_finds(place, seed):
    random = np.random.default_rng(seed)
    size = int(random.integers(0, 400))
    spread = random.choice([0.01, 1.0, 60.0])
    points = np.array(place) + random.normal(0, spread, (size, 2)).round(2)
    points[:, 0] = np.clip(points[:, 0], -90, 90)
    points[:, 1] = (points[:, 1] + 180) % 360 - 180
    points[random.random(size) < 0.1] = np.nan
    allowed, count = random.random(size) < random.choice([0.02, 0.5, 1.0]), int(random.integers(1, 60))
    index = CellIndex.of(points, squares(points), centre, distances)
    rows, far = nearest(index, np.array(place), count, lambda rows: allowed[rows], distances)
    best = np.lexsort((rows, far))[:count]
    scanned = distances(np.array(place), points)
    wanted = np.lexsort((np.arange(size), scanned))
    wanted = wanted[allowed[wanted] & ~np.isnan(scanned[wanted])][:count]
    assert rows[best].tolist() == wanted.tolist()
    assert far[best].tolist() == scanned[wanted].tolist()


def test_from_an_unknown_place_nothing_is_near():
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    index = CellIndex.of(points, squares(points), centre, distances)
    assert len(nearest(index, np.full(2, np.nan), 5, lambda _: None, distances)[0]) == 0
