"""Items that carry the tags a person likes: postings read best first, no further than the answer needs.

The score of an item is the sum over its tags of how much each is liked and how much the item is of it, times what its
events say of its quality. Postings are read in blocks; what was not read yet cannot score more than what comes next in
each of them adds up to, so reading stops when enough items score more (Fagin, Lotem and Naor, PODS 2001).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from recall.branch import Candidates, Query, rank
from recall.indexes.manifest import IndexManifest
from recall.preference.index import TagIndex, quality
from recall.preference.profile import Liked, liked
from recall.preference.tags import Tags
from searchrank.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recall.interaction import Interactions
    from recall.late import Late
    from recall.preference.config import PreferenceConfig

__all__ = ["PreferenceBranch", "build_preference"]

NAME: Final = "preference"
_FIRST: Final = 64  # items of each tag that are read at first (measured)
_FURTHER: Final = 4
_ROUNDING: Final = 1e-5  # scores are float32
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class PreferenceBranch:
    """Items by how much their tags are liked; without a profile, nothing."""

    name = NAME
    waits = False

    def __init__(self, index: TagIndex, config: PreferenceConfig) -> None:
        """Hold an index.

        Args:
            index: Of the inputs that the section names.
            config: What says which tags are liked.
        """
        self.size = len(index)
        self._index = index
        self._config = config
        self._likings = config.likings

    @classmethod
    def open(cls, folder: Path, config: PreferenceConfig) -> PreferenceBranch:
        """Map what ``build_preference`` wrote.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged.
        """
        manifest, index = IndexManifest.read(folder, NAME), TagIndex.load(folder)
        if (len(index), len(index.starts)) != (manifest.size, len(config.tags) + 1):
            raise DataError(f"{folder} is damaged (sizes differ); run 'searchrank index' to build it again")
        return cls(index, config)

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the items whose tags are liked most; only those of which a tag is liked at all."""
        wanted = liked(query, self._config, self._likings, self._index)
        if not any(len(part.hashes) for part in wanted):
            return Candidates.empty()
        late = query.late
        if late is None:
            return self._indexed(wanted, query, limit)
        current = replace(query, exclude=np.append(query.exclude, late.replaced), late=None)
        indexed, put = self._indexed(wanted, current, limit), self._scanned(wanted, query, late)
        return rank(np.append(indexed.rows, put.rows), np.append(indexed.scores, put.scores), limit, Query())

    def _indexed(self, wanted: Sequence[Liked], query: Query, limit: int) -> Candidates:
        index = self._index
        weights = np.zeros(len(index.hashes) + 1)  # the last one is that of no tag
        for field, part in enumerate(wanted):
            weights[index.numbers(field, part.hashes)] = part.weights
        weights[-1] = 0.0
        tags = np.flatnonzero(weights)
        starts, ends = index.first[tags], index.first[tags + 1]
        depth = max(_FIRST, 2 * limit)
        while True:
            until = np.minimum(starts + depth, ends)
            parts = [index.rows[start:end] for start, end in zip(starts, until, strict=True)]
            rows = np.unique(np.concatenate([np.empty(0, np.int32), *parts]))
            found = rank(rows, self._scores(rows, weights), limit, query)
            further = until < ends
            if not further.any():
                return found
            impacts = weights[tags[further]] * index.impacts[until[further]]
            if len(found) == limit and found.scores[-1] > self._bound(tags[further], impacts) * (1 + _ROUNDING):
                return found
            depth *= _FURTHER

    def _bound(self, tags: Ints, impacts: Floats) -> float:
        """Return what an item can score at most that has no tag before the next of each posting.

        It has no more tags of one input than the item that has most.
        """
        index, bound = self._index, 0.0
        places = np.searchsorted(tags, index.starts)
        for width, start, end in zip(index.widths, places[:-1], places[1:], strict=True):
            bound += float(np.sort(impacts[start:end])[::-1][:width].sum())
        return bound

    def _scores(self, rows: npt.NDArray[np.int32], weights: Floats) -> Floats:
        index = self._index
        carried, heavy = index.carried[rows], index.weights[rows]
        return _summed(weights[carried], heavy) * index.quality[rows]

    def _scanned(self, wanted: Sequence[Liked], query: Query, late: Late) -> Candidates:
        """Score the items put since; one that was there before keeps its quality."""
        tags = [Tags.of(late.cells[field]) for field in self._likings]
        likings = [part.of_tags(one.hashes) for part, one in zip(wanted, tags, strict=True)]
        sums = _summed(np.concatenate(likings, axis=1), np.concatenate([one.weights for one in tags], axis=1))
        qualities = np.full(len(late.rows), quality(np.zeros(1, np.int64))[0])
        there = np.searchsorted(late.rows, late.now)
        qualities[there] = self._index.quality[late.replaced]
        return rank(late.rows[sums > 0], (sums * qualities)[sums > 0], max(1, len(sums)), query)


def _summed(likings: Floats, weights: npt.NDArray[np.float32]) -> Floats:
    """Return the sum over an item's tags, shape ``(n,)``, always added in the same order."""
    sums = np.zeros(len(likings))
    for column in range(likings.shape[1]):
        sums += likings[:, column] * weights[:, column]
    return sums


def build_preference(
    folder: Path, config: PreferenceConfig, records: npt.NDArray[np.void], interactions: Interactions
) -> None:
    """Index the tags of items.

    Args:
        folder: An empty folder.
        config: Which inputs hold tags, and which events count.
        records: Shape ``(size,)``, the records of the catalogue.
        interactions: The events.
    """
    counts = interactions.counts(config.events, min_value=config.min_value, window_us=config.window_us)
    TagIndex.of([records[field] for field in config.likings], quality(counts)).save(folder)
    IndexManifest(branch=NAME, size=len(records), recipe=config.recipe).write(folder)
