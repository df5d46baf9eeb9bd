"""Logistic regression learnt online, one request after the other, by FTRL-proximal (McMahan et al., KDD 2013).

The light model: a weighted sum of the inputs, served as ``Linear``. Inputs are divided by their standard deviation and
not centred, and a missing value adds nothing, so that the sum learnt is the sum served. How much a place in the list
adds to being chosen, beside the first place, is learnt with it and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt, ValidationError

from searchrank.errors import ConfigError, DataError
from searchrank.models import Linear

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trainer.boosting import Lists

__all__ = ["LogisticModel", "LogisticSettings", "regress"]

Floats = npt.NDArray[np.float64]

_PLACES: Final = 200  # places further down count as this one
_LIMIT: Final = 30.0  # of a score: its probability is 1 within 1e-13


class LogisticSettings(BaseModel):
    """``params:`` of a ``logistic`` model.

    Attributes:
        alpha: Learning rate of each weight at first.
        beta: Keeps the first steps small.
        l1: Weights that bring less are 0.
        l2: Pulls weights towards 0.
        epochs: Passes over the log, each by time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    alpha: FiniteFloat = Field(default=0.5, gt=0, le=10)
    beta: FiniteFloat = Field(default=1.0, gt=0)
    l1: FiniteFloat = Field(default=0.0, ge=0)
    l2: FiniteFloat = Field(default=1.0, ge=0)
    epochs: PositiveInt = 1

    @classmethod
    def of(cls, params: Mapping[str, object]) -> Self:
        """Read what a project says.

        Raises:
            ConfigError: When a name is unknown or a value out of range.
        """
        for name in params:
            if name not in cls.model_fields:
                near = get_close_matches(name, cls.model_fields, 1) or list(cls.model_fields)
                raise ConfigError(
                    f"logistic has no parameter {name!r}; did you mean: {', '.join(near)}", field="params"
                )
        try:
            return cls.model_validate(dict(params))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in ("params", *first["loc"]))
            raise ConfigError(f"logistic: {first['msg']}", field=place) from None


@dataclass(frozen=True, slots=True, eq=False)
class LogisticModel:
    """A learnt weighted sum; see ``trainer.learnt.Learnt``.

    Attributes:
        linear: The sum.
        parameters: What it was learnt with.
        scorer: Its kind in a release.
        trees: It has none.
    """

    linear: Linear
    parameters: dict[str, object]
    scorer: str = "linear"
    trees: int = 0

    @property
    def content(self) -> str:
        """The text of the sum."""
        return self.linear.to_text()

    def score(self, matrix: Any) -> Floats:
        """Return scores, shape (n,), of a matrix (n, f)."""
        return self.linear.score(np.ascontiguousarray(matrix.T, np.float32))


@dataclass(slots=True, eq=False)
class _Ftrl:
    """State of each weight: ``z`` and ``n`` of the paper."""

    settings: LogisticSettings
    z: Floats
    n: Floats

    def weights(self) -> Floats:
        """Return the weights that the state stands for."""
        one = self.settings
        shrunk = np.sign(self.z) * one.l1 - self.z
        found = shrunk / ((one.beta + np.sqrt(self.n)) / one.alpha + one.l2)
        return np.where(np.abs(self.z) <= one.l1, 0.0, found)

    def step(self, weights: Floats, gradient: Floats) -> None:
        """Take a gradient into account that was found at these weights."""
        squares = self.n + gradient * gradient
        self.z += gradient - (np.sqrt(squares) - np.sqrt(self.n)) / self.settings.alpha * weights
        self.n = squares


def regress(
    train: Lists,
    settings: LogisticSettings,
    *,
    categorical: Sequence[int] = (),
    progress: Callable[[int, int], None] | None = None,
) -> LogisticModel:
    """Learn whether a row is relevant, list after list in their order.

    Args:
        train: Rows; a grade above 0 is relevant.
        settings: How.
        categorical: Columns that hold codes, which a weighted sum cannot read.
        progress: Called with (passes done, passes asked for).

    Raises:
        ConfigError: When a column holds codes.
        DataError: When a column holds an infinite number.
    """
    if len(categorical):
        raise ConfigError("a weighted sum reads no categories; leave them out, or make numbers of them", field="inputs")
    rows = np.asarray(train.matrix, np.float64)
    if np.isinf(rows).any():
        raise DataError("an input is infinite somewhere; clip it", field="inputs")
    known = np.where(np.isnan(rows), 0.0, rows)
    spread = np.array([_spread(column[~np.isnan(column)]) for column in rows.T])
    width, bounds = rows.shape[1], np.concatenate([[0], np.cumsum(train.sizes)])
    places = np.zeros(len(rows), np.int64) if train.positions is None else np.minimum(train.positions, _PLACES - 1)
    scaled, wanted = np.column_stack([known / spread, np.ones(len(rows))]), train.labels > 0
    state = _Ftrl(settings, np.zeros(width + 1 + _PLACES), np.zeros(width + 1 + _PLACES))
    for epoch in range(settings.epochs):
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            _learn(state, scaled[first:last], places[first:last], wanted[first:last])
        if progress is not None:
            progress(epoch + 1, settings.epochs)
    weights = state.weights()
    linear = Linear(tuple((weights[:width] / spread).tolist()), float(weights[width]))
    return LogisticModel(linear, settings.model_dump(mode="json"))


def _learn(state: _Ftrl, rows: Floats, places: npt.NDArray[np.int64], wanted: npt.NDArray[np.bool_]) -> None:
    """Learn from one list; the gradient is the sum over its rows."""
    weights, width = state.weights(), rows.shape[1]
    scores = rows @ weights[:width] + weights[width + places]
    wrong = 1 / (1 + np.exp(-np.clip(scores, -_LIMIT, _LIMIT))) - wanted
    by_place = np.bincount(places, wrong, minlength=_PLACES)
    by_place[0] = 0.0  # the bias is that of the first place
    gradient = np.concatenate([rows.T @ wrong, by_place])
    state.step(weights, gradient)


def _spread(values: Floats) -> float:
    found = float(values.std()) if len(values) else 0.0
    return found if found > 0 else 1.0
