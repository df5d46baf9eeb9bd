"""What a project writes under ``recall.fusion``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from recall.kind import Section

__all__ = ["FusionConfig"]


class FusionConfig(Section):
    """How the lists of the branches become one."""

    k: Annotated[float, Field(ge=0, le=10_000)] = 60.0
    """Rank offset of reciprocal rank fusion; larger values flatten the top."""
