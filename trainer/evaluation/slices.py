"""Where is it worse: the same comparison in every slice of the queries, with the error of all of them held together.

Of many slices one looks bad by chance. Holm's step-down (1979) keeps the probability of any false alarm below ``alpha``
whatever slices overlap. What a slice is too small to show is said beside it: the loss that would be found in four of
five trials.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from trainer.evaluation.significance import randomisation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ALL", "ALPHA", "Slice", "by_slice", "holm", "regressions", "worst", "worst_in_words"]

ALL: Final = "all"
"""The slice of every query."""
ALPHA: Final = 0.025
"""Probability of any false alarm: one-sided, as in a two-sided test at 5 %."""
_POWER: Final = 0.8


@dataclass(frozen=True, slots=True)
class Slice:
    """How two rankings compare on some of the queries.

    Attributes:
        name: Its name.
        queries: Queries in it that both have a value for.
        ours: Mean of ours over them; NaN for none.
        theirs: Mean of theirs.
        p: Probability that ours is so much worse by chance, this slice alone looked at.
        p_holm: The same when all slices are looked at.
        error: Standard error of the difference; infinite for fewer than two queries.
        detectable: The loss that would be found in four of five trials; infinite likewise.
    """

    name: str
    queries: int
    ours: float
    theirs: float
    p: float
    p_holm: float
    error: float
    detectable: float

    @property
    def difference(self) -> float:
        """Ours less theirs."""
        return self.ours - self.theirs


def by_slice(
    members: Mapping[str, npt.NDArray[np.bool_]], ours: npt.ArrayLike, theirs: npt.ArrayLike, *, alpha: float = ALPHA
) -> tuple[Slice, ...]:
    """Compare two rankings on all queries and in every slice.

    Args:
        members: For each slice a mask (q,); slices may overlap.
        ours: (q,) one value a query; NaN in either leaves the query out.
        theirs: (q,) of the same queries.
        alpha: What ``detectable`` reckons with.

    Returns:
        ``all`` first, then the slices as given.

    Raises:
        DataError: When a mask or the two are not of the same queries.
    """
    left, right = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    there = {ALL: np.ones(len(left), np.bool_)} | dict(members)
    for name, mask in there.items():
        if not left.shape == right.shape == mask.shape:
            raise DataError(f"slice {name!r} has {mask.shape} queries, the rankings {left.shape} and {right.shape}")
    known = ~np.isnan(left - right)
    masks = {name: mask & known for name, mask in there.items()}
    chances = [randomisation((left - right)[mask]) for mask in masks.values()]
    errors = [_error((left - right)[mask]) for mask in masks.values()]
    reach = NormalDist().inv_cdf(1.0 - alpha / len(masks)) + NormalDist().inv_cdf(_POWER)
    return tuple(
        Slice(
            name,
            int(mask.sum()),
            _mean(left[mask]),
            _mean(right[mask]),
            p,
            p_holm,
            error,
            reach * error,
        )
        for (name, mask), p, p_holm, error in zip(masks.items(), chances, holm(chances), errors, strict=True)
    )


def holm(chances: Sequence[float]) -> tuple[float, ...]:
    """Return p values that hold for all of them together (Holm 1979), in the order given."""
    values = np.asarray(chances, np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return tuple(adjusted.tolist())


def regressions(slices: Sequence[Slice], alpha: float = ALPHA) -> tuple[Slice, ...]:
    """Return the slices that are worse by more than chance, the surest first."""
    return tuple(sorted((one for one in slices if one.p_holm <= alpha), key=lambda one: (one.p_holm, one.difference)))


def worst(slices: Sequence[Slice]) -> Slice | None:
    """Return the slice that most likely is worse, and of those the one that loses most; None when none has queries."""
    there = [one for one in slices if one.queries]
    return min(there, key=lambda one: (one.p, one.difference)) if there else None


def worst_in_words(slices: Sequence[Slice]) -> str:
    """Return in words what was looked at and the slice that most likely is worse; empty for no slices."""
    found = worst(slices)
    if found is None:
        return ""
    if not found.error:
        return f"worst of {len(slices)}: none, no request differs"
    return (
        f"worst of {len(slices)}: {found.name}, {found.difference:+.4f}, p {found.p_holm:.2g} after Holm; a loss of "
        f"{found.detectable:.4f} there would be found in four of five trials"
    )


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _error(differences: npt.NDArray[np.float64]) -> float:
    """Return the standard error of a mean."""
    return float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else math.inf
