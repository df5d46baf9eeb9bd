"""Items that the same users dealt with.

Neighbours are kept as compressed rows (``indptr``, ``neighbours``, ``weights``), mapped read-only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recall.behaviour.ease import ease
from recall.behaviour.graph import Graph
from recall.behaviour.nearest import cosine, swing
from recall.behaviour.neighbours import Nearest, Neighbours
from recall.branch import Candidates, Query, rank
from recall.indexes.manifest import IndexManifest
from searchrank.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from recall.behaviour.config import ItemToItemConfig
    from recall.interaction import Interactions
    from recall.kind import Told

__all__ = ["ItemToItemBranch", "build_item_to_item"]

NAME: Final = "item_to_item"
_NONE: Final = np.empty(0, np.int64)
_DENSE: Final = 10  # sum into one cell an item while there are at most this many cells for each neighbour (measured)


class ItemToItemBranch:
    """Neighbours of the user's recent items; the score is the sum of their similarities."""

    waits = False

    def __init__(self, neighbours: Neighbours, *, recent: str, history: int, name: str = NAME) -> None:
        """Hold the neighbours of every item.

        Args:
            neighbours: Neighbour lists of the catalogue.
            recent: The input that lists the items.
            history: Most recent items that are asked.
            name: What the branch is called.
        """
        self.name = name
        self.size = len(neighbours.indptr) - 1
        self._indptr = neighbours.indptr
        self._neighbours = neighbours.rows
        self._weights = neighbours.weights
        self._recent = recent
        self._history = history

    @classmethod
    def open(cls, folder: Path, config: ItemToItemConfig, name: str = NAME) -> ItemToItemBranch:
        """Map what ``build_item_to_item`` wrote.

        Args:
            folder: Where.
            config: Which input lists the items that are asked, and how many of them.
            name: What the branch is called.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged.
        """
        manifest = IndexManifest.read(folder, NAME)
        neighbours = Neighbours.load(folder)
        if len(neighbours.indptr) != manifest.size + 1:
            raise DataError(f"{folder} is damaged (sizes differ); run 'searchrank index' to build it again")
        return cls(neighbours, recent=config.recent, history=config.history, name=name)

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the items most similar to the recent ones; nothing without recent items.

        A recent item may be returned itself; exclude it if that is not wanted. One named twice counts once.
        """
        recent = query.lists.get(self._recent, _NONE)
        known = recent[(recent >= 0) & (recent < self.size)]
        asked = list(dict.fromkeys(known.tolist()))[: self._history]
        bounds = [(self._indptr[row], self._indptr[row + 1]) for row in asked]
        if not bounds:
            return Candidates.empty()
        rows = np.concatenate([self._neighbours[start:end] for start, end in bounds])
        weights = np.concatenate([self._weights[start:end] for start, end in bounds])
        found, scores = self._sum(rows, weights)
        return rank(found, scores, limit, query)

    def _sum(
        self, rows: npt.NDArray[np.int32], weights: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float64]]:
        """Return the distinct rows whose weights add up to more than 0, and the sums; both ways add alike."""
        if self.size <= _DENSE * len(rows):
            sums = np.asarray(np.bincount(rows, weights, minlength=self.size), np.float64)
            found = np.flatnonzero(sums > 0)
            return found, sums[found]
        distinct, place = np.unique(rows, return_inverse=True)
        sums = np.asarray(np.bincount(place, weights, minlength=len(distinct)), np.float64)
        return distinct[sums > 0], sums[sums > 0]


def build_item_to_item(
    folder: Path, config: ItemToItemConfig, interactions: Interactions, told: Told = lambda _done, _total: None
) -> None:
    """Compute every item's neighbours and write them.

    Args:
        folder: An empty folder.
        config: Which events join a user and an item, what makes items near, and how many neighbours are kept.
        interactions: The events; those that name no user do not count.
        told: Called with the number of items done and of all.

    Raises:
        ConfigError: When scipy, which only building needs, is not installed.
    """
    graph = Graph.of(interactions.select(config.events, min_value=config.min_value))
    Neighbours.of(_nearest(graph, config, told), config.neighbours).save(folder)
    IndexManifest(branch=NAME, size=interactions.size, recipe=config.recipe).write(folder)


def _nearest(graph: Graph, config: ItemToItemConfig, told: Told) -> Nearest:
    if config.method == "swing":
        return swing(graph, config.neighbours, told, config.smoothing)
    if config.method == "ease":
        return ease(graph, config.neighbours, told, config.penalty, config.most_items)
    return cosine(graph, config.neighbours, told)
