"""What rules read of each candidate, computed by one plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from searchrank.features import Evaluator, Plan, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from searchrank.features import Expression, FeatureSet

__all__ = ["Columns"]


class Columns:
    """Expressions bound to kernels; belongs to one thread."""

    def __init__(self, feature_set: FeatureSet, expressions: Mapping[str, Expression]) -> None:
        nodes = {name: expression.node for name, expression in expressions.items()}
        self._evaluator = Evaluator(Plan.of_nodes(feature_set, nodes)) if nodes else None

    def of(self, records: npt.NDArray[np.void], rows: Rows) -> dict[str, npt.NDArray[Any]]:
        """Return the value of each expression for n candidates, shape ``(n,)``.

        Args:
            records: Raw record of each candidate's item, shape ``(n,)``.
            rows: The candidates, whatever their item rows.
        """
        if self._evaluator is None:
            return {}
        own = np.arange(len(rows))
        pairs = Rows(own, rows.requests, rows.request_rows, rows.candidates)
        return self._evaluator.evaluate_columns(self._evaluator.derive(records), pairs)
