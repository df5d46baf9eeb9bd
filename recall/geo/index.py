"""Which items lie in which cell of the earth, and how far from its centre: sorted by cell, one file an array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CellIndex", "Distances", "nearest"]

Points = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Distances = Callable[[Points, Points], Floats]
"""Returns kilometres from one point, shape ``(2,)``, to each of others, shape ``(n, 2)``; degrees, NaN if unknown."""
_ROUNDING_KM = 0.01  # distances are float32: 1 m at 20,000 km, of both terms of a bound


@dataclass(frozen=True, slots=True, eq=False)
class CellIndex:
    """Items by cell; an item without a place is in none.

    Attributes:
        centres: Shape ``(c, 2)``, latitude and longitude of each occupied cell's centre, degrees.
        radii: Shape ``(c,)``, kilometres to the farthest of its items.
        starts: Shape ``(c + 1,)``, where the items of each cell begin.
        rows: Shape ``(p,)`` int32, items by cell, then row.
        points: Shape ``(p, 2)``, where each of these is, degrees.
    """

    centres: Points
    radii: Floats
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    points: Points

    @classmethod
    def of(
        cls, points: Points, cells: npt.NDArray[np.uint64], centre: Callable[[int], Points], distances: Distances
    ) -> CellIndex:
        """Index items.

        Args:
            points: Shape ``(rows, 2)``, degrees; NaN or a latitude beyond 90 is no place.
            cells: Shape ``(rows,)``, the cell of each; not read where there is no place.
            centre: Returns the centre of a cell, shape ``(2,)``.
            distances: What measures.
        """
        placed = np.flatnonzero(~np.isnan(distances(np.zeros(2), points)))
        placed = placed[np.argsort(cells[placed], kind="stable")]
        known, first = np.unique(cells[placed], return_index=True)
        starts = np.append(first, len(placed)).astype(np.int64)
        centres = np.array([centre(int(cell)) for cell in known], np.float64).reshape(len(known), 2)
        radii = np.zeros(len(known), np.float32)
        for cell in range(len(known)):
            inside = placed[starts[cell] : starts[cell + 1]]
            radii[cell] = distances(centres[cell], points[inside]).max()
        return cls(centres, radii, starts, placed.astype(np.int32), points[placed])

    def save(self, folder: Path) -> None:
        """Write it into a folder, one file an array."""
        for part in fields(self):
            np.save(folder / f"{part.name}.npy", getattr(self, part.name))

    @classmethod
    def load(cls, folder: Path) -> CellIndex:
        """Read what ``save`` wrote.

        Raises:
            DataError: When it is damaged.
        """
        try:
            index = cls(**{part.name: np.load(folder / f"{part.name}.npy") for part in fields(cls)})
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        sizes = (len(index.centres), len(index.radii), len(index.starts) - 1, len(index.points))
        if sizes != (*3 * [len(index.centres)], len(index.rows)) or index.starts[-1] != len(index.rows):
            raise DataError(f"{folder} is damaged (sizes differ); run 'searchrank index' to build it again")
        return index


def nearest(
    index: CellIndex,
    place: Points,
    count: int,
    kept: Callable[[npt.NDArray[np.int32]], npt.NDArray[np.bool_] | None],
    distances: Distances,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return at least the nearest ``count`` items that may be returned and all as near as the last of them.

    Cells are visited by the least distance that their items can have, until the next one's is beyond enough items.

    Args:
        index: Of the catalogue.
        place: Shape ``(2,)``, degrees.
        count: How many are wanted, at least 1.
        kept: Says which of some rows may be returned; None means all.
        distances: What measures, the same as when the index was built.

    Returns:
        Rows and kilometres, in no order.
    """
    bounds = distances(place, index.centres).astype(np.float64) - index.radii - _ROUNDING_KM
    rows, far, done, width = np.empty(0, np.int64), np.empty(0, np.float32), 0, 8
    order = (
        np.argsort(bounds, kind="stable")
        if not np.isnan(distances(place, place[None])).any()
        else np.empty(0, np.int64)
    )
    while done < len(order):
        if len(far) >= count and np.partition(far, count - 1)[count - 1] < bounds[order[done]]:
            break
        cells = order[done : done + width]
        at = np.concatenate([np.arange(index.starts[c], index.starts[c + 1]) for c in cells])
        allowed = kept(index.rows[at])
        at = at if allowed is None else at[allowed]
        rows, far = np.append(rows, index.rows[at]), np.append(far, distances(place, index.points[at]))
        done, width = done + width, 2 * width
    return rows, far
