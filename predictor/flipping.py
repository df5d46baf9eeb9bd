"""The smallest change of one feature that turns the order of two candidates around."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from predictor.comparison import ABOVE, BELOW, BOTH, Flip
from searchrank.features import Evaluator, FeatureSet, FittedInput, Plan, Rows
from searchrank.features.inputs import Kind
from searchrank.features.node import Scope
from searchrank.models import turning_points

if TYPE_CHECKING:
    from searchrank.features.transforms import Step
    from searchrank.models.scorer import Scorer

__all__ = ["Flips", "Pair", "raw_features"]

Floats = npt.NDArray[np.float32]
Steps = tuple["Step", ...]

_PROBE: Final = FeatureSet.parse("inputs: {candidate.probe: {type: float}}\nfeatures: {probe: candidate.probe * 1}")
_ULPS: Final = 4
_ROWS: Final = {ABOVE: (0,), BELOW: (1,), BOTH: (0, 1)}


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two candidates, the one that ranks above first.

    Attributes:
        columns: Shape ``(f, 2)``, what the model read.
        raw: Values of features by name, shape ``(2,)``, before any transform.
        scores: Shape ``(2,)``.
        ties_flip: Whether the second comes first when scores are equal.
    """

    columns: Floats
    raw: dict[str, Floats]
    scores: npt.NDArray[np.float64]
    ties_flip: bool


class Flips:
    """Looks for flips in one model."""

    def __init__(self, plan: Plan, scorer: Scorer, spreads: npt.NDArray[np.float64]) -> None:
        """Hold a model.

        Args:
            plan: Computes its columns.
            scorer: Scores them.
            spreads: Shape ``(f,)``, how widely the values of each column lie in training; NaN: unknown.
        """
        self._plan = plan
        self._scorer = scorer
        self._spreads = spreads
        self.columns: dict[str, list[int]] = defaultdict(list)
        for place, item in enumerate(plan.inputs):
            self.columns[item.feature].append(place)

    def of(self, feature: str, pair: Pair) -> Flip | None:
        """Return the smallest change of a feature that turns the order around; None: no value does."""
        of_request = self._plan.feature_set.features[feature].scope is Scope.REQUEST
        sides = (BOTH,) if of_request else (ABOVE, BELOW)
        found = [flip for side in sides if (flip := self._nearest(feature, pair, side)) is not None]
        return min(found, key=lambda flip: (flip.spreads, abs(flip.after - flip.before)), default=None)

    def _nearest(self, feature: str, pair: Pair, side: str) -> Flip | None:
        places = self.columns[feature]
        row = _ROWS[side][0]
        is_code = any(self._plan.inputs[place].categorical for place in places)
        before = float(pair.columns[places[0], row] if is_code else pair.raw[feature][row])
        values = self._tried(places, pair, row, before, is_code=is_code)
        if not len(values):
            return None
        columns = {
            place: values if is_code else _transformed(self._plan.inputs[place].steps, values) for place in places
        }
        flipped = np.flatnonzero(self._turns(pair, side, columns))
        if not len(flipped):
            return None
        distances = np.abs(values[flipped].astype(np.float64) - (0.0 if np.isnan(before) else before))
        at = int(flipped[np.argmin(distances)])
        moved = [self._distance(place, float(pair.columns[place, row]), float(columns[place][at])) for place in places]
        return Flip(feature, side, before, float(values[at]), is_code, max(moved))

    def _tried(self, places: list[int], pair: Pair, row: int, before: float, *, is_code: bool) -> Floats:
        """Return values of a feature that are worth trying."""
        gap = float(abs(pair.scores[0] - pair.scores[1]))
        found = []
        for place in places:
            steps = () if is_code else self._plan.inputs[place].steps
            points = turning_points(self._scorer, place, float(pair.columns[place, row]), gap)
            found.append(points if not steps else _beside(_undone(steps, points.astype(np.float64))))
        values: Floats = np.unique(np.concatenate(found))
        other: Floats = values[np.isfinite(values) & (values != np.float32(before))]
        return other

    def _turns(self, pair: Pair, side: str, columns: dict[int, Floats]) -> npt.NDArray[np.bool_]:
        count = len(next(iter(columns.values())))
        scores = []
        for row in (0, 1):
            if row not in _ROWS[side]:
                scores.append(np.full(count, pair.scores[row]))
                continue
            table = np.repeat(pair.columns[:, row : row + 1], count, axis=1)
            for place, values in columns.items():
                table[place] = values
            scores.append(self._scorer.score(np.ascontiguousarray(table)))
        first, second = scores
        turned: npt.NDArray[np.bool_] = (second >= first) if pair.ties_flip else (second > first)
        return turned

    def _distance(self, place: int, before: float, after: float) -> float:
        spread = self._spreads[place]
        if np.isnan(before) or not spread > 0:
            return float("inf")
        return abs(after - before) / float(spread)


def _undone(steps: Steps, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return feature values near which transforms give these values; a bucket is reached at its edges."""
    for name, parameters in reversed(steps):
        if name == "standardize":
            mean, scale = parameters
            values = values * float(scale) + float(mean)  # type: ignore[arg-type]
        elif name == "bucketize":
            values = np.array(parameters[0], np.float64)
    return values


def _beside(values: npt.NDArray[np.float64]) -> Floats:
    """Return values with their neighbours, since a transform rounds."""
    with np.errstate(over="ignore"):
        below = above = values.astype(np.float32)
    found = [below]
    for _ in range(_ULPS):
        below, above = np.nextafter(below, np.float32(-np.inf)), np.nextafter(above, np.float32(np.inf))
        found += [below, above]
    beside: Floats = np.concatenate(found)
    return beside


def _transformed(steps: Steps, values: Floats) -> Floats:
    """Return what the model reads for these values of a feature, by the kernels that serve."""
    if not steps:
        return values
    plan = Plan.compile(_PROBE, (FittedInput("probe", "probe", steps),))
    evaluator, n = Evaluator(plan), len(values)
    items = evaluator.derive(np.zeros(1, _PROBE.item_layout))
    candidates = _PROBE.candidate_encoder.encode({"candidate.probe": values.astype(np.float64)}, n)
    nothing = np.zeros(n, np.int64)
    found: Floats = evaluator.evaluate(items, Rows(nothing, _PROBE.request_encoder.missing(1), nothing, candidates))[0]
    return found


def raw_features(plan: Plan) -> Plan:
    """Return the plan that computes the features of another as numbers, before any transform."""
    numbers = [name for name, made in plan.feature_set.features.items() if made.kind is Kind.NUMBER]
    used = {item.feature for item in plan.inputs}
    return Plan.compile(plan.feature_set, tuple(FittedInput(name, name, ()) for name in numbers if name in used))
