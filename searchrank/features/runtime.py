"""The runtime: one evaluator per thread binds a plan to kernels and an arena, then computes any number of rows.

A hundred candidates and a training chunk take the same code; offline and online differ only in the rows handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.features.bound import BLOCK, Bound
from searchrank.features.kernels import driver
from searchrank.features.operator import Operator
from searchrank.features.plan import Plan
from searchrank.native import address, library

__all__ = ["BLOCK", "Evaluator", "Rows"]

Records = npt.NDArray[np.void]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is to be evaluated: ``n`` pairs of a request and an item.

    Attributes:
        item_rows: Row of each pair's item in the item block, ``(n,)``; the last row of the block stands for an
            unknown item.
        requests: Request records, ``(r,)`` of ``request_layout``.
        request_rows: Row of each pair's request, ``(n,)``.
        candidates: What came with each pair, ``(n,)`` of ``candidate_layout``.
    """

    item_rows: Numbers
    requests: Records
    request_rows: Numbers
    candidates: Records

    def __len__(self) -> int:
        return len(self.item_rows)

    def part(self, start: int, stop: int) -> Rows:
        """Return the pairs ``start`` to ``stop``; requests are shared."""
        cut = slice(start, stop)
        return Rows(self.item_rows[cut], self.requests, self.request_rows[cut], self.candidates[cut])

    def take(self, places: Numbers) -> Rows:
        """Return the pairs at these places; requests are shared."""
        return Rows(self.item_rows[places], self.requests, self.request_rows[places], self.candidates[places])


class Evaluator:
    """A plan bound to kernels and memory of its own. Not thread-safe: one per thread."""

    def __init__(self, plan: Plan, *, address_of: Callable[[Operator], int] | None = None) -> None:
        """Bind a plan.

        Args:
            plan: What to compute.
            address_of: Gives the machine address of an operator; by default the compiled kernel's. Tests plant
                mutants here.
        """
        self.plan = plan
        kernels = library()
        self._item = Bound(plan.item, address_of)
        self._request = Bound(plan.request, address_of)
        self._candidate = Bound(plan.candidate, address_of)
        self._scored = [(Bound(program, address_of), node.model, len(program.outputs)) for node, program in plan.scored]
        self._pairs: Bound | None = None
        self._records: Bound | None = None
        self._find = address_of
        self._outside = kernels.callable(driver.count_outside)
        self._found = np.zeros(1, np.int64)
        self._found_at = address(self._found)
        nothing = np.zeros(0, plan.item_block_layout)
        self._block: tuple[Records, int] = (nothing, 0)

    def derive(self, item_records: Records) -> Records:
        """Evaluate what depends on the item alone.

        Args:
            item_records: Raw catalogue records, ``(items + 1,)`` of ``item_layout``, the last all missing.

        Returns:
            The item block, ``(items + 1,)`` of ``plan.item_block_layout``.
        """
        self._check("items", item_records, self.plan.feature_set.item_layout)
        return self._export(self._item, item_records, address(item_records))

    def request_values(self, requests: Records) -> Records:
        """Evaluate what depends on the request alone, as ``evaluate`` reads it beside the raw inputs.

        Args:
            requests: ``(r,)`` of ``request_layout``.

        Returns:
            ``(r,)`` of ``plan.request.layout``, padding zero.
        """
        self._check("requests", requests, self.plan.feature_set.request_layout)
        return self._export(self._request, requests, address(requests))

    def evaluate(self, item_block: Records, rows: Rows) -> npt.NDArray[np.float32]:
        """Compute the model's columns.

        Args:
            item_block: What ``derive`` returned for the catalogue.
            rows: The pairs.

        Returns:
            float32 ``(columns, n)``, C-contiguous; NaN (0x7fc00000) is missing.

        Raises:
            DataError: When the rows do not fit the definitions or a row number is out of range, or a column is a
                category.
        """
        return self._matrix(item_block, rows, self._candidate)

    def evaluate_pairs(self, item_block: Records, rows: Rows) -> npt.NDArray[np.float32]:
        """Compute the model's columns, leaving out ``plan.item_only``.

        Returns:
            float32 ``(columns - item-only ones, n)``, the same bits as those rows of ``evaluate``.

        Raises:
            DataError: As ``evaluate``.
        """
        if self._pairs is None:
            self._pairs = Bound(self.plan.pairs, self._find)
        return self._matrix(item_block, rows, self._pairs)

    def _matrix(self, item_block: Records, rows: Rows, bound: Bound) -> npt.NDArray[np.float32]:
        if not self.plan.is_numeric:
            raise DataError("a column of this plan is a category; use evaluate_columns")
        out = np.empty((len(bound.program.outputs), len(rows)), np.float32)
        self._run(item_block, rows, bound, out, len(rows) * 4)
        return out

    def evaluate_columns(self, item_block: Records, rows: Rows) -> dict[str, npt.NDArray[Any]]:
        """Compute the columns by name: float32 numbers, int64 hashes of categories, int64 times.

        Raises:
            DataError: As ``evaluate``.
        """
        program = self.plan.candidate
        if self._records is None:
            self._records = Bound(program, self._find, names=self.plan.columns)
        out = np.empty(len(rows), self._records.layout)
        self._run(item_block, rows, self._records, out, 0)
        return {name: np.ascontiguousarray(out[name]) for name in self.plan.columns}

    def _run(self, item_block: Records, rows: Rows, bound: Bound, out: npt.NDArray[Any], row_bytes: int) -> None:
        sets = self.plan.feature_set
        self._check("item block", item_block, self.plan.item_block_layout)
        self._check("requests", rows.requests, sets.request_layout)
        self._check("candidates", rows.candidates, sets.candidate_layout)
        n = len(rows)
        if len(rows.request_rows) != n or len(rows.candidates) != n:
            raise DataError(f"{n} items, {len(rows.request_rows)} request rows, {len(rows.candidates)} candidates")
        if not n:
            return
        item_rows = np.ascontiguousarray(rows.item_rows, np.int64)
        request_rows = np.ascontiguousarray(rows.request_rows, np.int64)
        items_at, requests_at = address(item_rows), address(request_rows)
        self._check_range("item_rows", items_at, n, len(item_block))
        self._check_range("request_rows", requests_at, n, len(rows.requests))
        records_at = address(rows.requests)
        exports = self._export(self._request, rows.requests, records_at)
        if item_block is not self._block[0]:
            self._block = (item_block, address(item_block))
        bases = (address(rows.candidates), self._block[1], records_at, address(exports), items_at, requests_at)
        scores = self._scores(n, bases) if self._scored else None
        bound.run(n, row_bytes, (*bases, address(out), 0 if scores is None else address(scores)))

    def _scores(self, n: int, bases: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Return what the models that features read give each row, shape (n, models)."""
        scores = np.full((n, len(self._scored)), np.nan, np.float32)
        for place, (bound, model, width) in enumerate(self._scored):
            columns = np.empty((width, n), np.float32)
            bound.run(n, n * 4, (*bases, address(columns), address(scores)))
            if model is not None:
                with np.errstate(over="ignore"):
                    scores[:, place] = model.score(columns)
        scores[np.isnan(scores)] = np.nan  # one NaN alone is stored
        return scores

    def _export(self, bound: Bound, records: Records, records_at: int) -> Records:
        program = bound.program
        exports = np.zeros(len(records), program.layout)
        for key, name in program.copied.items():
            exports[key] = records[name]
        if program.outputs and len(records):
            bound.run(len(records), 0, (records_at, 0, 0, 0, 0, 0, address(exports)))
        return exports

    @staticmethod
    def _check(what: str, records: Records, layout: Any) -> None:
        if records.dtype is not layout and records.dtype != layout:
            raise DataError(f"the {what} were encoded for another feature file; encode them again", field=what)
        if not records.flags.c_contiguous:
            raise DataError(f"the {what} are not contiguous", field=what)

    def _check_range(self, what: str, numbers_at: int, n: int, limit: int) -> None:
        self._outside(numbers_at, n, limit, self._found_at)
        if self._found[0]:
            raise DataError(f"{self._found[0]} row numbers are not in 0..{limit - 1}", field=what)
