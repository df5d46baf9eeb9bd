"""How big a city is, and where its randomness comes from: one stream a purpose, so that parts do not disturb others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import ConfigError

__all__ = ["DAY_US", "FIRST_DAY_US", "Bools", "CitySize", "Floats", "Ints", "Stream", "random_stream", "weeks_until"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_US: Final = 86_400_000_000
_FIRST_DAY: Final = datetime(2025, 3, 3, tzinfo=UTC) - timedelta(hours=8)
FIRST_DAY_US: Final = int(_FIRST_DAY.timestamp()) * 1_000_000
"""Midnight in Shanghai that begins Monday, 3 March 2025, in microseconds UTC."""
_WEEK_US: Final = 7 * DAY_US
_SETTLED_US: Final = DAY_US // 2  # what belongs to a city's last day has all but surely arrived by then


class Stream:
    """Numbers of the random streams."""

    PLACES: Final = 1
    PEOPLE: Final = 2
    DAY: Final = 3


@dataclass(frozen=True, slots=True)
class CitySize:
    """What to simulate.

    Attributes:
        items: Places.
        users: People.
        events: Events to write, about: the number of requests follows from it.
        days: Days from Monday, 3 March 2025, on, local midnight to midnight, unless it is written for another time.
        seed: Another seed is another city.
    """

    items: int = 2_000
    users: int = 2_000
    events: int = 100_000
    days: int = 28
    seed: int = 7

    def __post_init__(self) -> None:
        """Refuse sizes that make no city.

        Raises:
            ConfigError: When a number is too small.
        """
        for name, least in (("items", 100), ("users", 10), ("events", 1_000), ("days", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"at least {least}, not {getattr(self, name)}", field=name)


def weeks_until(size: CitySize, end: datetime) -> int:
    """Return by how much a city is moved to end as late as possible before a moment: whole weeks in microseconds.

    Hours and weekdays stay what they are, and so do ages and windows. Half a day is left for what arrives late.

    Raises:
        ConfigError: When the moment has no time zone.
    """
    if end.tzinfo is None:
        raise ConfigError("a moment needs a time zone, for instance datetime.now(UTC)", field="end")
    last = FIRST_DAY_US + size.days * DAY_US + _SETTLED_US
    weeks: int = (int(end.timestamp()) * 1_000_000 - last) // _WEEK_US
    return weeks * _WEEK_US


def random_stream(size: CitySize, *purpose: int) -> np.random.Generator:
    """Return the generator of one purpose: the same numbers whatever else was drawn before."""
    return np.random.Generator(np.random.PCG64([size.seed, *purpose]))
