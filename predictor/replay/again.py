"""A logged answer made again: the stages that serve, in their order, on what the answer was made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from predictor.filtering import admit_filter, sift
from predictor.gathering import Pool
from predictor.journey import Deadline, Journey
from predictor.ladder import Ladder
from predictor.reranking import listed
from predictor.sorting import admit_sort
from predictor.stages import Asked, Found, hydrate, know, locate, score
from searchrank.reranking import Reranker
from searchrank.v1 import ranking_pb2

if TYPE_CHECKING:
    from predictor.replay.logged import Logged
    from predictor.scoring import Pairs, Scored
    from predictor.surface import ServedSurface

__all__ = ["Again", "answer_again", "know_again", "patient"]

Ints = npt.NDArray[np.int64]

_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """An answer, made again.

    Attributes:
        asked: Who asked what, and what was known.
        found: The n candidates of the log.
        pairs: What features read of them.
        scored: Scores and digest of the first candidates, as many as the log has scores of.
        digest: ``FeaturesDigest`` of what they read, in the form that the log has it in.
        scores: Shape ``(n,)``; NaN for the others.
        order: Positions of all, best first.
        kept: Positions that the request's filter keeps; all of them without one.
    """

    asked: Asked
    found: Found
    pairs: Pairs
    scored: Scored
    digest: int | None
    scores: npt.NDArray[np.float64]
    order: Ints
    kept: Ints


def patient() -> Journey:
    """Return a journey whose deadline no stage will meet."""
    return Journey(Deadline(monotonic() + _SECONDS))


async def know_again(surface: ServedSurface, logged: Logged) -> tuple[Asked, Found, Pairs]:
    """Gather what was known of the request and of the candidates in the log."""
    journey = patient()
    asked = await know(surface, logged.question(surface.schema), journey)
    found = locate(asked, logged.candidates(surface.schema))
    return asked, found, hydrate(surface, asked, found, journey)


async def answer_again(surface: ServedSurface, logged: Logged) -> Again:
    """Make an answer again from the log's raw inputs.

    Args:
        surface: What answered, as it stood then.
        logged: The answer.

    Raises:
        SearchRankError: When the definitions do not know what the caller sent.
    """
    journey = patient()
    asked, found, pairs = await know_again(surface, logged)
    question, n = asked.question, len(pairs)
    condition = admit_filter(surface, question.filter)
    kept = np.arange(n) if condition is None else sift(asked, condition, found, pairs, journey)
    ordering = logged.value("rerank")
    reranker = Reranker.logged(ordering, surface.release.feature_set) if ordering else None
    surface = replace(surface, ladder=Ladder.only(logged.value("trees") or 0), reranker=reranker)
    looked_at = pairs.take(np.arange(logged.scored))
    scored = await score(surface, looked_at, journey)
    digest, earlier = scored.features_digest, logged.value("features_digest")
    if earlier not in {None, digest} and surface.short.earlier_digest(looked_at) == earlier:
        digest = earlier
    scores = np.full(n, np.nan)
    scores[: len(scored.scores)] = scored.scores
    sort = [ranking_pb2.SortKey(expression=text, descending=down) for text, down in question.sort]
    order = listed(surface, asked, Pool(found, pairs, kept, n), scores, journey, admit_sort(surface, sort)).order
    return Again(asked, found, pairs, scored, digest, scores, order, kept)
