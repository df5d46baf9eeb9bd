"""Recall asked again, and what it finds against what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from predictor.filtering import admit_filter
from predictor.gathering import gather
from predictor.replay.again import patient
from predictor.replay.verdict import Difference

if TYPE_CHECKING:
    from predictor.replay.again import Again
    from predictor.replay.logged import Logged
    from predictor.stages import Found
    from predictor.surface import ServedSurface

__all__ = ["recall_again", "why_not"]


def why_not(logged: Logged, no_recall: str) -> str:
    """Return why recall cannot be asked again for an answer; empty when it can."""
    if logged.value("rpc") != "Search":
        return "the caller sent the candidates"
    if no_recall:
        return no_recall
    if logged.value("experiments"):
        return "experiments may have changed what branches were asked for"
    return next((f"{what} was left out: {why}" for stage, what, why in logged.left_out if stage != "score"), "")


async def recall_again(surface: ServedSurface, logged: Logged, again: Again) -> Difference | None:
    """Return what recall finds otherwise under today's configuration of the surface; None: the same.

    Args:
        surface: What answered, as it stood then.
        logged: The answer.
        again: The same, made again.
    """
    condition = surface.compiler.joined(admit_filter(surface, again.asked.question.filter))
    wanted = max(len(logged.shown), surface.config.candidates)
    pool = await gather(surface, again.asked, condition, patient(), wanted=wanted)
    now, then = again.asked.view.state.ids_of(pool.found.rows), logged.ids
    if now != then:
        place = next((k for k, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
        was, comes = (ids[place] if place < len(ids) else "nothing" for ids in (then, now))
        return Difference("recall", f"it found {was!r} at place {place} of {len(then)}, now finds {comes!r}")
    for name, column in pool.found.candidates.columns.items():
        if logged.row.column(name).null_count or not np.array_equal(column, logged.values(name), equal_nan=True):
            return Difference("recall", f"{name} came out otherwise")
    return None


def provenance(found: Found, row: int) -> list[tuple[str, int, float]]:
    """Return the branches that found the item at a row of the catalogue, each with rank and score."""
    recalled = found.recalled
    if recalled is None:
        return []
    places = np.flatnonzero(recalled.rows == row)
    return [
        (branch, int(recalled.ranks[number, place]), float(recalled.scores[number, place]))
        for place in places.tolist()
        for number, branch in enumerate(recalled.branches)
        if recalled.ranks[number, place]
    ]
