"""What a person likes: tags with weights, read from the inputs that a section names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recall.preference.tags import Tags
from searchrank.features.inputs import MISSING_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recall.branch import Query
    from recall.preference.config import Liking, PreferenceConfig
    from recall.preference.index import TagIndex

__all__ = ["Liked", "liked"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Liked:
    """The tags of one input of the item that a person likes.

    Attributes:
        hashes: Shape ``(m,)``, ascending, each once.
        weights: Shape ``(m,)`` float64, positive.
    """

    hashes: Ints
    weights: Floats

    @classmethod
    def of(cls, hashes: Ints, weights: Floats, most: int) -> Liked:
        """Add up weights by tag and keep the best liked; of equal ones those of lower hash."""
        known, place = np.unique(hashes, return_inverse=True)
        sums = np.bincount(place, weights, minlength=len(known)).astype(np.float64)
        kept = np.sort(np.argsort(-sums, kind="stable")[:most])
        return cls(known[kept], sums[kept])

    def of_tags(self, hashes: Ints) -> Floats:
        """Return how much tags are liked, 0 those that are not; the same shape."""
        if not len(self.hashes):
            return np.zeros(hashes.shape)
        place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[place] == hashes, self.weights[place], 0.0)


def liked(
    query: Query, config: PreferenceConfig, all_likings: Mapping[str, Mapping[str, Liking]], index: TagIndex
) -> list[Liked]:
    """Return what is liked, for each input of the item by ascending name.

    What one input of the request says is scaled to a sum of 1 before its weight, so that counts and shares go together.

    Args:
        query: What is known of who asks.
        config: How recent items count, and how many tags are looked for.
        all_likings: Which inputs say so: ``likings`` of the configuration, worked out once.
        index: Knows the tags of recent items.
    """
    found = []
    for field, likings in enumerate(all_likings.values()):
        parts = [_told(query, name, liking) for name, liking in likings.items()]
        if config.recent is not None:
            hashes, weights = _recent(query, config, index, field)
            parts.append((hashes, _scaled(weights, config.recent.weight)))
        hashes, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
        found.append(Liked.of(hashes, weights, config.most))
    return found


def _told(query: Query, name: str, liking: Liking) -> tuple[Ints, Floats]:
    """Return what one input says, in its present weight."""
    if name not in query.given:
        return np.empty(0, np.int64), np.empty(0)
    tags = Tags.of(np.asarray(query.given[name]).reshape(1))
    return tags.hashes[0], _scaled(tags.weights[0].astype(np.float64), liking.weight * _left(query, liking))


def _left(query: Query, liking: Liking) -> float:
    """Return which part of a weight the time has left."""
    if liking.as_of is None:
        return 1.0
    since = int(query.given.get(liking.as_of, MISSING_TIME))
    passed = 0 if since == MISSING_TIME else max(0, query.time - since)
    return float(0.5 ** (passed / liking.half_life_us))


def _scaled(weights: Floats, weight: float) -> Floats:
    total = float(weights.sum())
    return weights * (weight / total) if total else weights


def _recent(query: Query, config: PreferenceConfig, index: TagIndex, field: int) -> tuple[Ints, Floats]:
    """Return the tags that recent items carry in one input, and their weights by how long ago these were."""
    recent = config.recent
    rows = query.lists.get(recent.input) if recent is not None else None
    if recent is None or rows is None:
        return np.empty(0, np.int64), np.empty(0)
    rows = rows[(rows >= 0) & (rows < len(index))][: recent.history]
    carried = index.carried[rows]
    there = (carried >= index.starts[field]) & (carried < index.starts[field + 1])
    fading = 0.5 ** (np.arange(len(rows)) / recent.half_life)
    weights = index.weights[rows] * fading[:, None]
    return index.hashes[carried[there]], weights[there]
