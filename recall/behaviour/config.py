"""What a project writes under ``recall.item_to_item`` and ``recall.session``."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from typing_extensions import override

from recall.kind import BranchSection

__all__ = ["ItemToItemConfig", "SessionConfig"]


_OWN: Final[dict[str, tuple[str, ...]]] = {"cosine": (), "swing": ("smoothing",), "ease": ("penalty", "most_items")}


class ItemToItemConfig(BranchSection):
    """Items that the same users dealt with."""

    method: Literal["cosine", "swing", "ease"] = "cosine"
    """What makes two items near: the cosine of their users, swing, or how well one predicts the other (EASE)."""
    smoothing: NonNegativeFloat = 1.0
    """Swing alone: added to the number of items that two users have in common."""
    penalty: PositiveFloat = 100.0
    """EASE alone: the larger, the more it takes for an item to predict another."""
    most_items: PositiveInt = 10_000
    """EASE alone: how many items take part, those with most users; memory grows with its square, time with its cube."""
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
        own = [name for name in ("method", *_OWN[self.method]) if self.method != "cosine"]
        shared = {"events": sorted(self.events), "min_value": self.min_value, "neighbours": self.neighbours}
        return {**shared, **{name: getattr(self, name) for name in own}}

    @property
    @override
    def lists(self) -> tuple[str, ...]:
        """The list of the user's recent items."""
        return (self.recent,)

    @model_validator(mode="after")
    def _refuse_another_methods(self) -> Self:
        for method, names in _OWN.items():
            given = [name for name in names if name in self.model_fields_set]
            if given and method != self.method:
                raise ValueError(f"{given[0]} is of method: {method}, but the method is {self.method}")
        return self


class SessionConfig(ItemToItemConfig):
    """The same for what was dealt with in this session, so that either may be there without the other.

    Sections that agree on all but ``history``, ``recent`` and ``quota`` read one index.
    """

    history: PositiveInt = 10
    """Latest items of the session that are asked for neighbours."""
    recent: str = "user.session_items"
    """The input that lists the session's items, latest first."""
