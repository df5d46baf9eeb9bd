"""An expression bound to kernels: what it reads of an item, and its value for pairs of request and item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from searchrank.features import Evaluator, Plan, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from searchrank.features import Expression, FeatureSet

    Records = npt.NDArray[np.void]

__all__ = ["Compiled"]

_IDLE: Final = 2  # evaluators of a text: the event loop's and the scoring thread's
_COLUMN: Final = "value"
_PART: Final = 16_384
T = TypeVar("T")


class Compiled:
    """One expression bound to kernels; safe to call from several threads.

    Attributes:
        expression: What it computes.
        plan: How.
    """

    def __init__(self, expression: Expression, feature_set: FeatureSet) -> None:
        self.expression = expression
        self.plan = Plan.of_nodes(feature_set, {_COLUMN: expression.node})
        self._idle: list[Evaluator] = []

    def block(self, records: Records, part: int = 65_536) -> Records:
        """Return what it reads of each item, shape ``(items,)``.

        Args:
            records: Raw catalogue records.
            part: Items computed at a time.
        """

        def derive(evaluator: Evaluator) -> Records:
            block = np.empty(len(records), self.plan.item_block_layout)
            for start in range(0, len(records), part):
                block[start : start + part] = evaluator.derive(records[start : start + part])
            return block

        return self._borrow(derive)

    def values(self, block: Records, rows: Rows) -> npt.NDArray[Any]:
        """Return its value for each pair of request and item, shape ``(n,)``: float32, or int64 of a time.

        Args:
            block: What ``block`` returned for the items.
            rows: The pairs.
        """

        def evaluate(evaluator: Evaluator) -> npt.NDArray[Any]:
            found: npt.NDArray[Any]
            if self.plan.is_numeric:
                (found,) = evaluator.evaluate(block, rows)
            else:
                found = evaluator.evaluate_columns(block, rows)[_COLUMN]
            return found

        return self._borrow(evaluate)

    def of_candidates(self, records: Records, rows: Rows) -> npt.NDArray[Any]:
        """Return its value for each candidate, shape ``(n,)``.

        Args:
            records: Raw record of each candidate's item, shape ``(n,)``.
            rows: The candidates, whatever their item rows.
        """
        own = np.arange(len(rows))
        return self.values(self.block(records), Rows(own, rows.requests, rows.request_rows, rows.candidates))

    def of_items(self, record: Records, items: Records) -> npt.NDArray[np.float32]:
        """Return its value for each item, shape ``(n,)`` float32, when nothing is known of candidates.

        Args:
            record: The request, shape ``(1,)``.
            items: Raw catalogue records, or what ``block`` made of them.
        """
        found = np.empty(len(items), np.float32)
        candidates = self.plan.feature_set.candidate_encoder.missing(min(_PART, len(items)))
        for start in range(0, len(items), _PART):
            part = items[start : start + _PART]
            if part.dtype != self.plan.item_block_layout:
                part = self.block(part)
            n = len(part)
            rows = Rows(np.arange(n), record, np.zeros(n, np.int64), candidates[:n])
            found[start : start + n] = self.values(part, rows)
        return found

    def _borrow(self, work: Callable[[Evaluator], T]) -> T:
        try:
            evaluator = self._idle.pop()
        except IndexError:
            evaluator = Evaluator(self.plan)
        result = work(evaluator)
        if len(self._idle) < _IDLE:
            self._idle.append(evaluator)
        return result
