"""The items with most events lately: what is shown to somebody about whom nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recall.branch import Candidates, Query, rank
from recall.indexes.manifest import IndexManifest
from recall.popular.segments import Segments
from searchrank.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from recall.interaction import Interactions
    from recall.popular.config import PopularConfig

__all__ = ["PopularBranch", "build_popular"]

NAME: Final = "popular"


class PopularBranch:
    """Items by their number of events, those of the request's segment first; an item without any is never found."""

    name = NAME
    waits = False

    def __init__(
        self, ranked: Candidates, size: int, config: PopularConfig | None = None, segments: Segments | None = None
    ) -> None:
        """Hold the ranking of all items.

        Args:
            ranked: Every item that has events, best first.
            size: Rows of the catalogue.
            config: What says in which segment a request is; None: there are no segments.
            segments: Those of the ranked items; None: there are none.
        """
        self.size = size
        self._ranked = ranked
        self._config = config
        self._segments = segments

    @classmethod
    def open(cls, folder: Path, config: PopularConfig | None = None) -> PopularBranch:
        """Open what ``build_popular`` wrote.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged.
        """
        manifest = IndexManifest.read(folder, NAME)
        try:
            ranked = Candidates(np.load(folder / "rows.npy"), np.load(folder / "scores.npy"))
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        if config is None or not config.has_segments:
            return cls(ranked, manifest.size)
        segments = Segments.load(folder)
        if segments.values.shape != (len(config.by), len(ranked)):
            raise DataError(f"{folder} is damaged (sizes differ); run 'searchrank index' to build it again")
        return cls(ranked, manifest.size, config, segments)

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the items with most events.

        The score is their number; with segments, twice the number of the narrowest segment that an item is in and,
        below 1, how near it comes to the most popular item of all.
        """
        if self._config is not None and self._segments is not None:
            return self._segmented(query, limit, self._config, self._segments)
        enough = None if query.allowed is not None else limit + len(query.exclude)
        rows, scores = self._ranked.rows[:enough], self._ranked.scores[:enough]
        kept = query.kept(rows)
        if kept is not None:
            rows, scores = rows[kept], scores[kept]
        return Candidates(rows[:limit], scores[:limit])

    def _segmented(self, query: Query, limit: int, config: PopularConfig, segments: Segments) -> Candidates:
        rows, counts = self._ranked.rows, self._ranked.scores
        left, most = np.ones(len(rows), np.bool_), float(counts[0]) + 1 if len(counts) else 1.0
        found = Candidates.empty()
        for number, (inside, here) in segments.levels(query, config, counts):
            at = np.flatnonzero(left & inside)
            part = rank(rows[at], 2 * number + here[at] / most, limit - len(found), query)
            left[at] = False
            found = Candidates(np.append(found.rows, part.rows), np.append(found.scores, part.scores))
            if len(found) == limit:
                break
        return found


def build_popular(
    folder: Path, config: PopularConfig, interactions: Interactions, records: npt.NDArray[np.void] | None = None
) -> None:
    """Count events per item and write the ranking.

    Args:
        folder: An empty folder.
        config: Which events count, and in which window before the latest event.
        interactions: The events.
        records: Shape ``(size,)``, the records of the catalogue; only segments of categories need them.
    """
    counted = interactions.counted(config.events, min_value=config.min_value, window_us=config.window_us)
    counts = np.bincount(counted.rows, minlength=interactions.size)
    rows = np.flatnonzero(counts)
    ranked = rank(rows, counts[rows].astype(np.float32), len(rows), Query())
    np.save(folder / "rows.npy", ranked.rows)
    np.save(folder / "scores.npy", ranked.scores)
    if config.has_segments:
        Segments.of(config, ranked.rows, records, counted).save(folder)
    IndexManifest(branch=NAME, size=interactions.size, recipe=config.recipe).write(folder)
