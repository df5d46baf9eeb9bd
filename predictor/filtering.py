"""What a request wants its items to be: asked of the whole catalogue where that is quick, else of what recall found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from predictor.journey import Filtering
from searchrank.errors import ConfigError
from searchrank.features import Expression
from searchrank.v1 import ranking_pb2

if TYPE_CHECKING:
    from predictor.journey import Journey
    from predictor.scoring import Pairs
    from predictor.screens import Screen
    from predictor.stages import Asked, Found
    from predictor.surface import ServedSurface
    from recall.filtering import Compiled
    from searchrank.features import FeatureSet

__all__ = ["admit_filter", "check_standing", "judge", "screened", "sift", "verdicts"]

_SHARE: Final = 0.25  # of the time left


def admit_filter(surface: ServedSurface, text: str) -> Compiled | None:
    """Return the filter of a request, or None for an empty text.

    Raises:
        RequestError: When it is no expression of the surface's names, or not true or false.
    """
    return surface.compiler.compile(text, "filter", _no_truth) if text else None


def check_standing(text: str, features: FeatureSet, field: str) -> None:
    """Refuse a surface's own filter that is none; an empty one is no filter.

    Raises:
        DefinitionError: When it is no expression of the features; points at it.
        ConfigError: When it is not true or false.
    """
    if text and (problem := _no_truth(Expression.parse(text, features, source=field))):
        raise ConfigError(problem, field=field)


def _no_truth(expression: Expression) -> str:
    if expression.is_truth:
        return ""
    return f"is a {expression.kind}, not true or false; compare it, as in 'item.price < 50'"


async def screened(surface: ServedSurface, asked: Asked, condition: Compiled, journey: Journey) -> Screen | None:
    """Ask a filter of every item of the catalogue and note what it removes; None when candidates must be asked."""
    view = asked.view
    seconds = surface.screens.seconds(condition, view.state.items)
    if seconds is None:
        return None

    def work() -> tuple[Screen | None]:
        return (surface.screens.ask(condition, asked.record, view),)

    short = surface.lane.is_short(seconds)
    done = work() if short else await surface.lane.queue(work, seconds, journey.deadline.share(_SHARE))
    if done is None:
        journey.left_out("filter", "catalogue", "deadline: candidates were asked instead")
        return None
    (screen,) = done
    if screen is None:
        return None
    journey.filtering = Filtering(screen.items, screen.removed, screen.missing, exact=True)
    journey.ran("filter")
    return screen


def judge(asked: Asked, condition: Compiled, found: Found, pairs: Pairs) -> npt.NDArray[np.float32]:
    """Return what a filter says of each candidate, shape ``(n,)``: 1, 0, or NaN for unknown."""
    return condition.of_candidates(asked.view.state.items.gather(found.rows), pairs.rows)


def verdicts(truths: npt.NDArray[np.float32]) -> list[ranking_pb2.Verdict]:
    """Return what a filter says on the wire."""
    words = {1.0: ranking_pb2.VERDICT_KEPT, 0.0: ranking_pb2.VERDICT_REMOVED}
    return [words.get(value, ranking_pb2.VERDICT_MISSING) for value in truths.tolist()]


def sift(asked: Asked, condition: Compiled, found: Found, pairs: Pairs, journey: Journey) -> npt.NDArray[np.int64]:
    """Return the positions of the candidates that a filter keeps, ascending, and note what it removed."""
    truths = judge(asked, condition, found, pairs)
    kept = np.flatnonzero(truths > 0)
    missing = int(np.count_nonzero(np.isnan(truths)))
    journey.filtering = Filtering(len(pairs), len(pairs) - len(kept), missing, exact=False)
    journey.ran("filter")
    return kept
