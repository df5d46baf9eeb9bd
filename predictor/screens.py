"""Filters asked of a whole catalogue, so that recall looks for the best of what is left; what they say is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from searchrank.features import Rows

if TYPE_CHECKING:
    from predictor.compiled import Compiled
    from predictor.live import View
    from recall import Late
    from searchrank.state import Overlay

    Truths = npt.NDArray[np.float32]
    Records = npt.NDArray[np.void]

__all__ = ["Screen", "Screens"]

MAX_OF_ITEM: Final = 2_000_000
MAX_OF_REQUEST: Final = 200_000
MAX_PUT: Final = 20_000
MAX_BYTES: Final = 64 << 20
_ROW_SECONDS: Final = 1e-7  # a first guess, on the safe side
_PART: Final = 16_384


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
        """Return what the values of a filter say of a snapshot: 1, 0, or NaN for unknown."""
        allowed, unknown, items = truths > 0, np.isnan(truths), len(truths)
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
        now = truths[late.rows - items.first]
        allowed[dead] = False
        allowed[late.rows] = now > 0
        allowed[late.replaced] = allowed[late.now]
        asked = len(self.allowed) - len(dead) + len(late.rows)
        return Screen(allowed, self.unknown, asked, asked - kept - _count(now > 0), missing + _count(np.isnan(now)))


def _count(truths: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(truths))


class Screens:
    """The filters of one catalogue. Of items alone: the answer is kept; else what is read of the items. Thread-safe."""

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
            of_item: Largest catalogue that a filter of items alone is asked of; once.
            of_request: Largest catalogue that a filter of item and request is asked of; at every request.
            put: Most items put since the snapshot; every filter is asked of them at every request.
        """
        self._records = records[:-1]
        self._kept: OrderedDict[str, Screen | Records] = OrderedDict()
        self._most_bytes = most_bytes
        self._most = {True: of_item, False: of_request}
        self._most_put = put
        self._lock = threading.Lock()

    def seconds(self, condition: Compiled, items: Overlay) -> float | None:
        """Return a guess of how long ``ask`` takes, or None when there are too many items to be asked."""
        asked, rows = condition.expression, len(self._records)
        if not asked.is_known_beforehand or rows > self._most[asked.is_of_item] or items.count > self._most_put:
            return None
        if isinstance(self._find(condition), Screen):
            return items.count * _ROW_SECONDS
        fits = rows * condition.plan.item_block_layout.itemsize <= self._most_bytes
        return (rows + items.count) * _ROW_SECONDS if fits or asked.is_of_item else None

    def ask(self, condition: Compiled, record: Records, view: View) -> Screen:
        """Return what a filter says of every item of the catalogue, as it is now.

        Args:
            condition: The filter, for which ``seconds`` is not None.
            record: The request, shape ``(1,)``.
            view: What was put and deleted since the snapshot.
        """
        screen, items = self._of_snapshot(condition, record), view.state.items
        if not items:
            return screen
        return screen.renewed(items, view.arrivals(), _truths(condition, record, items.records))

    def _of_snapshot(self, condition: Compiled, record: Records) -> Screen:
        kept = self._find(condition)
        if isinstance(kept, Screen):
            return kept
        if condition.expression.is_of_item:
            screen = Screen.of(_truths(condition, record, self._records))
            self._keep(condition, screen)
            return screen
        if kept is None:
            kept = condition.block(self._records)
            self._keep(condition, kept)
        return Screen.of(_truths(condition, record, kept))

    def _find(self, condition: Compiled) -> Screen | Records | None:
        key = condition.expression.node.key
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, condition: Compiled, kept: Screen | Records) -> None:
        with self._lock:
            self._kept[condition.expression.node.key] = kept
            while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > self._most_bytes:
                self._kept.popitem(last=False)


def _truths(condition: Compiled, record: Records, items: Records) -> Truths:
    """Return what a filter says of every item, given by raw records or by what the filter reads of them."""
    truths = np.empty(len(items), np.float32)
    candidates = condition.plan.feature_set.candidate_encoder.missing(min(_PART, len(items)))
    for start in range(0, len(items), _PART):
        part = items[start : start + _PART]
        if part.dtype != condition.plan.item_block_layout:
            part = condition.block(part)
        n = len(part)
        rows = Rows(np.arange(n), record, np.zeros(n, np.int64), candidates[:n])
        truths[start : start + n] = condition.values(part, rows)
    return truths


def _bytes(kept: Screen | Records) -> int:
    return 2 * kept.allowed.nbytes if isinstance(kept, Screen) else kept.nbytes
