"""The items with most events lately: what is shown to somebody about whom nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recall.branch import Candidates, Query, rank
from recall.indexes.manifest import IndexManifest
from searchrank.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from recall.interaction import Interactions
    from recall.popular.config import PopularConfig

__all__ = ["PopularBranch", "build_popular"]

NAME: Final = "popular"


class PopularBranch:
    """Items by their number of events; an item without any is never found."""

    name = NAME
    waits = False

    def __init__(self, ranked: Candidates, size: int) -> None:
        """Hold the ranking of all items.

        Args:
            ranked: Every item that has events, best first.
            size: Rows of the catalogue.
        """
        self.size = size
        self._ranked = ranked

    @classmethod
    def open(cls, folder: Path) -> PopularBranch:
        """Open what ``build_popular`` wrote.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged.
        """
        manifest = IndexManifest.read(folder, NAME)
        try:
            ranked = Candidates(np.load(folder / "rows.npy"), np.load(folder / "scores.npy"))
        except (ValueError, OSError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        return cls(ranked, manifest.size)

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the items with most events; the score is their number."""
        enough = None if query.allowed is not None else limit + len(query.exclude)
        rows, scores = self._ranked.rows[:enough], self._ranked.scores[:enough]
        kept = query.kept(rows)
        if kept is not None:
            rows, scores = rows[kept], scores[kept]
        return Candidates(rows[:limit], scores[:limit])


def build_popular(folder: Path, config: PopularConfig, interactions: Interactions) -> None:
    """Count events per item and write the ranking.

    Args:
        folder: An empty folder.
        config: Which events count, and in which window before the latest event.
        interactions: The events.
    """
    counts = interactions.counts(config.events, min_value=config.min_value, window_us=config.window_us)
    rows = np.flatnonzero(counts)
    ranked = rank(rows, counts[rows].astype(np.float32), len(rows), Query())
    np.save(folder / "rows.npy", ranked.rows)
    np.save(folder / "scores.npy", ranked.scores)
    IndexManifest(branch=NAME, size=interactions.size, recipe=config.recipe).write(folder)
