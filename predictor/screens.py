"""Filters asked of a whole catalogue, so that recall looks for the best of what is left; what they say is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt

from recall.filtering import UNKNOWN, YES, Case, Members, Single, TooManyError, Written, ask, conditions, leaves
from searchrank.features import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from predictor.live import View
    from recall import Late
    from recall.filtering import Compiled, Condition, Items, Member, Truths
    from searchrank.state import Overlay

    Records = npt.NDArray[np.void]

__all__ = ["Screen", "Screens"]

MAX_OF_ITEM: Final = 2_000_000
MAX_OF_REQUEST: Final = 200_000
MAX_PUT: Final = 20_000
MAX_BYTES: Final = 64 << 20
_ROW_SECONDS: Final = 1e-7  # a first guess, on the safe side
_LOOKED_UP_SECONDS: Final = 2e-9
_NUMBERED_SECONDS: Final = 6e-8
_TAKEN_APART_BYTES: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Screen:
    """What a filter says of a whole catalogue.

    Attributes:
        allowed: Shape ``(rows,)``, where it is true; rows of items put since the snapshot follow those of the snapshot.
        unknown: Shape ``(rows of the snapshot,)``, where a value is missing.
        items: How many items it was asked of.
        removed: Of how many it is not true.
        missing: Of how many of these it is unknown.
    """

    allowed: npt.NDArray[np.bool_]
    unknown: npt.NDArray[np.bool_]
    items: int
    removed: int
    missing: int

    @classmethod
    def of(cls, truths: Truths) -> Screen:
        """Return what a filter says of a snapshot."""
        allowed, unknown, items = truths == YES, truths == UNKNOWN, len(truths)
        return cls(allowed, unknown, items, items - _count(allowed), _count(unknown))

    def renewed(self, items: Overlay, late: Late, truths: Truths) -> Screen:
        """Return the same with what was put and deleted since.

        Args:
            items: What that is.
            late: The same as recall sees it; items put again are looked for by the rows they had.
            truths: What the filter says of each slot of ``items``.
        """
        dead = items.dead_rows
        allowed = np.zeros(items.first + items.count, np.bool_)
        allowed[: len(self.allowed)] = self.allowed
        kept = _count(self.allowed) - _count(self.allowed[dead])
        missing = self.missing - _count(self.unknown[dead])
        now = Screen.of(truths[late.rows - items.first])
        allowed[dead] = False
        allowed[late.rows] = now.allowed
        allowed[late.replaced] = allowed[late.now]
        asked = len(self.allowed) - len(dead) + len(late.rows)
        return Screen(allowed, self.unknown, asked, asked - kept - _count(now.allowed), missing + now.missing)


def _count(truths: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(truths))


class Screens:
    """The filters of one catalogue; what they say of items alone is kept, else what is read of items. Thread-safe."""

    def __init__(
        self,
        records: Records,
        *,
        most_bytes: int = MAX_BYTES,
        of_item: int = MAX_OF_ITEM,
        of_request: int = MAX_OF_REQUEST,
        put: int = MAX_PUT,
    ) -> None:
        """Keep nothing yet.

        Args:
            records: The catalogue's raw records, the last one all missing.
            most_bytes: Memory to use; what was asked for longest ago goes first.
            of_item: Largest catalogue that is asked conditions of items alone, once, and whether a list of the request
                holds what an item has.
            of_request: Most items that any other condition of item and request is asked of, at every request.
            put: Most items put since the snapshot; every filter is asked of them at every request.
        """
        self._records = records[:-1]
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._most_bytes = most_bytes
        self._most = of_item
        self._most_of_request = of_request
        self._most_put = put
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of items of the snapshot."""
        return len(self._records)

    def seconds(self, condition: Compiled, items: Overlay) -> float | None:
        """Return a guess of how long ``ask`` takes, or None when there are too many items to be asked."""
        asked, rows = condition.expression, len(self)
        if not asked.is_known_beforehand or rows > self._most or items.count > self._most_put:
            return None
        late = items.count * _ROW_SECONDS
        if asked.is_of_item:
            return late if self._find("screen", asked.node.key) else late + rows * _ROW_SECONDS
        parts = self._taken_apart(condition)
        if isinstance(parts, Single) and rows > self._most_of_request:
            return None
        return late + sum(map(self._cost, leaves(parts)))

    def ask(self, condition: Compiled, record: Records, view: View) -> Screen | None:
        """Return what a filter says of every item of the catalogue, as it is now; None: too many had to be asked.

        Args:
            condition: The filter, for which ``seconds`` is not None.
            record: The request, shape ``(1,)``.
            view: What was put and deleted since the snapshot.
        """
        try:
            screen, items = self._of_snapshot(condition, record), view.state.items
        except TooManyError:
            return None
        if not items:
            return screen
        late = ask(self._taken_apart(condition), Case(record, Written(items.records)))
        return screen.renewed(items, view.arrivals(), late)

    def of_item(self, condition: Single) -> Truths:
        """Return what a condition of items alone says of each, asked once."""
        return cast("Truths", self._once("truths", condition.key, lambda: Written(self._records).of_item(condition)))

    def members(self, field: str, wanted: npt.NDArray[np.int64]) -> Truths:
        """Return for each item whether its category is wanted, by the numbers of the values."""
        return self._numbered(field).truths(wanted)

    def of_both(self, condition: Single, record: Records, rows: npt.NDArray[np.int64] | None) -> Truths:
        """Return what a condition says of the items at some rows; None: of all.

        Raises:
            TooManyError: When these are too many.
        """
        if (len(self) if rows is None else len(rows)) > self._most_of_request:
            raise TooManyError
        return Written(self._read(condition)).of_both(condition, record, rows)

    def _of_snapshot(self, condition: Compiled, record: Records) -> Screen:
        def asked_of(items: Items) -> Screen:
            return Screen.of(ask(self._taken_apart(condition), Case(record, items)))

        expression = condition.expression
        if not expression.is_of_item:
            return asked_of(self)
        screen = self._once("screen", expression.node.key, lambda: asked_of(Written(self._records)))
        return cast("Screen", screen)

    def _taken_apart(self, condition: Compiled) -> Condition:
        return cast("Condition", self._once("parts", condition.expression.node.key, lambda: conditions(condition)))

    def _numbered(self, field: str) -> Members:
        return cast("Members", self._once("members", field, lambda: Members(self._records[field])))

    def _read(self, condition: Single) -> Records:
        """Return what a condition reads of the items; where that is too much to be kept, their raw records."""
        if len(self) * condition.compiled.plan.item_block_layout.itemsize > self._most_bytes:
            return self._records
        block = self._once("block", condition.key, lambda: condition.compiled.block(self._records))
        return cast("Records", block)

    def _cost(self, leaf: Single | Member) -> float:
        rows = len(self)
        if not isinstance(leaf, Single):
            return rows * (_LOOKED_UP_SECONDS if self._find("members", leaf.field) else _NUMBERED_SECONDS)
        if leaf.scope is Scope.ITEM and self._find("truths", leaf.key) is None:
            return rows * _ROW_SECONDS
        return min(rows, self._most_of_request) * _ROW_SECONDS if leaf.scope is Scope.CANDIDATE else 0.0

    def _find(self, kind: str, name: str) -> Any | None:
        with self._lock:
            found = self._kept.get((kind, name))
            if found is not None:
                self._kept.move_to_end((kind, name))
            return found

    def _once(self, kind: str, name: str, make: Callable[[], Any]) -> Any:
        found = self._find(kind, name)
        if found is not None:
            return found
        found = make()
        with self._lock:
            self._kept[kind, name] = found
            while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > self._most_bytes:
                self._kept.popitem(last=False)
        return found


def _bytes(kept: Any) -> int:
    if isinstance(kept, Screen):
        return 2 * kept.allowed.nbytes
    return kept.nbytes if isinstance(kept, Members | np.ndarray) else _TAKEN_APART_BYTES
