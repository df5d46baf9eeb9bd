"""Points are put in cells of H3, of a size at which neither the cells nor the items of one are too many to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from recall.geo.distance import is_place
from searchrank.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cells_of", "centre_of"]

Points = npt.NDArray[np.float64]
_FINEST: Final = 9  # cells of a tenth of a square kilometre
_SHARE: Final = 4  # a search looks at all cells, and at the items of a few: cells grow with the root of the items


def cells_of(points: Points, told: Callable[[int, int], None]) -> npt.NDArray[np.uint64]:
    """Return the cell of each point, all of one resolution; 0 where a point is none.

    Args:
        points: Shape ``(rows, 2)``, degrees.
        told: Called now and then with points done and points in all.

    Raises:
        ConfigError: When H3 is not installed.
    """
    h3, cells = _library(), np.zeros(len(points), np.uint64)
    placed = np.flatnonzero(is_place(points))
    for done, row in enumerate(placed.tolist()):
        latitude, longitude = points[row].tolist()
        cells[row] = h3.latlng_to_cell(latitude, (longitude + 180.0) % 360.0 - 180.0, _FINEST)
        if done % 10_000 == 0:
            told(done, len(placed))
    resolution = _FINEST
    known, place = np.unique(cells[placed], return_inverse=True)
    while resolution > 0 and len(known) > max(64, _SHARE * int(len(placed) ** 0.5)):
        resolution -= 1
        parents = np.array([h3.cell_to_parent(cell, resolution) for cell in known.tolist()], np.uint64)
        known, above = np.unique(parents, return_inverse=True)
        place = above[place]
    cells[placed] = known[place]
    return cells


def centre_of(cell: int) -> Points:
    """Return the centre of a cell, shape ``(2,)``, degrees.

    Raises:
        ConfigError: When H3 is not installed.
    """
    return np.array(_library().cell_to_latlng(cell), np.float64)


def _library() -> Any:
    try:
        from h3.api import basic_int  # noqa: PLC0415 - of an extra, and only for building
    except ImportError:
        raise ConfigError("items near a place need H3: pip install 'searchrank[geo]'", field="recall.geo") from None
    return basic_int
