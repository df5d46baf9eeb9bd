"""How a column looked in training, as shares of rows, and how far each share may stray before it is an alarm.

A row's value falls into one of ``2 + BINS`` cells: missing, unseen, or a bin of the known values. What is compared of
a group of requests are ``SHARES`` shares of its rows: those missing, those unseen, and of the known ones those in the
first 1, 2, … bins. The first bins of a category are its most frequent values. A share may stray as far as it did in
training between the hours of a day and between days, half as much again, and never less than a floor, so that what
every day brings is no alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

__all__ = ["BINS", "MISSING", "ROWS", "SHARES", "UNSEEN", "Column", "Likeness", "evenly", "learn"]

BINS: Final = 8
MISSING, UNSEEN = 0, 1
SHARES: Final = 2 + BINS - 1
ROWS: Final = 16
"""Rows of a request that are looked at."""

MOST_VALUES: Final = 4_096  # distinct values of a category up to which a new one is told from a rare one
LEAST_REQUESTS: Final = 200
_LEAST_OF_A_WINDOW: Final = 25
_STRETCH: Final = 1.5
_FLOORS: Final = np.array([0.02, 0.003] + [0.1] * (BINS - 1))
_HOUR_US: Final = 3_600_000_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """How one column looked.

    Attributes:
        name: Its name.
        edges: Of a number: the upper ends of all bins but the last, ascending.
        values: Of a category: hashes of its known values, ascending; None for a number.
        bins: Of a category: the bin of each known value.
        is_whole: Of a category: whether ``values`` are all there were, so that others are unseen.
        shares: Shape ``(SHARES,)``, 0 to 1.
        low: As low as each share may be.
        high: As high as each share may be.
    """

    name: str
    edges: Floats
    values: Ints | None
    bins: Ints
    is_whole: bool
    shares: Floats
    low: Floats
    high: Floats

    def cells(self, column: Ints) -> Ints:
        """Return the cell of each value of a category, shape ``(n,)``."""
        values = self.values if self.values is not None and len(self.values) else np.array([-1])
        bins = self.bins if len(self.bins) else np.array([BINS - 1])
        at = np.minimum(np.searchsorted(values, column), len(values) - 1)
        cells = np.where(values[at] == column, 2 + bins[at], UNSEEN if self.is_whole else 1 + BINS)
        cells[column == 0] = MISSING
        return cells

    def to_json(self) -> dict[str, object]:
        """Return it as a row of the profile."""
        values = None if self.values is None else self.values.tolist()
        return {
            "column": self.name,
            "edges": self.edges.tolist(),
            "values": values,
            "bins": self.bins.tolist(),
            "is_whole": self.is_whole,
            "shares": self.shares.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Return what ``to_json`` gave."""
        values = None if row["values"] is None else np.array(row["values"], np.int64)
        numbers = [np.array(row[name], np.float64) for name in ("shares", "low", "high")]
        return cls(
            row["column"],
            np.array(row["edges"], np.float64),
            values,
            np.array(row["bins"], np.int64),
            row["is_whole"],
            *numbers,
        )


class Likeness:
    """How rows that were served looked, column by column; never changed, safe to share between threads.

    Attributes:
        columns: The numbers, then the categories.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._edges = _edges(self.columns)
        self._reference = np.array([column.shares for column in self.columns]).reshape(-1, SHARES)

    def shares(self, numbers: npt.NDArray[np.float32], categories: Ints, groups: Ints, count: int) -> Floats:
        """Return the shares of groups of rows.

        Args:
            numbers: Shape ``(k, n)``; NaN is missing.
            categories: Shape ``(m, n)``, hashes; 0 is missing.
            groups: Group of each row, ``(n,)``.
            count: Number of groups, each with a row at least.

        Returns:
            Shape ``(count, k + m, SHARES)``; where a group knows no value, its bins are as in training.
        """
        return _shares(_counted(self.columns, self._edges, numbers, categories, (groups, count)), self._reference)


def evenly(rows: int, most: int = ROWS) -> Ints:
    """Return at most ``most`` row numbers, evenly spaced; serving and training look at the same places of a list."""
    return np.arange(rows) if rows <= most else (np.arange(most) * rows) // most


def learn(
    names: Sequence[str],
    numbers: npt.NDArray[np.float32],
    categories: Ints,
    requests: Ints,
    times: Ints,
) -> Likeness | None:
    """Learn how served rows look.

    Args:
        names: The k numbers, then the m categories.
        numbers: Shape ``(k, n)``; NaN is missing.
        categories: Shape ``(m, n)``, hashes; 0 is missing.
        requests: Request of each row, ``(n,)``, 0 to r - 1.
        times: When each was made, ``(r,)``, microseconds since 1970 UTC.

    Returns:
        What they look like; None when there are too few requests to say.
    """
    if len(times) < LEAST_REQUESTS:
        return None
    hours = times // _HOUR_US
    windows = [_filled(hours % 24), _filled(hours // 24)]
    k = len(numbers)
    drafts = [_number(name, column) for name, column in zip(names[:k], numbers, strict=True)]
    drafts += [_category(name, column) for name, column in zip(names[k:], categories, strict=True)]
    whole = np.zeros(len(requests), np.int64)
    edges = _edges(drafts)
    counts = _counted(drafts, edges, numbers, categories, (whole, 1))
    shares = _shares(counts, np.zeros((len(drafts), SHARES)))[0]
    strays = np.zeros((2, *shares.shape))
    for of_request, count in windows:
        kept = of_request[requests] >= 0
        groups = of_request[requests][kept]
        if count:
            counts = _counted(drafts, edges, numbers[:, kept], categories[:, kept], (groups, count))
            found = _shares(counts, shares) - shares
            strays = np.maximum(strays, [found.max(axis=0), -found.min(axis=0)])
    days = hours // 24
    for place, column in enumerate(categories):
        strays[0, k + place, UNSEEN] = _newcomers(column, days[requests])
    rise, fall = np.maximum(_FLOORS, _STRETCH * strays)
    low, high = np.clip(shares - fall, 0, 1), np.clip(shares + rise, 0, 1)
    low[:, : UNSEEN + 1] = 0  # less that is missing or unseen alarms nobody
    return Likeness(
        [
            Column(d.name, d.edges, d.values, d.bins, d.is_whole, *parts)
            for d, parts in zip(drafts, zip(shares, low, high, strict=True), strict=True)
        ]
    )


def _filled(windows: Ints) -> tuple[Ints, int]:
    """Return the windows that hold enough requests, numbered anew, -1 for the others, and how many there are."""
    _, at, sizes = np.unique(windows, return_inverse=True, return_counts=True)
    kept = sizes >= _LEAST_OF_A_WINDOW
    numbers = np.where(kept, np.cumsum(kept) - 1, -1)
    return numbers[at], int(kept.sum())


def _number(name: str, column: npt.NDArray[np.float32]) -> Column:
    known = column[~np.isnan(column)].astype(np.float64)
    places = np.arange(1, BINS) / BINS
    edges = np.quantile(known, places, method="inverted_cdf") if known.size else np.zeros(BINS - 1)
    return Column(name, edges, None, np.empty(0, np.int64), True, *_nothing())


def _category(name: str, column: Ints) -> Column:
    values, counts = np.unique(column[column != 0], return_counts=True)
    by_count = np.argsort(-counts, kind="stable")
    bins = np.full(len(values), BINS - 1)
    bins[by_count[: BINS - 1]] = np.arange(min(BINS - 1, len(values)))
    is_whole = len(values) <= MOST_VALUES
    kept = np.sort(by_count[:MOST_VALUES])
    return Column(name, np.zeros(BINS - 1), values[kept], bins[kept], is_whole, *_nothing())


def _nothing() -> tuple[Floats, Floats, Floats]:
    return np.zeros(SHARES), np.zeros(SHARES), np.ones(SHARES)


def _newcomers(column: Ints, days: Ints) -> float:
    """Return the largest share of rows of a day, of the later half of the days, whose value no earlier day had."""
    known, when = column[column != 0], days[column != 0]
    if not known.size:
        return 0.0
    _, at = np.unique(known, return_inverse=True)
    first = np.full(at.max() + 1, when.max())
    np.minimum.at(first, at, when)
    all_days, day = np.unique(when, return_inverse=True)
    sizes = np.bincount(day)
    fresh = np.bincount(day, weights=first[at] == when) / sizes
    later = (np.arange(len(all_days)) >= max(1, len(all_days) // 2)) & (sizes >= _LEAST_OF_A_WINDOW * ROWS // 2)
    return float(fresh[later].max(initial=0.0))


def _counted(
    columns: Sequence[Column],
    edges: npt.NDArray[np.float32],
    numbers: npt.NDArray[np.float32],
    categories: Ints,
    grouped: tuple[Ints, int],
) -> Floats:
    """Return how many rows of each group and column are in each cell, shape ``(count, k + m, 2 + BINS)``."""
    groups, count = grouped
    k, width = len(numbers), 2 + BINS
    cells = np.empty((len(columns), len(groups)), np.int64)
    cells[:k] = 2
    for edge in edges:
        cells[:k] += numbers > edge
    cells[:k][np.isnan(numbers)] = MISSING
    for place, column in enumerate(categories, k):
        cells[place] = columns[place].cells(column)
    cells += (groups * len(columns) + np.arange(len(columns))[:, None]) * width
    counts = np.bincount(cells.ravel(), minlength=count * len(columns) * width)
    return counts.reshape(count, len(columns), width).astype(np.float64)


def _edges(columns: Sequence[Column]) -> npt.NDArray[np.float32]:
    """Return the edges of the numbers, shape ``(BINS - 1, k, 1)``; they are float32 values."""
    edges = [column.edges for column in columns if column.values is None]
    return np.array(edges, np.float32).reshape(-1, BINS - 1).T[:, :, None].copy()


def _shares(counts: Floats, reference: Floats) -> Floats:
    """Return shares of counts, those of bins of the known values; ``reference`` where none is known."""
    rows = counts.sum(axis=2, keepdims=True)
    below = np.cumsum(counts[:, :, 2:-1], axis=2)
    known = counts[:, :, 2:].sum(axis=2, keepdims=True)
    bins = np.where(known > 0, below / np.maximum(known, 1), reference[:, UNSEEN + 1 :])
    return np.concatenate([counts[:, :, :2] / np.maximum(rows, 1), bins], axis=2)
