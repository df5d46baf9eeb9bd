"""People: where they live and work, what they like, and the profile a platform has of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.city.places import TASTES, degrees, district_centres, unit
from examples.city.size import CitySize, Floats, Ints, Stream, random_stream
from examples.city.words import CATEGORIES

__all__ = ["DEVICES", "FAVOURITES", "People", "make_people", "user_table"]

DEVICES: Final = ("android", "ios", "mini program", "web")
FAVOURITES: Final = 3

_PROFILE_NOISE: Final = 0.12


@dataclass(frozen=True, slots=True)
class People:
    """All people as columns of shape ``(users,)``; matrices and hidden truth included.

    Attributes:
        home: East and north of the city's centre, kilometres, shape ``(users, 2)``.
        work: Likewise.
        device: Index in ``DEVICES``.
        price_profile: A noisy view of ``price_wish``.
        embedding: A noisy view of taste, unit vectors, float32, shape ``(users, TASTES)``.
        favourites: Categories named in the profile, indices, shape ``(users, FAVOURITES)``.
        taste: Hidden: unit vectors, shape ``(users, TASTES)``.
        price_wish: Hidden: log of the wished price over a category's median.
        liking: Hidden: for each category, standard normal, shape ``(users, categories)``.
        activity: Hidden: weight of being the next to search.
    """

    home: Floats
    work: Floats
    device: Ints
    price_profile: Floats
    embedding: Floats
    favourites: Ints
    taste: Floats
    price_wish: Floats
    liking: Floats
    activity: Floats

    @property
    def count(self) -> int:
        """Number of people."""
        return len(self.device)

    @property
    def ids(self) -> pa.Array:
        """The user ids: ``u0``, ``u1`` and so on."""
        return pc.binary_join_element_wise("u", pa.array(np.arange(self.count)).cast(pa.string()), "")


def make_people(size: CitySize) -> People:
    """Draw the people of a city."""
    rng = random_stream(size, Stream.PEOPLE)
    n = size.users
    centres = district_centres()
    taste = unit(rng.normal(size=(n, TASTES)))
    wish = 0.45 * rng.normal(size=n)
    liking = rng.normal(size=(n, len(CATEGORIES)))
    seen = liking + 0.6 * rng.normal(size=liking.shape)
    work_shares = np.arange(len(centres), 0.0, -1)
    return People(
        home=centres[rng.integers(0, len(centres), n)] + 1.3 * rng.normal(size=(n, 2)),
        work=centres[rng.choice(len(centres), n, p=work_shares / work_shares.sum())] + 0.7 * rng.normal(size=(n, 2)),
        device=rng.choice(len(DEVICES), n, p=[0.45, 0.35, 0.15, 0.05]),
        price_profile=np.round(wish + 0.2 * rng.normal(size=n), 3),
        embedding=unit(taste + _PROFILE_NOISE * rng.normal(size=(n, TASTES))).astype(np.float32),
        favourites=np.argsort(-seen, axis=1, kind="stable")[:, :FAVOURITES],
        taste=taste,
        price_wish=wish,
        liking=liking,
        activity=np.exp(0.9 * rng.normal(size=n)),
    )


def user_table(people: People) -> pa.Table:
    """Return the profiles: what a platform knows, as raw Arrow columns named after the inputs."""
    names = pa.array([c.name for c in CATEGORIES]).take(pa.array(people.favourites.ravel()))
    offsets = pa.array(np.arange(people.count + 1, dtype=np.int32) * FAVOURITES)
    return pa.table(
        {
            "user_id": people.ids,
            "user.home": degrees(people.home),
            "user.embedding": pa.FixedSizeListArray.from_arrays(pa.array(people.embedding.ravel()), TASTES),
            "user.price_level": people.price_profile,
            "user.favourites": pa.ListArray.from_arrays(offsets, names),
            "user.device": pa.array(DEVICES).take(pa.array(people.device)),
        }
    )
