"""What each input of a model brings and what it costs, side by side.

What it brings is told twice: by the share of the forest's gain that its splits have, which counts how much it is
used, and by the NDCG@10 that is lost when its values are dealt out anew among the rows (Breiman 2001), which counts
what it is good for beside all the others. What it costs is the time that computing it alone takes for one request.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from searchrank.features import Evaluator, Plan, Rows
from trainer.evaluation.metrics import mean, ndcg
from trainer.evaluation.ranking import Ranking

if TYPE_CHECKING:
    from searchrank.features.node import Node
    from searchrank.features.snapshot import Snapshot
    from searchrank.models import Scorer
    from trainer.samples import Samples

__all__ = ["InputWorth", "gains", "losses", "microseconds"]

_ROWS: Final = 5_000  # rows whose ranking is spoilt, column by column
_ROUNDS: Final = 50


@dataclass(frozen=True, slots=True)
class InputWorth:
    """What an input brings and costs.

    Attributes:
        name: Of its column.
        gain: Share of the forest's gain; NaN for another kind of model.
        loss: NDCG@10 that is lost without it.
        microseconds: Time that it alone takes for one request.
    """

    name: str
    gain: float
    loss: float
    microseconds: float


def gains(text: str) -> npt.NDArray[np.float64]:
    """Return each column's share of the gain of a forest in LightGBM's text, shape (f,); NaN when there is none."""
    import lightgbm  # noqa: PLC0415 - heavy

    found = np.asarray(lightgbm.Booster(model_str=text).feature_importance("gain"), np.float64)
    return found / found.sum() if found.sum() > 0 else np.full(len(found), np.nan)


def losses(
    scorer: Scorer, columns: npt.NDArray[np.float32], labels: npt.ArrayLike, sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the NDCG@10 that is lost when a column's values are dealt out anew, shape (f,).

    Args:
        scorer: The model.
        columns: (f, n) what it reads; the first lists, some 5,000 rows, are looked at.
        labels: (n,) relevance.
        sizes: (q,) rows of each list.
    """
    lists = max(1, int(np.searchsorted(np.cumsum(sizes), _ROWS)))
    kept, generator = int(sizes[:lists].sum()), np.random.default_rng(0)
    part, grades = np.ascontiguousarray(columns[:, :kept]), np.asarray(labels)[:kept]

    def reached() -> float:
        return mean(ndcg(Ranking.of(scorer.score(part), grades, sizes[:lists]), 10))

    whole, found = reached(), np.empty(len(part))
    for number, column in enumerate(part):
        values = column.copy()
        part[number] = generator.permutation(values)
        found[number] = whole - reached()
        part[number] = values
    return found


def microseconds(plan: Plan, samples: Samples, snapshot: Snapshot, candidates: int) -> npt.NDArray[np.float64]:
    """Return the time that each column alone takes for one request, beside what a request of none takes, shape (f,).

    What depends on the item alone is evaluated beforehand, as when serving. Columns that share a part each pay for it.
    Columns take turns, and the least of their times counts: what disturbs a measurement only adds to it.

    Args:
        plan: Computes the columns.
        samples: Where requests and candidates are taken from.
        snapshot: What was known when.
        candidates: Rows of the request.
    """
    rows = samples.encode(0, min(len(samples.sizes), 20), snapshot)
    places = np.resize(np.arange(len(rows)), candidates)
    used, item_rows = np.unique(rows.item_rows[places], return_inverse=True)
    asked = Rows(item_rows, rows.requests[:1], np.zeros(candidates, np.int64), rows.candidates[places])
    records = samples.items(snapshot)[np.append(used, -1)]
    alone: list[dict[str, Node]] = [{name: node} for name, node in zip(plan.columns, plan.nodes, strict=True)]
    evaluators = [Evaluator(Plan.of_nodes(plan.feature_set, columns)) for columns in (*alone, {})]
    blocks = [evaluator.derive(records) for evaluator in evaluators]
    least = np.full(len(evaluators), np.inf)
    for _ in range(_ROUNDS):
        for number, (evaluator, block) in enumerate(zip(evaluators, blocks, strict=True)):
            began = perf_counter()
            evaluator.evaluate(block, asked)
            least[number] = min(least[number], perf_counter() - began)
    found: npt.NDArray[np.float64] = 1e6 * np.maximum(0.0, least[:-1] - least[-1])
    return found
