"""Items near a place, by cells of H3: what a scan of all items finds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from recall import GeoBranch, GeoConfig, IndexSources, Late, Query, RecallConfig
from recall.geo.branch import build_geo
from recall.geo.cells import cells_of
from recall.geo.distance import kilometres
from recall.kinds import kind_of
from searchrank.errors import ConfigError, DataError, NotFoundError
from searchrank.features.declaration import declare

EVERYWHERE = GeoConfig()
BORDERS = [(0.0, 0.0), (51.0, 179.99), (-51.0, -180.0), (90.0, 0.0), (-89.9, 40.0), (39.9, 116.4)]


def opened(folder: Path, points: np.ndarray, config: GeoConfig = EVERYWHERE) -> GeoBranch:
    folder.mkdir(exist_ok=True)
    build_geo(folder, config, points)
    return GeoBranch.open(folder, config)


def asked(place, **more) -> Query:
    return Query(given={"request.location": np.array(place, np.float64)}, **more)


def around(place, random: np.random.Generator, size: int, spread: float) -> np.ndarray:
    points = np.array(place) + random.normal(0, spread, (size, 2)).round(3)
    points[:, 0] = np.clip(points[:, 0], -90, 90)
    points[:, 1] = (points[:, 1] + 180) % 360 - 180
    points[random.random(size) < 0.1] = np.nan
    return points


@pytest.mark.parametrize("place", BORDERS)
@pytest.mark.parametrize("spread", [0.01, 1.0, 60.0])
def test_what_is_found_is_what_a_scan_finds(tmp_path, place, spread):
    random = np.random.default_rng(7)
    points = around(place, random, 600, spread)
    branch = opened(tmp_path, points)
    for count in (1, 7, 100, 1_000):
        allowed, excluded = random.random(600) < 0.4, random.integers(0, 600, 20)
        found = branch.retrieve(asked(place, allowed=allowed, exclude=excluded), count)
        far = kilometres(np.array(place), points)
        order = np.lexsort((np.arange(600), far))
        wanted = order[allowed[order] & ~np.isin(order, excluded) & ~np.isnan(far[order])][:count]
        assert found.rows.tolist() == wanted.tolist()
        assert (-found.scores).tolist() == far[wanted].tolist()


def test_the_two_sides_of_the_date_line_are_near(tmp_path):
    branch = opened(tmp_path, np.array([[10.0, 179.999], [10.0, -179.999], [10.0, 0.0]]))
    found = branch.retrieve(asked((10.0, -179.9999)), 2)
    assert found.rows.tolist() == [1, 0]
    assert (-found.scores < 0.3).all()
    assert branch.retrieve(asked((10.0, 180.0001)), 2).rows.tolist() == [1, 0]


def test_beyond_a_distance_nothing_is_near(tmp_path):
    points = np.array([[0.0, 0.0], [0.0, 0.5], [0.0, 2.0]])
    found = opened(tmp_path, points, GeoConfig(max_km=60)).retrieve(asked((0.0, 0.0)), 10)
    assert found.rows.tolist() == [0, 1]
    assert -found.scores[1] == pytest.approx(55.597, abs=0.01)


@pytest.mark.parametrize("place", [(np.nan, 1.0), (91.0, 0.0), (0.0, np.inf), (0.0, 721.0)])
def test_from_no_place_nothing_is_near(tmp_path, place):
    assert len(opened(tmp_path, np.array([[1.0, 2.0]])).retrieve(asked(place), 5)) == 0
    assert len(GeoBranch.open(tmp_path, EVERYWHERE).retrieve(Query(), 5)) == 0


def test_items_without_a_place_are_never_found(tmp_path):
    points = np.array([[np.nan, np.nan], [95.0, 0.0], [np.inf, 0.0], [1.0, 1.0]])
    assert opened(tmp_path, points).retrieve(asked((1.0, 1.0)), 9).rows.tolist() == [3]
    assert len(opened(tmp_path / "none", np.empty((0, 2))).retrieve(asked((1.0, 1.0)), 9)) == 0


def test_what_was_put_since_is_where_it_is_now(tmp_path):
    branch = opened(tmp_path, np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]]))
    put = np.array([[0.0, 0.1], [0.0, 5.0], [np.nan, np.nan]])
    late = Late(np.array([3, 4, 5]), {}, np.array([0]), np.array([4]), {}, {"item.location": put})
    assert branch.retrieve(asked((0.0, 0.0), late=late), 9).rows.tolist() == [3, 1, 2, 4]
    assert branch.retrieve(asked((0.0, 0.0), late=late, exclude=np.array([3])), 2).rows.tolist() == [1, 2]


def test_cells_are_as_many_as_a_search_can_look_at():
    points = around((0.0, 0.0), np.random.default_rng(0), 3_000, 50.0)
    told: list[int] = []
    cells = cells_of(points, lambda done, _of: told.append(done))
    assert len(np.unique(cells[cells > 0])) <= 4 * 3_000**0.5
    assert (cells == 0).tolist() == np.isnan(points[:, 0]).tolist()
    assert told


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h3.api", None)
    with pytest.raises(ConfigError, match=r"pip install 'searchrank\[geo\]'"):
        build_geo(tmp_path, EVERYWHERE, np.array([[1.0, 2.0]]))


def test_a_damaged_index_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="no geo index"):
        GeoBranch.open(tmp_path, EVERYWHERE)
    opened(tmp_path, np.array([[1.0, 2.0]]))
    np.save(tmp_path / "rows.npy", np.arange(5))
    with pytest.raises(DataError, match="sizes differ"):
        GeoBranch.open(tmp_path, EVERYWHERE)
    (tmp_path / "rows.npy").write_bytes(b"")
    with pytest.raises(DataError, match="is damaged"):
        GeoBranch.open(tmp_path, EVERYWHERE)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"location": "item.price"}, "'item.price' is not a point of the item"),
        ({"input": "request.place"}, "'request.place' is not a point of the request"),
    ],
)
def test_a_point_that_is_not_declared_is_refused(written, told):
    entries = {"item.location": "point", "item.price": "float", "request.location": "point"}
    inputs = {n: declare(n, {"type": t}, lambda key, text: AssertionError(key + text)) for n, t in entries.items()}
    section = RecallConfig.parse({"geo": written}).branches["geo"]
    with pytest.raises(ConfigError, match=told):
        kind_of(section).check(section, IndexSources(inputs=inputs, items=None, events=None, catalogue=None))


@pytest.mark.parametrize("far", [0, -1.0, float("nan"), "near"])
def test_a_distance_that_is_none_is_refused(far):
    with pytest.raises(ConfigError, match="max_km"):
        RecallConfig.parse({"geo": {"max_km": far}})
