"""Why one candidate ranks above another: what each feature adds to the gap, and what would turn the two around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from predictor.comparison import Comparison
from predictor.flipping import Flips, Pair, raw_features
from searchrank.errors import RequestError
from searchrank.features import Evaluator, Rows
from searchrank.models import read_profile

if TYPE_CHECKING:
    from predictor.scoring import Pairs
    from predictor.stages import Asked, Found, Reasons
    from predictor.surface import ServedSurface
    from searchrank.v1 import ranking_pb2

__all__ = ["admit_pair", "compared"]

_SHARES: Final = (0.1, 0.9)


def admit_pair(request: ranking_pb2.ExplainRequest) -> tuple[int, int] | None:
    """Return the positions that a request wants compared; None when it names none.

    Raises:
        RequestError: When they are not two different ids of the request.
    """
    if not request.HasField("compare"):
        return None
    first, second = request.compare.first, request.compare.second
    count = len(request.ids.strings.values) + len(request.ids.integers.values)
    if first == second or max(first, second) >= count:
        raise RequestError(f"{first} and {second} are not two positions among {count} ids", field="compare")
    return first, second


def compared(  # noqa: PLR0913, PLR0917 - what every stage made
    surface: ServedSurface, asked: Asked, found: Found, pairs: Pairs, told: Reasons, rows: tuple[int, int]
) -> Comparison:
    """Compare two of the candidates that reasons were told of.

    Args:
        surface: What scores.
        asked: What is known.
        found: The candidates.
        pairs: What features read of them.
        told: Why they get their scores.
        rows: Positions of the two, in any order.
    """
    first, second = rows
    keys = [(not np.isnan(told.scores[row]), told.scores[row], -row) for row in (first, second)]
    above, below = (first, second) if keys[0] >= keys[1] else (second, first)
    gap = float(told.scores[above] - told.scores[below])
    if np.isnan(gap) or told.contributions is None or not len(told.contributions):
        return Comparison(above, below, gap, np.empty(0), ())
    parts = told.contributions[above] - told.contributions[below]
    if surface.blended is not None:  # flips are looked for among the features of one model
        return Comparison(above, below, gap, parts, ())
    both = np.array([above, below])
    raw = _raw(surface, asked, found, pairs, both)
    columns = np.ascontiguousarray(told.features[both].T)
    pair = Pair(columns, raw, told.scores[both], ties_flip=below < above)
    flips = Flips(surface.release.plan, surface.release.scorer, _spreads(surface))
    found_flips = [flip for feature in flips.columns if (flip := flips.of(feature, pair)) is not None]
    return Comparison(above, below, gap, parts, tuple(sorted(found_flips, key=lambda flip: flip.spreads)))


def _raw(
    surface: ServedSurface, asked: Asked, found: Found, pairs: Pairs, both: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[np.float32]]:
    plan = raw_features(surface.release.plan)
    evaluator = Evaluator(plan)
    documents = asked.view.state.items.gather(found.rows[both])
    block = evaluator.derive(np.concatenate([documents, documents[-1:]]))  # a last one that is not looked at
    rows = pairs.rows.take(both)
    own = Rows(np.arange(len(both)), rows.requests, rows.request_rows, rows.candidates)
    return dict(zip(plan.columns, evaluator.evaluate(block, own), strict=True))


def _spreads(surface: ServedSurface) -> npt.NDArray[np.float64]:
    """Return how far the tenth and the ninetieth percentile of each column lie apart in training, else its extremes."""
    profile = read_profile(surface.release.folder)
    found = {}
    for row in profile.to_pylist():
        values = row["quantiles"] or [np.nan]
        low, high = (values[round(share * (len(values) - 1))] for share in _SHARES)
        found[row["column"]] = high - low if high > low else values[-1] - values[0]
    return np.array([found.get(name, np.nan) for name in surface.release.plan.columns], np.float64)
