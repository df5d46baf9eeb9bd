"""What a project writes under ``recall.geo``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import override

from recall.kind import BranchSection

__all__ = ["GeoConfig"]


class GeoConfig(BranchSection):
    """The items nearest to a place."""

    location: str = "item.location"
    """The point of the item."""
    input: str = "request.location"
    """The point of the request; where it is missing nothing is found."""
    max_km: Annotated[float, Field(gt=0)] | None = None
    """Kilometres beyond which nothing is near; None: the nearest are found however far they are."""

    @property
    @override
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        return {"location": self.location}

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        """The place."""
        return (self.input,)
