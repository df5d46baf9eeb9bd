"""The city as one value: places, people, queries, and the lists from which candidates are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from examples.city.people import People, make_people
from examples.city.places import Places, make_places
from examples.city.queries import Queries, make_queries
from examples.city.words import CATEGORIES, DISTRICTS, THINGS

if TYPE_CHECKING:
    from examples.city.size import CitySize, Floats, Ints

__all__ = ["Draws", "World", "make_world"]


class Draws:
    """Weighted draws of places from lists, one list a key, with repetition."""

    def __init__(self, keys: Ints, lists: int, weights: Floats) -> None:
        """Sort the places into their lists.

        Args:
            keys: The list of each place, shape ``(items,)``.
            lists: Number of lists.
            weights: Positive, shape ``(items,)``.
        """
        self._order = np.argsort(keys, kind="stable")
        self._edges = np.searchsorted(keys[self._order], np.arange(lists + 1))
        self._cumulative = np.concatenate(([0.0], np.cumsum(weights[self._order])))

    def draw(self, rng: np.random.Generator, keys: Ints, count: int) -> Ints:
        """Return ``count`` places from the list of every key, shape ``(n, count)``; -1 from an empty list."""
        first, end = self._edges[keys][:, None], self._edges[keys + 1][:, None]
        low, high = self._cumulative[first], self._cumulative[end]
        at = np.searchsorted(self._cumulative, low + rng.random((len(keys), count)) * (high - low), side="right") - 1
        place = self._order[np.clip(at, first, np.maximum(end - 1, 0)).clip(0, len(self._order) - 1)]
        return np.where(end > first, place, -1)


@dataclass(frozen=True, slots=True)
class World:
    """Everything that stays as it is while days go by.

    Attributes:
        size: What was asked for.
        places: Places.
        people: People.
        queries: The vocabulary.
        nearby: Places by category and district: key ``category * districts + district``.
        kinds: Places by category.
        names: Places by the thing in their name.
        quarters: Places by district.
        known: All places under key 0.
    """

    size: CitySize
    places: Places
    people: People
    queries: Queries
    nearby: Draws
    kinds: Draws
    names: Draws
    quarters: Draws
    known: Draws


def make_world(size: CitySize) -> World:
    """Draw a city."""
    places = make_places(size)
    weights = np.exp(places.popularity)
    cells = places.category * len(DISTRICTS) + places.district
    return World(
        size=size,
        places=places,
        people=make_people(size),
        queries=make_queries(),
        nearby=Draws(cells, len(CATEGORIES) * len(DISTRICTS), weights),
        kinds=Draws(places.category, len(CATEGORIES), weights),
        names=Draws(places.thing, len(THINGS), weights),
        quarters=Draws(places.district, len(DISTRICTS), weights),
        known=Draws(np.zeros(places.count, np.int64), 1, weights),
    )
