"""Places: what can be seen of them, and what is true of them and hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.city.size import DAY_US, FIRST_DAY_US, CitySize, Floats, Ints, Stream, random_stream
from examples.city.words import ADJECTIVES, CATEGORIES, DISHES, DISTRICTS, THINGS, TRAITS

__all__ = ["TASTES", "Places", "degrees", "district_centres", "item_table", "make_places", "unit"]

TASTES: Final = 16
CITY_CENTRE: Final = (30.27, 120.15)
KM_PER_DEGREE: Final = (111.2, 96.0)
"""Kilometres in a degree of latitude and, at this latitude, of longitude."""

_CATEGORY_PULL: Final = 0.7
_EMBEDDING_NOISE: Final = 0.12
_NEW_SHARE: Final = 0.12


@dataclass(frozen=True, slots=True)
class Places:
    """All places as columns of shape ``(items,)``; matrices and hidden truth included.

    Attributes:
        category: Index in ``CATEGORIES``.
        adjective: Index in ``ADJECTIVES``, the first word of the name.
        thing: Index in ``THINGS``, the second word.
        district: Index in ``DISTRICTS``.
        km: East and north of the city's centre, kilometres, shape ``(items, 2)``.
        price: CNY a head.
        price_level: Log of price over the category's median.
        opens: Local hour.
        closes: Local hour, beyond 24 after midnight.
        created: Microseconds UTC.
        rating: 1 to 5, a noisy view of quality.
        embedding: A noisy view of taste, unit vectors, float32, shape ``(items, TASTES)``.
        taste: Hidden: what it is like, unit vectors, shape ``(items, TASTES)``.
        quality: Hidden: how good it is, standard normal.
        popularity: Hidden: log of how well known it is.
        trend: Hidden: amplitude, period in days and phase of its drift, shape ``(items, 3)``.
    """

    category: Ints
    adjective: Ints
    thing: Ints
    district: Ints
    km: Floats
    price: Floats
    price_level: Floats
    opens: Ints
    closes: Ints
    created: Ints
    rating: Floats
    embedding: Floats
    taste: Floats
    quality: Floats
    popularity: Floats
    trend: Floats

    @property
    def count(self) -> int:
        """Number of places."""
        return len(self.category)

    @property
    def ids(self) -> pa.Array:
        """The item ids: ``p0``, ``p1`` and so on."""
        return pc.binary_join_element_wise("p", pa.array(np.arange(self.count)).cast(pa.string()), "")

    @property
    def group(self) -> Ints:
        """Index in ``GROUPS`` of every place."""
        return np.array([c.group for c in CATEGORIES])[self.category]


def unit(vectors: Floats) -> Floats:
    """Return the vectors scaled to length 1."""
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def degrees(km: Floats) -> pa.Array:
    """Return positions as ``(latitude, longitude)`` points."""
    points = np.stack([km[:, 1] / KM_PER_DEGREE[0], km[:, 0] / KM_PER_DEGREE[1]], axis=1) + CITY_CENTRE
    return pa.FixedSizeListArray.from_arrays(pa.array(points.ravel()), 2)


def district_centres() -> Floats:
    """Return where the districts are: two rings around the centre, kilometres, shape ``(districts, 2)``."""
    turn = np.arange(len(DISTRICTS)) * 2.4
    radius = 1.5 + 6.5 * np.sqrt(np.arange(len(DISTRICTS)) / len(DISTRICTS))
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)


def make_places(size: CitySize) -> Places:
    """Draw the places of a city."""
    rng = random_stream(size, Stream.PLACES)
    n = size.items
    shares = 1 / np.arange(1.0, len(CATEGORIES) + 1) ** 0.7
    category = rng.choice(len(CATEGORIES), n, p=shares / shares.sum())
    district = rng.choice(len(DISTRICTS), n, p=_district_shares())
    centres = unit(rng.normal(size=(len(CATEGORIES), TASTES)))
    taste = unit(_CATEGORY_PULL * centres[category] + rng.normal(size=(n, TASTES)) / np.sqrt(TASTES))
    quality = rng.normal(size=n)
    level = rng.normal(size=n) * np.array([c.spread for c in CATEGORIES])[category]
    hours = np.array([c.hours for c in CATEGORIES])[category] + rng.integers(-1, 2, (n, 2))
    return Places(
        category=category,
        adjective=rng.integers(0, len(ADJECTIVES), n),
        thing=rng.integers(0, len(THINGS), n),
        district=district,
        km=district_centres()[district] + rng.normal(size=(n, 2)) * 1.1,
        price=np.round(np.array([c.price for c in CATEGORIES])[category] * np.exp(level), 1),
        price_level=level,
        opens=hours[:, 0],
        closes=hours[:, 1],
        created=_created(rng, size),
        rating=(3.9 + 0.45 * (quality + 0.7 * rng.normal(size=n))).clip(1.0, 5.0).round(1),
        embedding=unit(taste + _EMBEDDING_NOISE * rng.normal(size=(n, TASTES))).astype(np.float32),
        taste=taste,
        quality=quality,
        popularity=0.35 * quality + 0.9 * rng.normal(size=n),
        trend=_trend(rng, n),
    )


def _district_shares() -> Floats:
    shares = 1 / np.arange(2.0, len(DISTRICTS) + 2)
    share: Floats = shares / shares.sum()
    return share


def _created(rng: np.random.Generator, size: CitySize) -> Ints:
    """Return when places opened: most in the two years before, some while the simulation runs."""
    days = np.where(rng.random(size.items) < _NEW_SHARE, size.days, -730) * rng.random(size.items)
    return FIRST_DAY_US + (days * DAY_US).astype(np.int64)


def _trend(rng: np.random.Generator, n: int) -> Floats:
    amplitude = np.abs(rng.normal(size=n))
    return np.stack([amplitude, rng.uniform(12, 40, n), rng.uniform(0, 2 * np.pi, n)], axis=1)


def item_table(places: Places, size: CitySize, later: int) -> pa.Table:
    """Return the catalogue: what can be seen, as raw Arrow columns named after the inputs.

    Args:
        places: The places.
        size: What they were drawn for.
        later: Microseconds that are added to all times.
    """
    rng = random_stream(size, Stream.PLACES, 1)
    names = pa.array([c.name for c in CATEGORIES])
    words = pa.array([f"{c.name} {c.chinese}" for c in CATEGORIES])
    prices = np.array([c.price for c in CATEGORIES])
    return pa.table(
        {
            "item_id": places.ids,
            "item.id": places.ids,
            "item.title": _titles(places, rng),
            "item.text": _texts(places, rng),
            "item.category": names.take(pa.array(places.category)),
            "item.category_words": words.take(pa.array(places.category)),
            "item.district": pa.array(DISTRICTS).take(pa.array(places.district)),
            "item.price": places.price,
            "item.typical_price": prices[places.category],
            "item.location": degrees(places.km),
            "item.rating": places.rating,
            "item.opens": places.opens.astype(np.float64),
            "item.closes": places.closes.astype(np.float64),
            "item.created": pa.array(places.created + later, pa.timestamp("us", "UTC")),
            "item.embedding": pa.FixedSizeListArray.from_arrays(pa.array(places.embedding.ravel()), TASTES),
        }
    )


def _titles(places: Places, rng: np.random.Generator) -> pa.Array:
    """Return names such as ``Old Lantern Hot Pot 老灯笼火锅``: English, both, or Chinese alone."""
    adjective, thing, category = (pa.array(x) for x in (places.adjective, places.thing, places.category))
    english = pc.binary_join_element_wise(
        pa.array([a for a, _ in ADJECTIVES]).take(adjective),
        pa.array([t for t, _ in THINGS]).take(thing),
        pa.array([c.name.title() for c in CATEGORIES]).take(category),
        " ",
    )
    chinese = pc.binary_join_element_wise(
        pa.array([a for _, a in ADJECTIVES]).take(adjective),
        pa.array([t for _, t in THINGS]).take(thing),
        pa.array([c.chinese for c in CATEGORIES]).take(category),
        "",
    )
    both = pc.binary_join_element_wise(english, chinese, " ")
    draw = rng.random(places.count)
    return pc.if_else(pa.array(draw < 0.55), english, pc.if_else(pa.array(draw < 0.93), both, chinese))


def _texts(places: Places, rng: np.random.Generator) -> pa.Array:
    """Return a sentence about each place: what, where, one word on its price, two traits, two specialities."""
    n = places.count
    dishes = pa.array([dish for group in DISHES for dish in group])
    width = len(DISHES[0])
    first, second = (rng.integers(0, width, n) + places.group * width for _ in range(2))
    cost = np.digitize(places.price_level, [-0.3, 0.3])
    traits = pa.array(TRAITS)
    where = pc.binary_join_element_wise(
        pa.array([c.name.capitalize() for c in CATEGORIES]).take(pa.array(places.category)),
        pa.array(DISTRICTS).take(pa.array(places.district)),
        " in ",
    )
    return pc.binary_join_element_wise(
        where,
        traits.take(pa.array(cost)),
        traits.take(pa.array(rng.integers(3, len(TRAITS), n))),
        dishes.take(pa.array(first)),
        dishes.take(pa.array(second)),
        ", ",
    )
