"""How big a city is, and where its randomness comes from: one stream a purpose, so that parts do not disturb others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import ConfigError

__all__ = ["DAY_US", "FIRST_DAY_US", "Bools", "CitySize", "Floats", "Ints", "Stream", "random_stream"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_US: Final = 86_400_000_000
_FIRST_DAY: Final = datetime(2025, 3, 3, tzinfo=UTC) - timedelta(hours=8)
FIRST_DAY_US: Final = int(_FIRST_DAY.timestamp()) * 1_000_000
"""Midnight in Shanghai that begins Monday, 3 March 2025, in microseconds UTC."""


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
        days: Days from 3 March 2025 on, local midnight to midnight.
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


def random_stream(size: CitySize, *purpose: int) -> np.random.Generator:
    """Return the generator of one purpose: the same numbers whatever else was drawn before."""
    return np.random.Generator(np.random.PCG64([size.seed, *purpose]))
