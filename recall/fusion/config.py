"""What a project writes under ``recall.fusion``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from recall.kind import Section

__all__ = ["FusionConfig", "Weights"]


class Weights(Section):
    """What the place of an item in the list of one branch counts; see ``recall.fusion.linear`` for the signals."""

    found: float = 0.0
    """Of being there at all."""
    reciprocal: float = 0.0
    """Of ``k / (k + rank)``."""
    top: float = 0.0
    """Of ``1 / rank``."""
    score: float = 0.0
    """Of the branch's score between the least, 0, and the greatest of its list, 1."""
    raw: float = 0.0
    """Of the branch's own score."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("every weight is 0; leave the branch out instead")
        return self


def _plain(written: Any) -> Any:
    """A number is the weight of the score between least and greatest."""
    return {"score": written} if isinstance(written, int | float) and not isinstance(written, bool) else written


class FusionConfig(Section):
    """How the lists of the branches become one: by reciprocal rank, or by weights where there are some."""

    k: Annotated[float, Field(ge=0, le=10_000)] = 60.0
    """Rank offset of reciprocal rank; larger values flatten the top."""
    weights: Mapping[str, Annotated[Weights, BeforeValidator(_plain)]] = {}
    """For each branch what its list counts, chosen or learnt; a number weighs its scores. Empty: reciprocal rank."""
    reserve: Mapping[str, PositiveInt] = {}
    """For a branch, how many of its first stay among the candidates wherever fusion puts them."""

    @property
    def branches(self) -> set[str]:
        """The branches that are spoken of."""
        return {*self.weights, *self.reserve}
