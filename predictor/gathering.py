"""Candidates that pass the request's filter: recall is asked for more until enough are left or there are no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from predictor.filtering import screened, sift
from predictor.stages import Found, Scope, hydrate, recall

if TYPE_CHECKING:
    from predictor.journey import Journey
    from predictor.scoring import Pairs
    from predictor.stages import Asked
    from predictor.surface import ServedSurface
    from recall.filtering import Compiled

__all__ = ["Pool", "gather", "passing"]

TIMES: Final = (5, 25)
"""How many times its quota a branch is asked for, at first and in the end, when the filter is asked of candidates."""
_SHARE: Final = 0.5  # of the time left: scoring may not starve


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates that pass the filter.

    Attributes:
        found: The ``k`` candidates.
        pairs: What features read of them.
        kept: Shape ``(k,)``, ascending positions of them among all that were given.
        given: How many were given.
    """

    found: Found
    pairs: Pairs
    kept: npt.NDArray[np.int64]
    given: int

    def spread(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return scores of the ``k`` as scores of all that were given, NaN for the others."""
        everything = np.full(self.given, np.nan)
        everything[self.kept] = scores
        return everything


def passing(asked: Asked, found: Found, pairs: Pairs, condition: Compiled | None, journey: Journey) -> Pool:
    """Return which of given candidates pass the filter; all of them without one."""
    if condition is None:
        return Pool(found, pairs, np.arange(len(pairs)), len(pairs))
    kept = sift(asked, condition, found, pairs, journey)
    return Pool(found.take(kept), pairs.take(kept), kept, len(pairs))


async def gather(
    surface: ServedSurface, asked: Asked, condition: Compiled | None, journey: Journey, *, wanted: int
) -> Pool:
    """Find candidates that pass the filter.

    Args:
        surface: Where to look.
        asked: What for.
        condition: The filter, if there is one.
        journey: Takes what was left out.
        wanted: Most candidates to return, the best by fusion.
    """
    screen = None if condition is None else await screened(surface, asked, condition, journey)
    if condition is not None and screen is None:
        return await _widen(surface, asked, condition, journey, wanted)
    allowed = None if screen is None else screen.allowed
    found = await recall(surface, asked, journey, Scope(limit=wanted, allowed=allowed))
    return passing(asked, found, hydrate(surface, asked, found, journey), None, journey)


async def _widen(surface: ServedSurface, asked: Asked, condition: Compiled, journey: Journey, wanted: int) -> Pool:
    until = journey.deadline.share(_SHARE)
    rounds = iter(TIMES)
    while True:
        times = next(rounds)
        found = await recall(surface, asked, journey, Scope(limit=wanted * times, times=times))
        pairs = hydrate(surface, asked, found, journey)
        kept = sift(asked, condition, found, pairs, journey)
        enough = len(kept) >= wanted or found.exhausted
        if enough or until.passed or times == TIMES[-1]:
            break
    if not enough:
        why = "deadline" if until.passed else f"among {len(pairs)} candidates"
        journey.left_out("filter", "candidates", f"{why}: {len(kept)} of {wanted} wanted were found")
    kept = kept[:wanted]
    return Pool(found.take(kept), pairs.take(kept), kept, len(pairs))
