"""The people of a simulated city use a running service: they search, look, click and order, and the service is told.

Everybody lives in the hour of the clock, so that what they do and what the service computes are of one moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import track

from examples.city import CitySize
from examples.city.attraction import attraction
from examples.city.clicks import draw_outcome, examination
from examples.city.people import DEVICES
from examples.city.places import degrees
from examples.city.requests import Requests, draw_requests
from examples.city.size import Stream, random_stream
from examples.city.world import World, make_world
from predictor import AsyncClient, Query, Reaction
from searchrank.errors import DeadlineError, UnavailableError

__all__ = ["SHOWN", "Day", "Used", "expected_clicks", "use"]

SHOWN = 20
_LOCAL = timedelta(hours=8)
_REMEMBERED = 6


@dataclass(slots=True)
class Used:
    """What came of a day of use.

    Attributes:
        requests: Searches that were answered.
        degraded: Of these, how many named something that was left out.
        reactions: Impressions, clicks and orders that were acknowledged.
        clicks: Of these, the clicks.
        failed: Calls that failed for good.
        seconds: How long it took.
        latency_ms: Of every search.
    """

    requests: int = 0
    degraded: int = 0
    reactions: int = 0
    clicks: int = 0
    failed: int = 0
    seconds: float = 0.0
    latency_ms: list[float] = field(default_factory=list)


class Day:
    """The requests of one day of a city's people, all of them in the hour of the clock."""

    def __init__(self, size: CitySize, day: int, count: int) -> None:
        """Draw who asks what.

        Args:
            size: The city.
            day: Day since its first; the days of the log come before ``size.days``.
            count: Requests.
        """
        self.world: World = make_world(size)
        self._rng = random_stream(size, Stream.DAY, day)
        self.requests = self._drawn(day, count)
        self._recent = np.full((self.world.people.count, _REMEMBERED), -1)
        self._rows = {item: row for row, item in enumerate(self.world.places.ids.to_pylist())}
        self._locations = degrees(self.requests.km).to_pylist()
        self._users, self._texts = self.world.people.ids.to_pylist(), self.world.queries.texts.to_pylist()

    def __len__(self) -> int:
        return len(self.requests.time)

    def _drawn(self, day: int, count: int) -> Requests:
        hour = (datetime.now(UTC) + _LOCAL).hour
        parts: list[Requests] = []
        while sum(len(part.time) for part in parts) < count:
            drawn = draw_requests(self._rng, self.world, day, 200_000)
            parts.append(_taken(drawn, np.flatnonzero(drawn.hour == hour)))
        names = ("time", "hour", "user", "intent", "query", "km", "exploring")
        joined = {name: np.concatenate([getattr(part, name) for part in parts])[:count] for name in names}
        return Requests(day=day, **joined)

    def query(self, number: int) -> Query:
        """Return a request as the service takes it."""
        asked = self.requests
        user = int(asked.user[number])
        return Query(
            surface="places",
            user_id=self._users[user],
            text=self._texts[asked.query[number]],
            context={"request.location": tuple(self._locations[number]), "request.device": self._device(user)},
            limit=SHOWN,
        )

    def _device(self, user: int) -> str:
        return DEVICES[int(self.world.people.device[user])]

    def attraction(self, number: int, ids: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return how likely each item of a list is clicked if it is looked at, shape ``(n,)``: the truth."""
        shown = np.array([[self._rows[item] for item in ids]])
        one = self.requests.part(slice(number, number + 1))
        found: npt.NDArray[np.float64] = attraction(self.world, one, shown, self._recent[one.user])[0]
        return found

    def reactions(self, number: int, ids: Sequence[str]) -> list[Reaction]:
        """Return what a person does with a list, and remember it."""
        truth = self.attraction(number, ids)
        outcome = draw_outcome(self._rng, truth[None, :])
        done = [Reaction(item, "impression", position=place) for place, item in enumerate(ids)]
        user = int(self.requests.user[number])
        for place in np.flatnonzero(outcome.clicked[0]).tolist():
            done.append(Reaction(ids[place], "click", position=place, value=self._price(ids[place])))
            if outcome.ordered[0, place]:
                done.append(Reaction(ids[place], "order", position=place, value=self._price(ids[place])))
            self._recent[user] = np.append(self._recent[user, 1:], self._rows[ids[place]])
        return done

    def _price(self, item: str) -> float:
        return float(self.world.places.price[self._rows[item]])


def _taken(requests: Requests, rows: npt.NDArray[np.int64]) -> Requests:
    names = ("time", "hour", "user", "intent", "query", "km", "exploring")
    return replace(requests, **{name: getattr(requests, name)[rows] for name in names})


async def use(targets: Sequence[str], day: Day, *, callers: int = 8) -> Used:
    """Let the people of a day search and react, as fast as the service answers so many callers."""
    used, numbers, began = Used(), iter(track(range(len(day)), "using the service")), time.monotonic()
    async with AsyncClient(targets) as client:
        await asyncio.gather(*(_caller(client, day, numbers, used) for _ in range(callers)))
    used.seconds = time.monotonic() - began
    return used


async def _caller(client: AsyncClient, day: Day, numbers: Any, used: Used) -> None:
    for number in numbers:
        began = time.monotonic()
        try:
            asked = day.query(number)
            found = await client.search(asked, timeout=5.0)
            used.latency_ms.append(1_000 * (time.monotonic() - began))
            used.requests += 1
            used.degraded += bool(found.coverage.degradations)
            reactions = day.reactions(number, found.ids)
            done = await client.feedback(found.request_id, reactions, asked, timeout=20.0)
        except (UnavailableError, DeadlineError):
            used.failed += 1
            continue
        used.reactions += done.accepted
        used.clicks += sum(one.kind == "click" for one in reactions)


async def expected_clicks(targets: Sequence[str], day: Day, *, callers: int = 8) -> npt.NDArray[np.float64]:
    """Return for every request how many clicks its list would get on average: position bias times the truth."""
    clicks, numbers = np.zeros(len(day)), iter(range(len(day)))
    looked = examination(SHOWN)

    async def ask(client: AsyncClient) -> None:
        for number in numbers:
            found = await client.search(day.query(number), timeout=5.0)
            truth = day.attraction(number, found.ids)
            clicks[number] = float((looked[: len(truth)] * truth).sum())

    async with AsyncClient(targets) as client:
        await asyncio.gather(*(ask(client) for _ in range(callers)))
    return clicks
