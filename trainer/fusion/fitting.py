"""Weights of fusion are learnt from judged queries: the list-wise loss of ListNet, convex and with few parameters.

The probability of each candidate is the softmax of its weighted sum of signals, and the loss the cross entropy with the
grades (Cao et al., ICML 2007). Weights are kept small (ridge, of signals scaled to unit deviation) by as much as
cross-validation over queries finds best; nothing else is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from recall.fusion.config import FusionConfig, Weights
from recall.fusion.linear import SIGNALS, signals, weighted
from searchrank.errors import DataError
from trainer.evaluation.metrics import ndcg
from trainer.evaluation.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recall.fusion.fusing import Recalled

__all__ = ["Fitted", "JudgedList", "fit_fusion", "gains"]

Floats = npt.NDArray[np.float64]
_RIDGES: Final = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
_FOLDS: Final = 5
_CUT: Final = 10
_FEWEST: Final = 20


@dataclass(frozen=True, slots=True)
class JudgedList:
    """What all branches found for a query, and what of it answers.

    Attributes:
        found: Every candidate with rank and score of each branch.
        grades: Relevant rows and their grades, found or not.
    """

    found: Recalled
    grades: Mapping[int, int]

    @property
    def labels(self) -> Floats:
        """The grade of each candidate."""
        return np.array([self.grades.get(row, 0) for row in self.found.rows.tolist()], np.float64)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights, and how good such weights are for queries they were not learnt from.

    Attributes:
        fusion: The weights, to be served.
        ridge: How strongly they are kept small.
        loss: Cross entropy a query in cross-validation.
        ours: Shape ``(q,)``, NDCG@10 of each query, by weights learnt without its fold.
        theirs: The same by reciprocal rank.
    """

    fusion: FusionConfig
    ridge: float
    loss: float
    ours: Floats
    theirs: Floats


def fit_fusion(lists: Sequence[JudgedList], k: float = 60.0, *, seed: int = 0) -> Fitted:
    """Learn weights.

    Args:
        lists: One a query, all of the same branches in the same order.
        k: Rank offset of the signal ``reciprocal``.
        seed: Of the folds; same seed, same weights.

    Raises:
        DataError: When fewer than 20 queries have a relevant candidate that was found.
    """
    fold = np.random.default_rng(seed).permutation(len(lists)) % _FOLDS
    useful = np.array([one.labels.any() for one in lists], bool)
    if useful.sum() < _FEWEST:
        raise DataError(f"{useful.sum()} of {len(lists)} queries have a relevant candidate; {_FEWEST} are the fewest")
    data = [_Sample.of(one, k) for one in lists]
    tried = [_validated(data, np.where(useful, fold, -1), ridge) for ridge in _RIDGES]
    at = int(np.argmin([loss for loss, _ in tried]))
    weights = _learn([one for one, has in zip(data, useful, strict=True) if has], _RIDGES[at])
    branches = lists[0].found.branches
    fusion = FusionConfig(k=k, weights=_written(branches, weights))
    held_out = [_written(branches, one) for one in tried[at][1]]
    ours = [
        weighted((branches, one.found.ranks, one.found.scores), held_out[f], k)
        for one, f in zip(lists, fold, strict=True)
    ]
    theirs = [_reciprocal(one.found.ranks, k) for one in lists]
    return Fitted(fusion, _RIDGES[at], tried[at][0], gains(lists, ours), gains(lists, theirs))


def gains(lists: Sequence[JudgedList], scores: Sequence[Floats]) -> Floats:
    """Return NDCG@10 of each query; relevant rows that were not found count as missed, NaN where there are none."""
    all_scores, all_labels, sizes = [], [], []
    for one, values in zip(lists, scores, strict=True):
        found = set(one.found.rows.tolist())
        missed = [grade for row, grade in one.grades.items() if row not in found]
        # What was not found stands behind everything, and behind so many others that it has no gain.
        all_scores += [values, np.full(_CUT, -1e300), np.full(len(missed), -np.inf)]
        all_labels += [one.labels, np.zeros(_CUT), np.array(missed, np.float64)]
        sizes.append(len(values) + _CUT + len(missed))
    return ndcg(Ranking.of(np.concatenate(all_scores), np.concatenate(all_labels), sizes), _CUT)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Signals ``(s, n)`` of one list and the shares ``(n,)`` of its grades."""

    signals: Floats
    shares: Floats

    @classmethod
    def of(cls, one: JudgedList, k: float) -> _Sample:
        told = [signals(list(SIGNALS), *both, k) for both in zip(one.found.ranks, one.found.scores, strict=True)]
        labels = one.labels
        return cls(np.concatenate(told), labels / labels.sum() if labels.any() else labels)


def _validated(data: Sequence[_Sample], fold: npt.NDArray[np.int64], ridge: float) -> tuple[float, list[Floats]]:
    """Return the loss a query in cross-validation and the weights of each fold; queries of fold -1 take no part."""
    weights, losses = [], 0.0
    for held in range(_FOLDS):
        learnt = _learn([one for one, f in zip(data, fold, strict=True) if f not in {held, -1}], ridge)
        weights.append(learnt)
        kept = [one for one, f in zip(data, fold, strict=True) if f == held]
        losses += _Lists.of(kept).loss(learnt)[0] if kept else 0.0
    return losses / int((fold >= 0).sum()), weights


@dataclass(frozen=True, slots=True)
class _Lists:
    """Lists behind each other: signals ``(n, s)``, shares ``(n,)`` and where each begins."""

    signals: Floats
    shares: Floats
    begins: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, data: Sequence[_Sample]) -> _Lists:
        sizes = np.array([len(one.shares) for one in data])
        stacked = np.concatenate([one.signals for one in data], axis=1).T
        return cls(
            np.ascontiguousarray(stacked), np.concatenate([one.shares for one in data]), sizes.cumsum() - sizes, sizes
        )

    def loss(self, weights: Floats) -> tuple[float, Floats]:
        """Return the cross entropy of all lists and its gradient."""
        totals = self.signals @ weights
        totals -= np.maximum.reduceat(totals, self.begins).repeat(self.sizes)
        powers = np.exp(totals)
        sums = np.add.reduceat(powers, self.begins)
        wrong = powers / sums.repeat(self.sizes) - self.shares
        return float(np.log(sums).sum() - self.shares @ totals), wrong @ self.signals


def _learn(data: Sequence[_Sample], ridge: float) -> Floats:
    """Return the weights ``(s,)`` that make the loss and their own size least."""
    from scipy.optimize import minimize  # noqa: PLC0415 - of the training install

    lists = _Lists.of(data)
    deviation = lists.signals.std(axis=0)
    scale = np.where(deviation > 0, deviation, np.inf)  # what is the same everywhere tells nothing

    def objective(scaled: Floats) -> tuple[float, Floats]:
        loss, gradient = lists.loss(scaled / scale)
        return loss / len(data) + ridge * float(scaled @ scaled), gradient / scale / len(data) + 2 * ridge * scaled

    found = minimize(objective, np.zeros(len(scale)), jac=True, method="L-BFGS-B", options={"maxiter": 1_000})
    return np.asarray(found.x / scale, np.float64)


def _written(branches: Sequence[str], weights: Floats) -> dict[str, Weights]:
    """Return weights as a project writes them, to six digits; a branch that tells nothing is left out."""
    told = [float(f"{value:.6g}") for value in weights]
    by_branch = np.array(told).reshape(len(branches), len(SIGNALS)).tolist()
    return {
        name: Weights(**{signal: value for signal, value in zip(SIGNALS, values, strict=True) if value})
        for name, values in zip(branches, by_branch, strict=True)
        if any(values)
    }


def _reciprocal(ranks: npt.NDArray[np.int32], k: float) -> Floats:
    values: Floats = np.where(ranks > 0, 1.0 / (k + np.maximum(ranks, 1)), 0.0).sum(axis=0)
    return values
