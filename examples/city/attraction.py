"""The truth: how likely a person who looks at a place is to click it. Training never sees this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from examples.city.requests import HOUR_FIT
from examples.city.size import DAY_US
from examples.city.words import CATEGORIES

if TYPE_CHECKING:
    from examples.city.requests import Requests
    from examples.city.size import Floats, Ints
    from examples.city.world import World

__all__ = ["attraction", "distance_km"]


@dataclass(frozen=True, slots=True)
class _Weights:
    """What one unit of each cause adds to the log odds."""

    start: float = -1.8
    taste: float = 4.5
    distance: float = -1.3
    price: float = -1.6
    quality: float = 0.65
    intent: float = 1.3
    group: float = 0.6
    name: float = 0.8
    hour: float = 1.2
    closed: float = -2.0
    liking: float = 0.45
    trend: float = 0.6
    novelty: float = 0.9
    habit: float = 1.3


_WEIGHTS: Final = _Weights()
_GROUP_OF: Final = np.array([c.group for c in CATEGORIES])


def distance_km(world: World, requests: Requests, shown: Ints) -> Floats:
    """Return the distance from each request to its places, shape of ``shown``."""
    gap = world.places.km[shown] - requests.km[:, None, :]
    distance: Floats = np.sqrt((gap**2).sum(axis=2))
    return distance


def attraction(world: World, requests: Requests, shown: Ints, recent: Ints) -> Floats:
    """Return the probability of a click by somebody who looks, shape of ``shown``; 0 where nothing is shown.

    Args:
        world: The city.
        requests: Requests of one day.
        shown: Rows in ``Places``, shape ``(n, k)``, -1 padded.
        recent: Last places each request's user clicked, -1 padded, shape ``(n, r)``.
    """
    utility = _WEIGHTS.start + _of_person(world, requests, shown, recent)
    utility += _of_request(world, requests, shown) + _of_moment(world, requests, shown)
    probability: Floats = 1 / (1 + np.exp(-utility))
    probability[shown < 0] = 0.0
    return probability


def _of_person(world: World, requests: Requests, shown: Ints, recent: Ints) -> Floats:
    places, people, user = world.places, world.people, requests.user
    taste = np.einsum("nd,nkd->nk", people.taste[user], places.taste[shown])
    off_price = places.price_level[shown] - people.price_wish[user][:, None]
    liking = np.take_along_axis(people.liking[user], places.category[shown], axis=1)
    habit = np.zeros(shown.shape, dtype=np.bool_)
    for column in recent.T:
        habit |= shown == column[:, None]
    utility: Floats = (
        _WEIGHTS.taste * taste
        + _WEIGHTS.price * np.abs(off_price)
        + _WEIGHTS.liking * liking
        + _WEIGHTS.habit * habit
        + _WEIGHTS.quality * places.quality[shown]
    )
    return utility


def _of_request(world: World, requests: Requests, shown: Ints) -> Floats:
    places, queries, query = world.places, world.queries, requests.query[:, None]
    near = _WEIGHTS.distance * np.log1p(distance_km(world, requests, shown))
    wanted = _WEIGHTS.intent * (places.category[shown] == requests.intent[:, None])
    group = places.group
    similar = _WEIGHTS.group * (group[shown] == _GROUP_OF[requests.intent][:, None])
    named = (places.thing[shown] == queries.thing[query]) * 1.0 + 0.5 * (
        places.adjective[shown] == queries.adjective[query]
    )
    utility: Floats = near + wanted + similar + _WEIGHTS.name * named
    return utility


def _of_moment(world: World, requests: Requests, shown: Ints) -> Floats:
    places, hour = world.places, requests.hour[:, None]
    fit = HOUR_FIT[places.category[shown], hour] - 0.4
    opens, closes = places.opens[shown], places.closes[shown]
    is_open = ((hour >= opens) & (hour < closes)) | (hour + 24 < closes)
    amplitude, period, phase = np.moveaxis(places.trend[shown], 2, 0)
    drift = amplitude * np.sin(2 * np.pi * requests.day / period + phase)
    age = np.maximum(requests.time[:, None] - places.created[shown], 0) / DAY_US
    utility: Floats = (
        _WEIGHTS.hour * fit + _WEIGHTS.closed * ~is_open + _WEIGHTS.trend * drift + _WEIGHTS.novelty * np.exp(-age / 5)
    )
    return utility
