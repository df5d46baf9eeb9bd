"""What a project writes under ``recall.popular``."""

from __future__ import annotations

from pydantic import Field
from typing_extensions import override

from recall.kind import BranchSection, Duration
from searchrank.features.declaration import duration_us

__all__ = ["PopularConfig"]


class PopularConfig(BranchSection):
    """Items with most events lately."""

    events: list[str] = Field(default=["click", "order"], min_length=1)
    """Event kinds that are counted."""
    min_value: float | None = None
    """Events whose value is lower or missing do not count; None counts all."""
    window: Duration | None = None
    """Span before the end of the log (``7d``); None counts all time."""

    @property
    @override
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        return {"events": sorted(self.events), "min_value": self.min_value, "window_us": self.window_us}

    @property
    def window_us(self) -> int:
        """The window in microseconds; 0 means all time."""
        return 0 if self.window is None else duration_us(self.window)
