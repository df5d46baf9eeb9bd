"""In which segments items are popular: those of a category, and at which time of the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.features.text import MISSING_HASH

if TYPE_CHECKING:
    from pathlib import Path

    from recall.branch import Query
    from recall.interaction import Interactions
    from recall.popular.config import Hours, PopularConfig

__all__ = ["Level", "Segments"]

_HOUR_US: Final = 3_600_000_000
_FIRST: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
Level = tuple[npt.NDArray[np.bool_], npt.NDArray[np.floating]]
"""Which of the popular items are in a segment, and how many events each has there; shape ``(k,)`` both."""


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Segments of the ``k`` items that have events.

    Attributes:
        values: For each category of the item by ascending name, shape ``(f, k)``, its hash.
        hourly: Shape ``(segments of a day, k)``, events at that time of the day; empty when hours are alike.
    """

    values: npt.NDArray[np.int64]
    hourly: npt.NDArray[np.int32]

    @classmethod
    def of(
        cls,
        config: PopularConfig,
        rows: npt.NDArray[np.int64],
        records: npt.NDArray[np.void] | None,
        counted: Interactions,
    ) -> Segments:
        """Tell the segments of popular items.

        Args:
            config: Which segments there are.
            rows: Shape ``(k,)``, these items.
            records: Shape ``(size,)``, the records of the catalogue; None is enough without categories.
            counted: The events that count.
        """
        values = [records[name][rows] for name in sorted(config.by)] if records is not None else []
        hourly = np.zeros((0, len(rows)), np.int32)
        if config.hours is not None:
            times, place = np.unique(counted.events.known_time // _HOUR_US, return_inverse=True)
            parts = np.array([_part(int(hour) * _HOUR_US, config.hours) for hour in times], np.int64)
            cells = np.zeros((24 // config.hours.width, counted.size), np.int32)
            np.add.at(cells, (parts[place], counted.rows), 1)
            hourly = cells[:, rows]
        return cls(np.array(values, np.int64).reshape(len(config.by), len(rows)), hourly)

    def save(self, folder: Path) -> None:
        """Write them beside the ranking."""
        np.save(folder / "values.npy", self.values)
        np.save(folder / "hourly.npy", self.hourly)

    @classmethod
    def load(cls, folder: Path) -> Segments:
        """Read what ``save`` wrote.

        Raises:
            DataError: When it is damaged.
        """
        try:
            return cls(np.load(folder / "values.npy"), np.load(folder / "hourly.npy"))
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error

    def levels(
        self, query: Query, config: PopularConfig, counts: npt.NDArray[np.floating]
    ) -> Iterator[tuple[int, Level]]:
        """Yield the segments of a request, the narrowest first: its number, counted down to 0, and who is in it.

        First the time of the day is given up, then one category after the other, the last one first. A segment of which
        the request does not say the value is passed over.
        """
        inside, narrowing = np.ones(len(counts), np.bool_), []
        for name, wanted in config.by.items():
            value = int(query.given.get(wanted, MISSING_HASH))
            if value == MISSING_HASH:
                break
            inside = inside & (self.values[sorted(config.by).index(name)] == value)
            narrowing.append(inside)
        if config.hours is not None:
            here = self.hourly[_part(query.time, config.hours)].astype(np.float64)
            yield len(config.by) + 1, (inside & (here > 0), here)
        for number in range(len(narrowing), 0, -1):
            yield number, (narrowing[number - 1], counts)
        yield 0, (np.ones(len(counts), np.bool_), counts)


def _part(time: int, hours: Hours) -> int:
    """Return in which part of the day a time is, microseconds since 1970, UTC."""
    moment = _FIRST + dt.timedelta(microseconds=time)
    return moment.astimezone(ZoneInfo(hours.zone)).hour // hours.width
