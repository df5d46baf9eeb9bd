"""Expressions that came with a request, compiled once for each text and kept while they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from searchrank.errors import DefinitionError, RequestError
from searchrank.features import Evaluator, Expression, FeatureSet, Plan, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    Records = npt.NDArray[np.void]

__all__ = ["Compiled", "Compiler"]

MAX_CHARACTERS: Final = 2_048  # half of what a feature may have: this is compiled while others wait
MAX_KEPT: Final = 128  # texts of a surface; the one asked for longest ago goes first
_IDLE: Final = 2  # evaluators of a text: the event loop's and the scoring thread's
_COLUMN: Final = "value"
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

    def _borrow(self, work: Callable[[Evaluator], T]) -> T:
        try:
            evaluator = self._idle.pop()
        except IndexError:
            evaluator = Evaluator(self.plan)
        result = work(evaluator)
        if len(self._idle) < _IDLE:
            self._idle.append(evaluator)
        return result


class Compiler:
    """Compiles the texts of one surface's callers; used on the event loop alone."""

    def __init__(self, feature_set: FeatureSet) -> None:
        self._feature_set = feature_set
        self._kept: OrderedDict[str, Compiled] = OrderedDict()

    def compile(self, text: str, field: str, problem: Callable[[Expression], str]) -> Compiled:
        """Return what a text means.

        Args:
            text: As sent.
            field: What a refusal calls it.
            problem: Says why an expression is of no use here; empty when it is.

        Raises:
            RequestError: When it is not an expression of the surface's inputs and features, which it points at, or
                has a problem.
        """
        found = self._kept.get(text)
        expression = found.expression if found else self._parse(text, field)
        if words := problem(expression):
            raise RequestError(words, field=field)
        found = found or Compiled(expression, self._feature_set)
        self._kept[text] = found
        self._kept.move_to_end(text)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found

    def _parse(self, text: str, field: str) -> Expression:
        if len(text) > MAX_CHARACTERS:
            what = f"{len(text):,} characters, at most {MAX_CHARACTERS:,} are accepted"
            raise RequestError(what, field=field)
        try:
            return Expression.parse(text, self._feature_set, source="")
        except DefinitionError as error:
            raise RequestError(str(error), field=field) from None
