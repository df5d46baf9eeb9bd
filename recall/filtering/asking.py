"""Asks a filter of items: conditions in turn, and one that costs much only of items that are undecided by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from recall.filtering.conditions import Joined, Member, Opposite, Single
from recall.filtering.members import among
from recall.filtering.truth import NO, UNKNOWN, YES, truths_of
from recall.reading import listed
from searchrank.features import Scope

if TYPE_CHECKING:
    from recall.filtering.conditions import Condition
    from recall.filtering.truth import Truths

    Records = npt.NDArray[np.void]
    Bools = npt.NDArray[np.bool_]

__all__ = ["Case", "Items", "TooManyError", "Written", "ask"]


class TooManyError(Exception):
    """A condition would have to be asked of more items than there is time for."""


class Items(Protocol):
    """What conditions are asked of."""

    def __len__(self) -> int:
        """Return the number of items."""
        ...

    def of_item(self, condition: Single) -> Truths:
        """Return what a condition that reads items alone says of each, shape ``(items,)``."""
        ...

    def members(self, field: str, wanted: npt.NDArray[np.int64]) -> Truths:
        """Return for each item whether its category is one of those with these hashes, shape ``(items,)``."""
        ...

    def of_both(self, condition: Single, record: Records, rows: npt.NDArray[np.int64] | None) -> Truths:
        """Return what any other condition says of the items at some rows, shape ``(rows,)``; None: of all.

        Raises:
            TooManyError: When these are too many.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Items by their raw records; nothing is kept of them.

    Attributes:
        records: Shape ``(n,)``, of a catalogue's layout.
    """

    records: Records

    def __len__(self) -> int:
        return len(self.records)

    def of_item(self, condition: Single) -> Truths:
        """Compute it."""
        return truths_of(condition.compiled.of_items(_no_request(condition), self.records))

    def members(self, field: str, wanted: npt.NDArray[np.int64]) -> Truths:
        """Look for each value among those that are wanted."""
        return among(self.records[field], wanted)

    def of_both(self, condition: Single, record: Records, rows: npt.NDArray[np.int64] | None) -> Truths:
        """Compute it."""
        return truths_of(condition.compiled.of_items(record, self.records if rows is None else self.records[rows]))


def _no_request(condition: Single) -> Records:
    return condition.compiled.plan.feature_set.request_encoder.missing(1)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A request, and whom it is asked of.

    Attributes:
        record: The request's inputs, shape ``(1,)``.
        items: The items.
    """

    record: Records
    items: Items


def ask(condition: Condition, asked: Case, needed: Bools | None = None) -> Truths:
    """Return what a filter says of each item, shape ``(items,)``.

    Args:
        condition: The filter.
        asked: Request and items.
        needed: Shape ``(items,)``, the items of which it is wanted, any other truth will do; None: all.

    Raises:
        TooManyError: When a condition would have to be asked of too many.
    """
    match condition:
        case Joined(parts, every):
            return _joined(parts, asked, needed, every=every)
        case Opposite(part):
            return YES - ask(part, asked, needed)
        case Member(field, listing):
            return _members(field, asked.record[listing][0], asked.items)
        case Single(scope=Scope.REQUEST):
            return np.full(len(asked.items), _of_request(condition, asked.record), np.uint8)
        case Single(scope=Scope.ITEM):
            return asked.items.of_item(condition)
        case Single():
            return _of_both(condition, asked, needed)


def _joined(parts: tuple[Condition, ...], asked: Case, needed: Bools | None, *, every: bool) -> Truths:
    settled, join = (NO, np.minimum) if every else (YES, np.maximum)
    found = ask(parts[0], asked, needed)
    for part in parts[1:]:
        open_ = found != settled
        if needed is not None:
            open_ &= needed
        found = join(found, ask(part, asked, open_))
    return found


def _members(field: str, cell: npt.NDArray[np.void], items: Items) -> Truths:
    if cell["count"] < 0:
        return np.full(len(items), UNKNOWN, np.uint8)
    return items.members(field, listed(cell))


def _of_request(condition: Single, record: Records) -> np.uint8:
    nothing = condition.compiled.plan.feature_set.item_encoder.missing(1)
    return np.uint8(truths_of(condition.compiled.of_items(record, nothing))[0])


def _of_both(condition: Single, asked: Case, needed: Bools | None) -> Truths:
    if needed is None:
        return asked.items.of_both(condition, asked.record, None)
    rows = np.flatnonzero(needed)
    found = np.full(len(asked.items), UNKNOWN, np.uint8)
    found[rows] = asked.items.of_both(condition, asked.record, rows)
    return found
