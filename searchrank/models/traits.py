"""What is compared of a row in training and while serving: one number or category for each raw input of a model.

A moment is its age, a vector its length, a list, a text or a map how many members it has, a point two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import MISSING_TIME, Input, Kind
from searchrank.features.node import InputNode

if TYPE_CHECKING:
    from searchrank.features import Plan, Rows
    from searchrank.features.node import Node

__all__ = ["REQUEST_TIME", "Measured", "Traits"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

REQUEST_TIME: Final = "request.time"
_HOUR_US: Final = 3.6e9
_AXES: Final = ("latitude", "longitude")


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What rows look like.

    Attributes:
        numbers: Shape ``(k, n)``; NaN is missing.
        categories: Shape ``(m, n)``, hashes; 0 is missing.
    """

    numbers: Floats
    categories: Ints


class Traits:
    """Measures the inputs that a plan reads; safe to share between threads.

    Attributes:
        numbers: Names of the k numbers.
        categories: Names of the m categories.
    """

    def __init__(self, plan: Plan) -> None:
        feature_set, read = plan.feature_set, _read(plan) - {REQUEST_TIME}
        inputs = [one for name, one in feature_set.inputs.items() if name in read and not one.training_only]
        self._numbers = [(one, axis) for one in inputs for axis in _axes(one)]
        self._categories = [one for one in inputs if one.kind is Kind.CATEGORY]
        encoders = (feature_set.item_encoder, feature_set.request_encoder, feature_set.candidate_encoder)
        self._part = {name: part for part, encoder in enumerate(encoders) for name in encoder.inputs}
        self.numbers = tuple(_label(one, axis) for one, axis in self._numbers)
        self.categories = tuple(one.name for one in self._categories)

    def measure(self, items: Records, rows: Rows, times: Ints) -> Measured:
        """Measure pairs of a request and an item.

        Args:
            items: Raw item records that ``rows.item_rows`` count in.
            rows: n pairs of r requests.
            times: When each request was made, ``(r,)``, microseconds since 1970 UTC.
        """
        parts = ((items, rows.item_rows), (rows.requests, rows.request_rows), (rows.candidates, slice(None)))
        numbers = np.empty((len(self._numbers), len(rows)), np.float32)
        categories = np.empty((len(self._categories), len(rows)), np.int64)
        when = times[rows.request_rows]
        for out, (item, axis) in zip(numbers, self._numbers, strict=True):
            records, at = parts[self._part[item.name]]
            out[:] = _number(item, axis, records[item.name], at, when)
        for told, item in zip(categories, self._categories, strict=True):
            records, at = parts[self._part[item.name]]
            told[:] = records[item.name][at]
        return Measured(numbers, categories)


def _read(plan: Plan) -> set[str]:
    """Return the names of the inputs that a model's columns are made of."""
    found: set[str] = set()
    waiting: list[Node] = [one.node(plan.feature_set) for one in plan.inputs]
    while waiting:
        node = waiting.pop()
        if isinstance(node, InputNode):
            found.add(node.input.name)
        waiting.extend(node.operands)
    return found


def _axes(item: Input) -> tuple[int, ...]:
    """Return which numbers are made of an input: both of a point, one of others, none of a category."""
    if item.kind is Kind.CATEGORY:
        return ()
    return (0, 1) if item.kind is Kind.POINT else (0,)


def _label(item: Input, axis: int) -> str:
    return f"{item.name} {_AXES[axis]}" if item.kind is Kind.POINT else item.name


def _number(item: Input, axis: int, cells: Any, at: Any, when: Ints) -> npt.NDArray[Any]:
    """Return one number for each pair; cells are picked before anything is worked out."""
    match item.kind:
        case Kind.TIME:
            told = cells[at]
            return np.where(told == MISSING_TIME, np.nan, (when - told) / _HOUR_US)
        case Kind.POINT:
            return np.asarray(cells[:, axis][at])
        case Kind.VECTOR:
            picked = cells[at]
            return np.asarray(np.sqrt(np.einsum("ij,ij->i", picked, picked)))
        case Kind.LIST | Kind.MAP:
            counts = cells["count"][at].astype(np.float32)
            counts[counts < 0] = np.nan
            return np.asarray(counts)
        case _:
            return np.asarray(cells[at])
