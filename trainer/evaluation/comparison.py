"""Is it better: every ranking on the same requests, and the interval of each difference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from trainer.collect import EXPLORATION
from trainer.evaluation.metrics import auc, average_precision, mean, ndcg, reciprocal_rank
from trainer.evaluation.ranking import Ranking
from trainer.evaluation.significance import Difference, difference
from trainer.evaluation.slices import Slice, by_slice

if TYPE_CHECKING:
    from trainer.samples import Samples

__all__ = [
    "CHAMPION_RANKING",
    "MODEL",
    "ORACLE",
    "POPULARITY",
    "RECALL_ORDER",
    "Details",
    "Evaluation",
    "Rival",
    "against",
    "compare",
    "unbiased",
]

MODEL: Final = "model"
POPULARITY: Final = "popularity"
RECALL_ORDER: Final = "recall order"
ORACLE: Final = "oracle"
CHAMPION_RANKING: Final = "champion"
_BASELINES: Final[tuple[str, ...]] = (CHAMPION_RANKING, POPULARITY, RECALL_ORDER)


@dataclass(frozen=True, slots=True)
class Rival:
    """The release that is live, which a new one would replace.

    Attributes:
        digest: Its digest.
        version: Its version.
        slices: Where the new one was compared with it, ``all`` first; empty when it could not be.
        problem: Why it could not be; empty when it was.
    """

    digest: str
    version: int
    slices: tuple[Slice, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """What was measured on, for whoever wants more of it than means.

    Attributes:
        samples: The requests.
        rankings: Their rows as each ranking sorts them.
    """

    samples: Samples
    rankings: Mapping[str, Ranking]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How rankings compare on requests with something relevant in them.

    Attributes:
        requests: Number of requests.
        exploration: Whether all their lists were shown in random order, so that places flatter nobody.
        held_out: Whether they are people rather than requests, judged by what was held out of what is known of them.
        metrics: Ranking → metric → mean.
        differences: Baseline → NDCG@10 of the model less that of the baseline, with its interval and p value.
        rival: What is live, when something else is.
        details: The rankings themselves, where requests were measured.
    """

    requests: int
    exploration: bool
    metrics: Mapping[str, Mapping[str, float]]
    differences: Mapping[str, Difference]
    held_out: bool = False
    rival: Rival | None = None
    details: Details | None = None

    @property
    def how(self) -> str:
        """What was measured on, in words."""
        if self.held_out:
            return f"{self.requests:,} people, by what they chose last among what recall finds for them"
        order = "in random order" if self.exploration else "as they were shown"
        return f"{self.requests:,} test requests with a click or the like, lists {order}"

    @property
    def gap_closed(self) -> float:
        """Share of the way from popularity to the oracle in NDCG@10; NaN without an oracle."""
        if ORACLE not in self.metrics or POPULARITY not in self.metrics:
            return math.nan
        low, high = (self.metrics[name]["ndcg@10"] for name in (POPULARITY, ORACLE))
        return (self.metrics[MODEL]["ndcg@10"] - low) / (high - low) if high > low else math.nan

    def figures(self) -> dict[str, Any]:
        """Return the figures under the names that machines read."""
        found: dict[str, Any] = {"ndcg@10": self.metrics[MODEL]["ndcg@10"]}
        for name, values in self.metrics.items():
            if name != MODEL:
                found[f"{name.replace(' ', '_')}_ndcg@10"] = values["ndcg@10"]
        for name, interval in self.differences.items():
            found[f"over_{name.replace(' ', '_')}"] = [interval.mean, interval.low, interval.high]
            found[f"over_{name.replace(' ', '_')}_p"] = interval.p
        if self.rival is not None and self.rival.slices:
            found["slices"] = {one.name: [one.difference, one.p_holm, one.detectable] for one in self.rival.slices}
        others = {name: value for name, value in self.metrics[MODEL].items() if name != "ndcg@10"}
        return found | others | {"gap_closed": self.gap_closed, "test_requests": self.requests}


def unbiased(test: Samples) -> tuple[Samples, bool]:
    """Return the requests to compare on: those shown in random order if there are any, and whether it is those.

    Requests without anything relevant are left out; no ranking of them is better than another.

    Raises:
        DataError: When none is left.
    """
    if EXPLORATION in test.requests.column_names:
        flags = test.requests.column(EXPLORATION).to_numpy().astype(np.float64)
        exploring = test.select((flags == 1) & test.has_relevant)
        if len(exploring):
            return exploring, True
    chosen = test.select(test.has_relevant)
    if not len(chosen):
        raise DataError("no request to measure on has a click or the like; more events are needed")
    return chosen, False


def compare(test: Samples, rankings: Mapping[str, npt.NDArray[np.float64]], *, exploration: bool) -> Evaluation:
    """Measure rankings on the same requests.

    Args:
        test: The requests, each with something relevant.
        rankings: Scores (n,) by name; ``model`` among them.
        exploration: Whether the requests were shown in random order.
    """
    sorted_by = {name: Ranking.of(scores, test.labels, test.sizes) for name, scores in rankings.items()}
    at_ten = {name: ndcg(ranking, 10) for name, ranking in sorted_by.items()}
    metrics = {
        name: {
            "ndcg@3": mean(ndcg(ranking, 3)),
            "ndcg@10": mean(at_ten[name]),
            "map": mean(average_precision(ranking)),
            "mrr": mean(reciprocal_rank(ranking)),
            "auc": mean(auc(ranking)),
        }
        for name, ranking in sorted_by.items()
    }
    differences = {name: difference(at_ten[MODEL], at_ten[name]) for name in _BASELINES if name in at_ten}
    return Evaluation(len(test.sizes), exploration, metrics, differences, details=Details(test, sorted_by))


def against(rival: Rival, found: Evaluation, members: Mapping[str, npt.NDArray[np.bool_]], alpha: float) -> Evaluation:
    """Compare the model with the champion in every slice.

    Args:
        rival: The champion.
        found: What was measured of both.
        members: For each slice a mask over the requests, shape (q,).
        alpha: Probability of any false alarm.
    """
    if found.details is None or CHAMPION_RANKING not in found.details.rankings:
        return replace(found, rival=rival)
    ours, theirs = (ndcg(found.details.rankings[name], 10) for name in (MODEL, CHAMPION_RANKING))
    return replace(found, rival=replace(rival, slices=by_slice(members, ours, theirs, alpha=alpha)))
