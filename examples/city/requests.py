"""Who searches when, where and for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from examples.city.places import district_centres
from examples.city.queries import choose_queries
from examples.city.size import DAY_US, FIRST_DAY_US
from examples.city.words import CATEGORIES

if TYPE_CHECKING:
    from examples.city.size import Bools, Floats, Ints
    from examples.city.world import World

__all__ = ["EXPLORATION", "HOUR_FIT", "Requests", "draw_requests"]

EXPLORATION: Final = 0.1
"""Share of requests whose list is shown in random order, so that clicks can be read without position bias."""

_HOUR_US: Final = DAY_US // 24
_RHYTHM: Final = (2, 1, 1, 1, 1, 2, 4, 8, 9, 7, 8, 14, 16, 10, 7, 7, 8, 12, 17, 16, 13, 11, 8, 4)
_OFFICE_HOURS: Final = (9, 18)


def _hour_fit() -> Floats:
    """Return how well each category suits each local hour, 0 to 1, shape ``(categories, 24)``."""
    hours = np.arange(24)
    fits = [
        np.max([np.exp(-(((hours - peak + 12) % 24 - 12) ** 2) / 8.0) for peak in category.peaks], axis=0)
        for category in CATEGORIES
    ]
    return np.array(fits)


HOUR_FIT: Final = _hour_fit()


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of a day in the order of time, columns of shape ``(n,)``.

    Attributes:
        day: Day since the first, one for all.
        time: Microseconds UTC.
        hour: Local hour of the day, 0 to 23.
        user: Row in ``People``.
        intent: Hidden: the category wanted.
        query: Row in ``Queries``.
        km: Where the request is sent from, kilometres from the centre, shape ``(n, 2)``.
        exploring: Whether the list is shown in random order.
    """

    day: int
    time: Ints
    hour: Ints
    user: Ints
    intent: Ints
    query: Ints
    km: Floats
    exploring: Bools

    def part(self, rows: slice) -> Requests:
        """Return some of the requests."""
        return Requests(
            day=self.day,
            time=self.time[rows],
            hour=self.hour[rows],
            user=self.user[rows],
            intent=self.intent[rows],
            query=self.query[rows],
            km=self.km[rows],
            exploring=self.exploring[rows],
        )

    @property
    def district(self) -> Ints:
        """The district nearest to each request."""
        gap = self.km[:, None, :] - district_centres()[None, :, :]
        nearest: Ints = np.argmin((gap**2).sum(axis=2), axis=1)
        return nearest


def draw_requests(rng: np.random.Generator, world: World, day: int, count: int) -> Requests:
    """Draw the requests of a day."""
    people = world.people
    rhythm = np.array(_RHYTHM) / sum(_RHYTHM)
    in_day = np.sort(rng.choice(24, count, p=rhythm) * _HOUR_US + rng.integers(0, _HOUR_US, count))
    hour = in_day // _HOUR_US
    cumulative = np.cumsum(people.activity)
    user = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    user = np.minimum(user, people.count - 1)
    intent = _intents(rng, people.liking[user], hour)
    idea = world.kinds.draw(rng, intent, 1)[:, 0]
    query = choose_queries(rng, intent, (world.places.adjective[idea], world.places.thing[idea]))
    return Requests(
        day=day,
        time=FIRST_DAY_US + day * DAY_US + in_day,
        hour=hour,
        user=user,
        intent=intent,
        query=query,
        km=_positions(rng, world, day, user, hour),
        exploring=rng.random(count) < EXPLORATION,
    )


def _intents(rng: np.random.Generator, liking: Floats, hour: Ints) -> Ints:
    """Draw a category each by a logit of how common it is, how liked, and how fit for the hour."""
    common = -0.5 * np.log(np.arange(1.0, len(CATEGORIES) + 1))
    logit = common + 0.8 * liking + 2.0 * HOUR_FIT.T[hour]
    wanted: Ints = np.argmax(logit + rng.gumbel(size=logit.shape), axis=1)
    return wanted


def _positions(rng: np.random.Generator, world: World, day: int, user: Ints, hour: Ints) -> Floats:
    """Return where people are: mostly at work in office hours of weekdays, mostly at home otherwise."""
    working = (day % 7 < 5) & (hour >= _OFFICE_HOURS[0]) & (hour < _OFFICE_HOURS[1])
    at_work = rng.random(len(user)) < np.where(working, 0.75, 0.12)
    place = np.where(at_work[:, None], world.people.work[user], world.people.home[user])
    return place + 0.3 * rng.normal(size=place.shape)
