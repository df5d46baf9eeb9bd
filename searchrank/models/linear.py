"""A weighted sum: the smallest model, for baselines, hand-set rankings and tests."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.models.scorer import check_columns

__all__ = ["Linear"]


@dataclass(frozen=True, slots=True)
class Linear:
    """``bias + w[0] * x[0] + w[1] * x[1] + …``, added in that order in float64; a missing value adds nothing.

    Attributes:
        weights: One finite number per model input.
        bias: Score of a row of which nothing is known.

    Example:
        >>> Linear((2.0, -1.0), 0.5).score(np.array([[1.0], [np.nan]], dtype=np.float32)).tolist()
        [2.5]
    """

    weights: tuple[float, ...]
    bias: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Linear:
        """Read ``{"weights": [2.0, -1.0], "bias": 0.5}``.

        Raises:
            DataError: When the text is no such JSON or a number is not finite.
        """
        try:
            content = json.loads(text)
            found = cls(tuple(float(w) for w in content["weights"]), float(content.get("bias", 0.0)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f'expected {{"weights": [number, …], "bias": number}}: {error!r}', field="model") from error
        if not all(map(math.isfinite, (*found.weights, found.bias))):
            raise DataError("weights and bias must be finite", field="model")
        return found

    def to_text(self) -> str:
        """Write what ``parse`` reads."""
        return json.dumps({"weights": list(self.weights), "bias": self.bias})

    def score(self, columns: npt.NDArray[np.float32], trees: int | None = None) -> npt.NDArray[np.float64]:  # noqa: ARG002 there are none
        """Score all rows; see ``Scorer``."""
        check_columns(columns, len(self.weights))
        result = np.full(columns.shape[1], self.bias)
        for weight, column in zip(self.weights, columns, strict=True):
            result += np.where(np.isnan(column), 0.0, weight * column.astype(np.float64))
        return result

    def contributions(self, columns: npt.NDArray[np.float32], row: int) -> npt.NDArray[np.float64]:
        """Give each product, and last the bias; see ``Scorer``.

        Raises:
            DataError: When there is no such row.
        """
        check_columns(columns, len(self.weights))
        if not 0 <= row < columns.shape[1]:
            raise DataError(f"row {row} does not exist, there are {columns.shape[1]}")
        values = columns[:, row].astype(np.float64)
        return np.append(np.where(np.isnan(values), 0.0, np.array(self.weights) * values), self.bias)
