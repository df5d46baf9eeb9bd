"""What a project writes under ``recall.popular``."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from typing_extensions import override

from recall.kind import BranchSection, Duration, Section
from searchrank.features.declaration import duration_us

__all__ = ["Hours", "PopularConfig"]


class Hours(Section):
    """The time of the day as a segment: what happened at this hour, on any day."""

    zone: str
    """The zone of the clock, as IANA names it (``Asia/Shanghai``)."""
    width: Literal[1, 2, 3, 4, 6, 8, 12] = 1
    """How many hours are one segment, counted from midnight."""

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f"{zone!r} is not a time zone such as Asia/Shanghai") from error
        return zone


class PopularConfig(BranchSection):
    """Items with most events lately."""

    events: list[str] = Field(default=["click", "order"], min_length=1)
    """Event kinds that are counted."""
    min_value: float | None = None
    """Events whose value is lower or missing do not count; None counts all."""
    window: Duration | None = None
    """Span before the end of the log (``7d``); None counts all time."""
    by: dict[str, str] = Field(default={}, max_length=4)
    """Category of the item → category of the request that it must equal; the most important one first."""
    hours: Hours | None = None
    """The time of the day as a further segment, the first to be given up; None: all hours are alike."""

    @property
    @override
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        counted: dict[str, object] = {
            "events": sorted(self.events),
            "min_value": self.min_value,
            "window_us": self.window_us,
        }
        if self.by:
            counted["by"] = sorted(self.by)
        if self.hours is not None:
            counted["hours"] = self.hours.model_dump()
        return counted

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        """What says in which segment a request is."""
        return tuple(dict.fromkeys(self.by.values()))

    @property
    def has_segments(self) -> bool:
        """Whether requests of different segments get different items."""
        return bool(self.by) or self.hours is not None

    @property
    def window_us(self) -> int:
        """The window in microseconds; 0 means all time."""
        return 0 if self.window is None else duration_us(self.window)
