"""What a project writes under ``recall.item_to_item``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt
from typing_extensions import override

from recall.kind import BranchSection

__all__ = ["ItemToItemConfig"]


class ItemToItemConfig(BranchSection):
    """Items that the same users dealt with."""

    method: Literal["cosine", "swing"] = "cosine"
    """What makes two items near: the cosine of their users, or swing."""
    smoothing: NonNegativeFloat = 1.0
    """Swing alone: added to the number of items that two users have in common."""
    events: list[str] = Field(default=["click", "order"], min_length=1)
    """Event kinds that join a user and an item."""
    min_value: float | None = None
    """Events whose value is lower or missing do not count; None counts all."""
    neighbours: PositiveInt = 50
    """How many of its nearest items may recommend an item."""
    history: PositiveInt = 50
    """Most recent items of the user that are asked for neighbours."""
    recent: str = "user.recent_items"
    """The input that lists the user's recent items, latest first."""

    @property
    @override
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        own = {"method": "swing", "smoothing": self.smoothing} if self.method == "swing" else {}
        shared = {"events": sorted(self.events), "min_value": self.min_value, "neighbours": self.neighbours}
        return shared | own

    @property
    @override
    def lists(self) -> tuple[str, ...]:
        """The list of the user's recent items."""
        return (self.recent,)
