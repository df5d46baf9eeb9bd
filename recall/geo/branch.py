"""Items by how near they are to the place of the request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from recall.branch import Candidates, Query, rank
from recall.geo.cells import cells_of, centre_of
from recall.geo.distance import is_place, kilometres
from recall.geo.index import CellIndex, nearest
from recall.indexes.manifest import IndexManifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recall.geo.config import GeoConfig
    from recall.late import Late

__all__ = ["NAME", "GeoBranch", "build_geo"]

NAME: Final = "geo"
Points = npt.NDArray[np.float64]


class GeoBranch:
    """The nearest items; the score is the distance in kilometres, negative. Without a place, nothing."""

    name = NAME
    waits = False

    def __init__(self, index: CellIndex, config: GeoConfig, size: int) -> None:
        """Hold an index.

        Args:
            index: Of the items' points.
            config: Which input of the request is the place, and how far is near.
            size: Rows of the catalogue.
        """
        self.size = size
        self._index = index
        self._config = config

    @classmethod
    def open(cls, folder: Path, config: GeoConfig) -> GeoBranch:
        """Map what ``build_geo`` wrote.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged.
        """
        manifest = IndexManifest.read(folder, NAME)
        return cls(CellIndex.load(folder), config, manifest.size)

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the nearest items, each with its distance."""
        given = query.given.get(self._config.input)
        if given is None or not is_place(place := np.asarray(given, np.float64)):
            return Candidates.empty()
        late = query.late
        current = query if late is None else replace(query, exclude=np.append(query.exclude, late.replaced))
        rows, far = nearest(self._index, place, limit, current.kept, kilometres)
        if late is not None:
            put, distances = self._put(late, place)
            rows, far = np.append(rows, put), np.append(far, distances)
        if self._config.max_km is not None:
            near = far <= np.float32(self._config.max_km)
            rows, far = rows[near], far[near]
        return rank(rows, 0.0 - far, limit, query)

    def _put(self, late: Late, place: Points) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the items put since that have a place, and how far they are."""
        cells = np.asarray(late.cells[self._config.location], np.float64)[: len(late.rows)]
        far = kilometres(place, cells)
        placed = ~np.isnan(far)
        return late.rows[placed], far[placed]


def build_geo(
    folder: Path, config: GeoConfig, points: Points, told: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Index the places of items.

    Args:
        folder: An empty folder.
        config: Which input is the place.
        points: Shape ``(size, 2)``, latitude and longitude in degrees; NaN or beyond the earth is no place.
        told: Called now and then with points done and points in all.

    Raises:
        ConfigError: When H3 is not installed.
    """
    CellIndex.of(points, cells_of(points, told), centre_of, kilometres).save(folder)
    IndexManifest(branch=NAME, size=len(points), recipe=config.recipe).write(folder)
