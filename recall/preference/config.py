"""What a project writes under ``recall.preference``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from typing_extensions import override

from recall.kind import BranchSection, Duration, Section
from searchrank.features.declaration import duration_us

__all__ = ["Liking", "PreferenceConfig", "RecentTags"]

_Weight = Annotated[float, Field(gt=0, le=1_000)]


class Liking(Section):
    """One input of the request that says which tags are liked, and how much."""

    weight: _Weight = 1.0
    """What it counts beside the other inputs."""
    half_life: Duration | None = None
    """Span after which it counts half (``30d``); None: it keeps its weight."""
    as_of: str | None = None
    """The input that holds the time from which on its weight decays; where that is missing, it does not."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.half_life is None) != (self.as_of is None):
            raise ValueError("half_life and as_of need each other: a span, and the input that says since when")
        return self

    @property
    def half_life_us(self) -> int:
        """The half-life in microseconds; 0: there is none."""
        return 0 if self.half_life is None else duration_us(self.half_life)


class RecentTags(Section):
    """Recent items, whose tags are liked too: the latest most, each one before it a little less."""

    input: str = "user.recent_items"
    """The input that lists them, latest first."""
    weight: _Weight = 1.0
    """What they count, all together, beside the inputs of ``tags``."""
    half_life: PositiveFloat = 10.0
    """How many items later an item counts half."""
    history: PositiveInt = 50
    """Most recent items that are looked at."""


class PreferenceConfig(BranchSection):
    """Items that carry the tags that a person likes."""

    tags: dict[str, dict[str, _Weight | Liking]] = Field(min_length=1)
    """Input of the item that holds tags → inputs of the request that say how much each is liked."""
    recent: RecentTags | None = None
    """Recent items, whose tags are liked too; None: they are not looked at."""
    most: PositiveInt = 20
    """Most tags of each input of the item that are looked for, the best liked."""
    events: list[str] = Field(default=["click", "order"])
    """Event kinds by which items of the same tags differ; none: such items are alike."""
    min_value: float | None = None
    """Events whose value is lower or missing do not count; None counts all."""
    window: Duration | None = None
    """Span before the end of the log (``7d``); None counts all time."""

    @model_validator(mode="after")
    def _read(self) -> Self:
        if self.recent is None and not any(self.tags.values()):
            raise ValueError("nothing says what is liked; name inputs of the request under tags, or recent")
        return self

    @property
    @override
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        counted = {"events": sorted(self.events), "min_value": self.min_value, "window_us": self.window_us}
        return {"tags": sorted(self.tags), **counted}

    @property
    @override
    def lists(self) -> tuple[str, ...]:
        """The list of recent items."""
        return () if self.recent is None else (self.recent.input,)

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        """The profile, and since when it holds."""
        told = [(name, liking.as_of) for likings in self.likings.values() for name, liking in likings.items()]
        return tuple(dict.fromkeys(name for pair in told for name in pair if name is not None))

    @property
    def likings(self) -> dict[str, dict[str, Liking]]:
        """``tags`` with every weight written out, by ascending name of the item's input."""
        return {
            field: {name: one if isinstance(one, Liking) else Liking(weight=one) for name, one in likings.items()}
            for field, likings in sorted(self.tags.items())
        }

    @property
    def window_us(self) -> int:
        """The window in microseconds; 0 means all time."""
        return 0 if self.window is None else duration_us(self.window)
