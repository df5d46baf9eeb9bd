"""Rankings of the same people's lists, beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.evaluate import MODEL, Evaluation
from trainer.levels.measure import measure
from trainer.significance import paired_bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["judge"]

Ints = npt.NDArray[np.int64]


def judge(rankings: Mapping[str, Sequence[Ints]], positives: Sequence[Ints]) -> Evaluation:
    """Measure rankings by what people wanted later.

    Args:
        rankings: For each name one list of catalogue rows a person, best first; ``model`` among them.
        positives: For each person what was wanted, at least one row.
    """
    at = {name: measure(lists, positives) for name, lists in rankings.items()}
    metrics = {name: {"ndcg@10": float(g.mean()), "recall@100": float(r.mean())} for name, (g, r) in at.items()}
    others = {name: paired_bootstrap(at[MODEL][0], gains) for name, (gains, _) in at.items() if name != MODEL}
    return Evaluation(len(positives), exploration=False, metrics=metrics, differences=others, held_out=True)
