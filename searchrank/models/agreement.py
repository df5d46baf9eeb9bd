"""How alike two ranked lists are, and many pairs of them: what a change of release changes for those who look."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

import numpy as np

from searchrank.errors import DataError

__all__ = ["DEPTHS", "PERSISTENCE", "Agreement", "first_change", "overlap", "rbo"]

PERSISTENCE: Final = 0.9
"""``p`` of the rank-biased overlap that is reported: the first ten places carry 86 % of its weight."""
DEPTHS: Final = (1, 3, 10)
"""Depths at which the overlap of lists is reported."""
_PLACES: Final = 50  # first changes further down are counted together
_Z: Final = 1.959963984540054


def rbo(one: Sequence[Hashable], other: Sequence[Hashable], p: float = PERSISTENCE) -> float:
    """Return the rank-biased overlap of two lists, extrapolated (Webber, Moffat and Zobel, TOIS 2010, equation 32).

    Args:
        one: Distinct members, best first.
        other: Another such list, of any length.
        p: Likelihood, above 0 and below 1, that somebody who looked at a place looks at the next one.

    Returns:
        1 for equal lists, 0 for lists without a common member; of two empty lists 1.

    Example:
        >>> rbo("abc", "abc"), rbo("abc", "xyz")
        (1.0, 0.0)
    """
    short, long = sorted((len(one), len(other)))
    if not short:
        return float(not long)
    common = _common(one, other, long)
    depths = np.arange(1, long + 1, dtype=np.float64)
    at_short, at_long = float(common[short - 1]), float(common[-1])
    agreed = common / depths
    agreed[short:] += at_short * (depths[short:] - short) / (short * depths[short:])
    head = (1 - p) / p * float(np.sum(agreed * p**depths))
    return min(1.0, head + ((at_long - at_short) / long + at_short / short) * p**long)


def overlap(one: Sequence[Hashable], other: Sequence[Hashable], k: int) -> float:
    """Return the share of the first ``k`` places of the longer list that both have, in any order; of empty lists 1."""
    most = min(k, max(len(one), len(other)))
    return len(set(one[:k]) & set(other[:k])) / most if most else 1.0


def first_change(one: Sequence[Hashable], other: Sequence[Hashable]) -> int | None:
    """Return the first place, from 1, that the lists fill differently; None for equal lists."""
    for place, (a, b) in enumerate(zip(one, other, strict=False), start=1):
        if a != b:
            return place
    return None if len(one) == len(other) else min(len(one), len(other)) + 1


def _common(one: Sequence[Hashable], other: Sequence[Hashable], depth: int) -> np.ndarray:
    """Return how many members the lists have in common down to each depth, ``(depth,)``."""
    places = {member: place for place, member in enumerate(one)}
    met = [max(place, places[member]) for place, member in enumerate(other) if member in places]
    return np.cumsum(np.bincount(np.array(met, np.int64), minlength=depth)[:depth])


@dataclass(slots=True)
class Agreement:
    """Many pairs of lists, in sums that add up.

    Attributes:
        lists: Pairs compared.
        changed: Pairs of lists that differ.
        rbo_sum: Sum of their rank-biased overlaps.
        rbo_squares: Sum of the squares of these.
        overlaps: For each of ``DEPTHS`` the sum of overlaps.
        first: How many lists changed first at place 1, 2, …; the last entry counts all that changed further down.
        left_out: Pairs that were not compared, by reason.
    """

    lists: int = 0
    changed: int = 0
    rbo_sum: float = 0.0
    rbo_squares: float = 0.0
    overlaps: list[float] = field(default_factory=lambda: [0.0] * len(DEPTHS))
    first: list[int] = field(default_factory=lambda: [0] * (_PLACES + 1))
    left_out: dict[str, int] = field(default_factory=dict)

    def add(self, one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
        """Take a pair of lists into account and return its rank-biased overlap."""
        alike = rbo(one, other)
        place = first_change(one, other)
        self.lists += 1
        self.rbo_sum += alike
        self.rbo_squares += alike * alike
        self.overlaps = [so_far + overlap(one, other, k) for so_far, k in zip(self.overlaps, DEPTHS, strict=True)]
        if place is not None:
            self.changed += 1
            self.first[min(place, _PLACES + 1) - 1] += 1
        return alike

    def leave_out(self, reason: str) -> None:
        """Count a pair that is not compared."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    def joined(self, other: Agreement) -> Agreement:
        """Return both together."""
        return Agreement(
            self.lists + other.lists,
            self.changed + other.changed,
            self.rbo_sum + other.rbo_sum,
            self.rbo_squares + other.rbo_squares,
            [a + b for a, b in zip(self.overlaps, other.overlaps, strict=True)],
            [a + b for a, b in zip(self.first, other.first, strict=True)],
            {k: self.left_out.get(k, 0) + other.left_out.get(k, 0) for k in {**self.left_out, **other.left_out}},
        )

    def figures(self) -> dict[str, float]:
        """Return means over lists; NaN for what nothing is known of.

        ``rbo`` comes with the half width of its 95 % interval, ``first_change`` is the median place among changed
        lists, ``churn_10`` the share of the first ten places that others take.
        """
        n = self.lists or math.nan
        mean = self.rbo_sum / n
        spread = math.sqrt(max(0.0, self.rbo_squares / n - mean * mean) / (n - 1)) if self.lists > 1 else math.nan
        alike = {f"overlap_{k}": total / n for k, total in zip(DEPTHS, self.overlaps, strict=True)}
        place = int(np.searchsorted(np.cumsum(self.first), self.changed / 2)) + 1 if self.changed else math.nan
        figures = {"changed": self.changed / n, "rbo": mean, "rbo_interval": _Z * spread, **alike}
        return figures | {"churn_10": 1 - alike["overlap_10"], "first_change": place}

    def to_json(self) -> dict[str, Any]:
        """Return the sums as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: object) -> Agreement:
        """Read what ``to_json`` returned.

        Raises:
            DataError: When it is something else.
        """
        names = {one.name for one in fields(cls)}
        if not isinstance(content, dict) or content.keys() != names:
            raise DataError("these are not sums of compared lists")
        found = cls(**content)
        if len(found.overlaps) != len(DEPTHS) or len(found.first) != _PLACES + 1:
            raise DataError("these sums of compared lists have other depths")
        return found
