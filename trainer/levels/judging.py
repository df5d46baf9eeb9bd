"""Rankings of the same people's lists, beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.effort import RankedLists, measure_effort
from trainer.evaluation.comparison import CHAMPION_RANKING, MODEL, Evaluation, Rival
from trainer.evaluation.significance import difference
from trainer.evaluation.slices import by_slice
from trainer.levels.measure import measure, ranked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchrank.models import EffortCurve, Scorer
    from trainer.levels.level import Lists

__all__ = ["Against", "effort_of", "judge"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Against:
    """What is live, and where a new release is compared with it.

    Attributes:
        rival: What is live.
        members: For each slice a mask over the people.
        alpha: Probability of any false alarm.
    """

    rival: Rival
    members: Mapping[str, npt.NDArray[np.bool_]]
    alpha: float


def judge(
    rankings: Mapping[str, Sequence[Ints]], positives: Sequence[Ints], against: Against | None = None
) -> Evaluation:
    """Measure rankings by what people wanted later.

    Args:
        rankings: For each name one list of catalogue rows a person, best first; ``model`` among them, and ``champion``
            if it is compared with one.
        positives: For each person what was wanted, at least one row.
        against: What is live, if anything is.
    """
    at = {name: measure(lists, positives) for name, lists in rankings.items()}
    metrics = {name: {"ndcg@10": float(g.mean()), "recall@100": float(r.mean())} for name, (g, r) in at.items()}
    others = {name: difference(at[MODEL][0], gains) for name, (gains, _) in at.items() if name != MODEL}
    rival = None
    if against is not None:
        rival = against.rival
        if CHAMPION_RANKING in at:
            ours, theirs = at[MODEL][0], at[CHAMPION_RANKING][0]
            rival = replace(rival, slices=by_slice(against.members, ours, theirs, alpha=against.alpha))
    return Evaluation(
        len(positives), exploration=False, metrics=metrics, differences=others, held_out=True, rival=rival
    )


def effort_of(scorer: Scorer, lists: Lists, columns: npt.NDArray[np.float32]) -> EffortCurve | None:
    """Measure what less work costs on the lists that a release is judged by.

    Args:
        scorer: The model.
        lists: In the order of recall.
        columns: What the model reads of them, ``(f, n)``.
    """
    sizes = lists.samples.sizes
    places = np.concatenate([np.arange(size) for size in sizes])
    return measure_effort(
        scorer,
        RankedLists(columns, places, sizes),
        lambda scores: float(measure(ranked(lists.rows, scores, sizes), lists.positives)[0].mean()),
    )
