"""What lists are like beyond being right: how much of the catalogue they show, how unlike the items of one list are.

Like the metrics of rightness these are expected values over the orders of tied rows, and no bit of them depends on the
order of the rows: what is added up is whole numbers, or comes in the order of the queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

if TYPE_CHECKING:
    from trainer.evaluation.ranking import Floats, Integers, Ranking

__all__ = ["coverage", "diversity"]

_GRAIN: Final = float(1 << 26)  # parts of 1 that vectors are rounded to, so that their sums are exact


def coverage(ranking: Ranking, items: Integers, catalogue: int, k: int) -> float:
    """Return the share of the catalogue that is among the first ``k`` of some query.

    Args:
        ranking: The scored rows.
        items: (n,) the item of each given row, from 0 up to ``catalogue``; one below 0 is in no catalogue.
        catalogue: Number of items there are.
        k: Cut-off, at least 1.

    Raises:
        DataError: When there is not one item a row, or none of the catalogue is that item.
    """
    if len(items) != len(ranking.rows) or catalogue < 1 or (len(items) and items.max() >= catalogue):
        raise DataError(f"{len(items)} items up to {items.max(initial=0)} are not those of {len(ranking.rows)} rows")
    shown = (ranking.within(k) / ranking.tie_sizes)[ranking.tie]
    codes = items[ranking.rows]
    known = codes >= 0
    with np.errstate(divide="ignore"):
        missed = np.bincount(codes[known], np.log1p(-shown[known]), catalogue)
    return float(-np.expm1(missed).sum() / catalogue)


def diversity(ranking: Ranking, alike: Integers | Floats, k: int) -> Floats:
    """Return how unlike two of the first ``k`` rows of each query are on average (Ziegler et al., WWW 2005).

    Args:
        ranking: The scored rows.
        alike: For each given row a category, shape (n,): two rows are unlike when theirs differ; or a vector, shape
            (n, d): two rows are unlike by 1 less their cosine.
        k: Cut-off, at least 2.

    Returns:
        (q,) from 0, of categories at most 1; NaN for a query with fewer than two rows.

    Raises:
        DataError: When there is not one a row.
    """
    if len(alike) != len(ranking.rows):
        raise DataError(f"{len(alike)} categories or vectors are not those of {len(ranking.rows)} rows")
    within, sizes = ranking.within(k), ranking.tie_sizes
    whole = (within == sizes)[ranking.tie].astype(np.float64)
    cut = ((within > 0) & (within < sizes))[ranking.tie].astype(np.float64)
    among = _Likeness.of(ranking, np.asarray(alike)[ranking.rows], whole, cut)
    kept, tied = ranking.over_queries(whole), ranking.over_queries(cut)
    places = np.minimum(k, ranking.sizes) - kept
    one = np.divide(places, tied, out=np.zeros(len(tied)), where=tied > 0)
    two = one * np.divide(places - 1, tied - 1, out=np.zeros(len(tied)), where=tied > 1)
    # Two rows above the cut are both there, a tied row with the chance ``one``, two tied rows with the chance ``two``.
    alikeness = among.above + one * among.across + two * among.beside
    pairs = (kept + places) * (kept + places - 1) / 2
    found: Floats = 1.0 - np.divide(alikeness, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Likeness:
    """How alike pairs of rows are, summed for each query, shape (q,).

    Attributes:
        above: Pairs of rows above the cut.
        beside: Pairs of rows tied across it.
        across: Pairs of one of each.
    """

    above: Floats
    beside: Floats
    across: Floats

    @classmethod
    def of(cls, ranking: Ranking, given: npt.NDArray[Any], whole: Floats, cut: Floats) -> _Likeness:
        """Add up by sums A above the cut and B across it: all pairs of A are (|A|² less each row's own) / 2."""
        if given.ndim == 1:
            return cls._of_codes(ranking, np.unique(given, return_inverse=True)[1], whole, cut)
        length = np.linalg.norm(given, axis=1, keepdims=True)
        units = np.rint(np.divide(given, length, out=np.zeros(given.shape), where=length > 0) * _GRAIN)
        own = np.square(units / _GRAIN).sum(1)
        above, beside, across = -_exact(ranking, own * whole), -_exact(ranking, own * cut), np.zeros(ranking.queries)
        for column in units.T:
            a, b = (ranking.over_queries(column * chosen) / _GRAIN for chosen in (whole, cut))
            above, beside, across = above + a * a, beside + b * b, across + a * b
        return cls(above / 2, beside / 2, across)

    @classmethod
    def _of_codes(cls, ranking: Ranking, codes: Integers, whole: Floats, cut: Floats) -> _Likeness:
        """Count pairs of one category."""
        count = int(codes.max(initial=0)) + 1
        cells, cell = np.unique(ranking.query * count + codes, return_inverse=True)
        whose = cells // count
        a, b = (np.bincount(cell, chosen, len(cells)).astype(np.float64) for chosen in (whole, cut))
        above, beside, across = (
            np.bincount(whose, found, ranking.queries).astype(np.float64)
            for found in (a * (a - 1) / 2, b * (b - 1) / 2, a * b)
        )
        return cls(above, beside, across)


def _exact(ranking: Ranking, values: Floats) -> Floats:
    """Return sums over each query that do not depend on the order of its rows."""
    return ranking.over_queries(np.rint(values * _GRAIN)) / _GRAIN
