"""The list after its score: what the surface's rules, diversity and chance make of the order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from predictor.gathering import gather
from predictor.journey import Journey
from predictor.sorting import arranged
from predictor.stages import score
from searchrank.features import hash_texts
from searchrank.reranking import Reranker, Slate
from searchrank.v1 import ranking_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.gathering import Pool
    from predictor.sorting import Key
    from predictor.stages import Asked, Found
    from predictor.surface import ServedSurface
    from recall.filtering import Compiled
    from searchrank.features import FeatureSet
    from searchrank.features.catalogue import Catalogue
    from searchrank.project import Surface
    from searchrank.reranking import Arranged

__all__ = ["Listed", "listed", "movements", "rerankers"]

_logger = logging.getLogger("searchrank.predictor")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Listed:
    """Candidates in the order in which they are returned.

    Attributes:
        order: Positions, shape ``(k,)``.
        propensities: Shape ``(k,)``, how likely each was to be at its place; None: nothing was left to chance.
        rerank: The ordering that applied, as the log keeps it; empty: none.
    """

    order: Ints
    propensities: Floats | None = None
    rerank: str = ""

    def split(self, limit: int) -> tuple[Listed, Listed]:
        """Return the first so many, all of them for 0, and the rest."""
        end = limit or len(self.order)
        parts = (slice(None, end), slice(end, None))
        chances = self.propensities
        first, rest = (
            Listed(self.order[part], None if chances is None else chances[part], self.rerank) for part in parts
        )
        return first, rest

    @property
    def told(self) -> Sequence[float]:
        """Propensities as they are sent; nothing when there are none."""
        return [] if self.propensities is None else self.propensities.tolist()

    def spread(self, candidates: int) -> Floats | None:
        """Return a propensity for each candidate, NaN for those that are not listed; None when there are none."""
        if self.propensities is None:
            return None
        everything = np.full(candidates, np.nan)
        everything[self.order] = self.propensities
        return everything


def rerankers(name: str, config: Surface, features: FeatureSet, catalogue: Catalogue) -> dict[str, Reranker]:
    """Return a surface's ordering as ``default`` and its variants by name; those that change nothing are left out.

    Raises:
        SearchRankError: When one is not what it must be; points at it.
    """
    section = config.rerank
    if section is None:
        return {}
    found = {}
    for variant, ordering in {"default": section, **section.variants}.items():
        source = f"surfaces.{name}.rerank" + ("" if variant == "default" else f".variants.{variant}")
        reranker = Reranker.parse(ordering, features, source=source, name=variant)
        if reranker.changes:
            found[variant] = reranker
        for item in _unknown(reranker, catalogue):
            _logger.warning("%s: a rule pins %r, which the catalogue does not hold", source, item)
    return found


def _unknown(reranker: Reranker, catalogue: Catalogue) -> list[str]:
    ids = list(reranker.pinned_ids)
    rows = catalogue.rows_of_hashes(hash_texts(ids)).tolist() if ids else []
    return [item for item, row in zip(ids, rows, strict=True) if row == len(catalogue)]


def listed(  # noqa: PLR0913, PLR0917 - what every stage made
    surface: ServedSurface, asked: Asked, pool: Pool, scores: Floats, journey: Journey, keys: Sequence[Key] = ()
) -> Listed:
    """Return the whole list: by the caller's keys alone where there are any, else by score and the surface's rules."""
    reranker = surface.reranker
    if keys or reranker is None:
        return Listed(arranged(asked, pool, scores, keys))
    found = _arranged(reranker, asked, pool, scores)
    shown = asked.question.limit or (len(scores) if pool.found.recalled is None else surface.config.limit)
    for part in found.relaxed:
        if part.place < shown:
            journey.left_out("rerank", part.rule, part.reason)
    journey.rules = found.applied
    journey.ran("rerank")
    return Listed(found.order, found.propensities, reranker.version)


def _arranged(reranker: Reranker, asked: Asked, pool: Pool, scores: Floats) -> Arranged:
    records = asked.view.state.items.gather(pool.found.rows)
    return reranker.arrange(Slate(pool.found.hashes, records, pool.pairs.rows), scores, asked.question.request_id)


async def movements(
    surface: ServedSurface, asked: Asked, condition: Compiled | None, found: Found, journey: Journey
) -> ranking_pb2.Movements | None:
    """Return what re-ranking does to items when the question is searched for; None where nothing is re-ranked.

    Args:
        surface: Where.
        asked: The question.
        condition: Its filter.
        found: The items.
        journey: What remains of its time is taken; the search adds nothing to its coverage.
    """
    reranker = surface.reranker
    if reranker is None or not surface.recaller.branches:
        return None
    own = Journey(journey.deadline)
    wanted = max(asked.question.limit, surface.config.limit, surface.config.candidates)
    pool = await gather(surface, asked, condition, own, wanted=wanted)
    scored = await score(surface, pool.pairs, own)
    told = _arranged(reranker, asked, pool, scored.scores)
    journey.ran("rerank")
    where = {row: place for place, row in enumerate(pool.found.rows.tolist())}
    places = [where.get(row, -1) for row in found.rows.tolist()]
    moves = ranking_pb2.Movements(
        before=[-1 if place < 0 else int(told.before[place]) for place in places],
        after=[-1 if place < 0 else int(told.after[place]) for place in places],
    )
    for item, place in enumerate(places):
        for reason in told.reasons(place) if place >= 0 else ():
            moves.items.append(item)
            moves.reasons.append(reason)
    return moves
