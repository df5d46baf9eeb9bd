"""The logging policy: a crude recall by words and fame, ordered by a crude score, twenty shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from examples.city.words import DISTRICTS

if TYPE_CHECKING:
    from examples.city.requests import Requests
    from examples.city.size import Floats, Ints
    from examples.city.world import World

__all__ = ["SHOWN", "show"]

SHOWN: Final = 20

_MATCH_WEIGHT: Final = 2.0
_FAME_WEIGHT: Final = 0.45
_NOISE: Final = 0.7


def show(rng: np.random.Generator, world: World, requests: Requests, recent: Ints) -> Ints:
    """Return the places shown for each request, best first by the crude score.

    Args:
        rng: Source of chance.
        world: The city.
        requests: Requests of one day.
        recent: Last places each of the requests' users clicked, -1 padded, shape ``(n, k)``.

    Returns:
        Rows in ``Places``, shape ``(n, SHOWN)``; -1 where fewer were found; exploring requests are shuffled.
    """
    pool = np.sort(_pool(rng, world, requests, recent), axis=1)
    refused = pool < 0
    refused[:, 1:] |= pool[:, 1:] == pool[:, :-1]
    refused |= world.places.created[pool] > requests.time[:, None]
    score = _MATCH_WEIGHT * _match(world, requests, pool) + _FAME_WEIGHT * world.places.popularity[pool]
    score += _NOISE * rng.normal(size=score.shape)
    score[refused] = -np.inf
    best = np.argsort(-score, axis=1, kind="stable")[:, :SHOWN]
    score, shown = np.take_along_axis(score, best, 1), np.take_along_axis(pool, best, 1)
    shown = np.where(np.isfinite(score), shown, -1)
    return _shuffled(rng, shown, requests.exploring)


def _pool(rng: np.random.Generator, world: World, requests: Requests, recent: Ints) -> Ints:
    queries, query = world.queries, requests.query
    district = requests.district
    thing = queries.thing[query]
    named = world.names.draw(rng, np.maximum(thing, 0), 12)
    parts = (
        world.nearby.draw(rng, requests.intent * len(DISTRICTS) + district, 16),
        world.kinds.draw(rng, requests.intent, 14),
        np.where(thing[:, None] >= 0, named, -1),
        world.quarters.draw(rng, district, 10),
        world.known.draw(rng, np.zeros(len(query), np.int64), 12),
        recent,
    )
    return np.concatenate(parts, axis=1)


def _match(world: World, requests: Requests, pool: Ints) -> Floats:
    """Return the share of the query's words that a place has; little for vague and misspelt words."""
    places, queries, query = world.places, world.queries, requests.query[:, None]
    wanted = queries.category[query]
    hits = (places.category[pool] == wanted) * np.where(queries.misspelt[query], 0.5, 1.0)
    hits = hits + (places.thing[pool] == queries.thing[query]) + (places.adjective[pool] == queries.adjective[query])
    words = (wanted >= 0).astype(np.int64) + (queries.thing[query] >= 0) + (queries.adjective[query] >= 0)
    vague = 0.3 * (places.group[pool] == queries.group[query])
    match: Floats = hits / np.maximum(words, 1) + vague
    return match


def _shuffled(rng: np.random.Generator, shown: Ints, which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
    chance = rng.random(shown.shape)
    chance[~which] = np.arange(shown.shape[1])
    chance[shown < 0] = np.inf
    return np.take_along_axis(shown, np.argsort(chance, axis=1, kind="stable"), 1)
