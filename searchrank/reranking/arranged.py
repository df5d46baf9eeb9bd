"""A list after re-ranking, and what moved its items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["DIVERSITY", "EXPLORE", "Arranged", "Relaxed"]

DIVERSITY = "diversity"
EXPLORE = "explore"
Ints = npt.NDArray[np.int64]


class Relaxed(NamedTuple):
    """A rule that could not be kept.

    Attributes:
        rule: Its canonical text.
        reason: Why, in words.
        place: The first place where it was not kept, from 0.
    """

    rule: str
    reason: str
    place: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Arranged:
    """What became of n candidates.

    Attributes:
        order: Shape ``(n,)``, candidates in their final order.
        before: Shape ``(n,)``, the place of each candidate by score, from 0.
        after: Shape ``(n,)``, its final place.
        propensities: Shape ``(n,)`` by place, the probability of the item there given those above it; None: nothing
            was left to chance.
        relaxed: Rules that could not be kept.
        applied: Rules that applied, with how many items each placed, buried or held back.
        rules: Canonical texts by number.
        moved_by: Shape ``(n,)``, number of the rule that placed, buried or first held back each candidate; -1: none.
        diverse: Shape ``(n,)``, whether diversity moved it.
        drawn: How many places chance gave to another than the best item.
    """

    order: Ints
    before: Ints
    after: Ints
    propensities: npt.NDArray[np.float64] | None
    relaxed: tuple[Relaxed, ...]
    applied: tuple[tuple[str, int], ...]
    rules: tuple[str, ...]
    moved_by: Ints
    diverse: npt.NDArray[np.bool_]
    drawn: int

    def reasons(self, candidate: int) -> tuple[str, ...]:
        """Return what moved a candidate; empty when nothing did, or others moved around it."""
        rule = int(self.moved_by[candidate])
        found = [self.rules[rule]] if rule >= 0 else []
        if self.diverse[candidate]:
            found.append(DIVERSITY)
        if self.propensities is not None and self.propensities[self.after[candidate]] < 1.0:
            found.append(EXPLORE)
        return tuple(found)
