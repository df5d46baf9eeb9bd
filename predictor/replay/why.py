"""Why one item of a logged answer ranked above another, from the answer made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from predictor.answers import Finding
from predictor.comparing import compared
from predictor.replay.again import answer_again, patient
from predictor.replay.logged import Logged, logged_answers
from predictor.replay.recalling import provenance
from predictor.replay.stand import Stands
from predictor.replay.verdict import Difference, Verdict, compare
from predictor.stages import Scope, reasons, recall
from searchrank.errors import ConfigError, DataError, NotFoundError

if TYPE_CHECKING:
    from predictor.comparison import Comparison
    from predictor.replay.again import Again
    from predictor.replay.chosen import Chosen
    from predictor.replay.stand import Stand
    from predictor.surface import ServedSurface
    from searchrank.workspace import Workspace

__all__ = ["Why", "why"]


@dataclass(frozen=True, slots=True, eq=False)
class Why:
    """Two items of one answer, the one that scores higher first.

    Attributes:
        verdict: Whether the answer came out as it is logged.
        ids: The items.
        positions: 0-based places in what was returned; -1: not returned.
        scores: As made again; NaN: not scored.
        columns: Names of the f model columns.
        features: Of each model column the feature that it is made of.
        values: Shape ``(2, f)``, what the model read.
        comparison: What made the gap, and what would turn the order around.
        found_by: The branches that find each; empty: none does, or the caller sent the items.
        provenance: Where ``found_by`` is from: ``recall``, asked again, or ``log``.
        sort: What the answer was ordered by in place of scores; empty: by score.
    """

    verdict: Verdict
    ids: tuple[str, str]
    positions: tuple[int, int]
    scores: tuple[float, float]
    columns: tuple[str, ...]
    features: tuple[str, ...]
    values: npt.NDArray[np.float32]
    comparison: Comparison
    found_by: tuple[tuple[Finding, ...], tuple[Finding, ...]]
    provenance: str
    sort: str


async def why(workspace: Workspace, chosen: Chosen, items: tuple[str, str]) -> Why:
    """Say why one of two items ranked above the other.

    Args:
        workspace: Where releases, snapshots and the event log are.
        chosen: The answers of one request.
        items: Ids of two different candidates.

    Raises:
        ConfigError: When the items are one, or several answers are meant.
        NotFoundError: When an item is no candidate of the answer.
        DataError: When the answer cannot be made again; names what is in the way.
    """
    if items[0] == items[1]:
        raise ConfigError(f"{items[0]!r} is named twice; name two different items")
    logged = _only(chosen)
    rows = [_row(logged, item) for item in items]
    stand = Stands(workspace, recall=True).of(logged)
    if isinstance(stand, Difference):
        raise DataError(f"the answer cannot be made again: {stand.part}: {stand.detail}")
    surface = stand.at(logged)
    again = await answer_again(surface, logged)
    both = np.array(sorted(rows))
    pairs, found = again.pairs.take(both), again.found.take(both)
    told = await reasons(surface, pairs, patient())
    # What was not scored then has no gap, though a score can be made now.
    told.scores[np.isnan(again.scores[both])] = np.nan
    comparison = compared(surface, again.asked, found, pairs, told, (0, 1))
    order = [comparison.above, comparison.below]
    above, below = (int(both[place]) for place in order)
    found_by, source = await _found_by(surface, stand, logged, again, (above, below))
    return Why(
        verdict=compare(logged, again, stand.snapshot_id, "it is shown below"),
        ids=(logged.ids[above], logged.ids[below]),
        positions=(int(logged.values("position")[above]), int(logged.values("position")[below])),
        scores=(float(again.scores[above]), float(again.scores[below])),
        columns=surface.release.plan.columns,
        features=tuple(item.feature for item in surface.release.plan.inputs),
        values=told.features[order],
        comparison=comparison,
        found_by=found_by,
        provenance=source,
        sort=", ".join(f"{text}{' desc' if down else ''}" for text, down in again.asked.question.sort),
    )


def _only(chosen: Chosen) -> Logged:
    """Return the one answer that is meant.

    Raises:
        DataError: When it is not in the log.
        ConfigError: When there are several.
    """
    parts = [part.batch for part in chosen.parts() if part.batch is not None]
    firsts = [one for batch in parts for one in logged_answers(batch) if not one.page]
    if not firsts:
        raise DataError("only further pages of this request are in the serving log; the answer itself is not")
    if len(firsts) > 1:
        told = ", ".join(f"{one.value('rpc')} at {one.answered_at.isoformat()}" for one in firsts)
        raise ConfigError(f"the request was answered {len(firsts)} times: {told}; choose with --rpc or --at")
    return firsts[0]


def _row(logged: Logged, item: str) -> int:
    """Return the position of an item among the candidates; sent twice, the one that came first in the answer.

    Raises:
        NotFoundError: When it is not there.
    """
    rows = [row for row, one in enumerate(logged.ids) if one == item]
    if not rows:
        known = ", ".join(logged.ids[row] for row in logged.shown[:5].tolist()) or "nothing"
        raise NotFoundError(f"{item!r} was no candidate of this request; it was answered with {known}, …")
    positions = logged.values("position")
    return min(rows, key=lambda row: (positions[row] < 0, positions[row]))


async def _found_by(
    surface: ServedSurface, stand: Stand, logged: Logged, again: Again, rows: tuple[int, int]
) -> tuple[tuple[tuple[Finding, ...], tuple[Finding, ...]], str]:
    if logged.value("rpc") != "Search" or stand.no_recall:
        first, second = (_logged(logged, row) for row in rows)
        return (first, second), "log"
    scope = Scope(limit=len(surface.snapshot.catalogue) or 1)
    recalled = await recall(surface, again.asked, patient(), scope)
    first, second = (tuple(Finding(*part) for part in provenance(recalled, int(again.found.rows[row]))) for row in rows)
    return (first, second), "recall"


def _logged(logged: Logged, row: int) -> tuple[Finding, ...]:
    """Return what the logged inputs of recall say of a candidate."""
    found = []
    for name in logged.row.schema.names:
        branch = name.removeprefix("recall.").removesuffix("_rank")
        if name != f"recall.{branch}_rank" or logged.row.column(name).null_count:
            continue
        rank = logged.values(name)[row]
        score = f"recall.{branch}_score"
        has_score = score in logged.row.schema.names and not logged.row.column(score).null_count
        if not np.isnan(rank):
            found.append(Finding(branch, int(rank), float(logged.values(score)[row]) if has_score else float("nan")))
    return tuple(found)
