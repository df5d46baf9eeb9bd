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

    Records = npt.NDArray[np.void]

__all__ = ["Screen", "Screens"]

MAX_OF_ITEM: Final = 2_000_000
MAX_OF_REQUEST: Final = 200_000
MAX_BYTES: Final = 64 << 20
_ROW_SECONDS: Final = 1e-7  # a first guess, on the safe side
_PART: Final = 16_384


@dataclass(frozen=True, slots=True)
class Screen:
    """What a filter says of a whole catalogue.

    Attributes:
        allowed: Shape ``(items,)``, where it is true.
        missing: How many items it is unknown of.
    """

    allowed: npt.NDArray[np.bool_]
    missing: int

    @classmethod
    def of(cls, truths: npt.NDArray[np.float32]) -> Screen:
        """Return what the values of a filter say: 1, 0, or NaN for unknown."""
        return cls(truths > 0, int(np.count_nonzero(np.isnan(truths))))


class Screens:
    """The filters of one catalogue. Of items alone: the answer is kept; else what is read of the items. Thread-safe."""

    def __init__(
        self,
        records: Records,
        *,
        most_bytes: int = MAX_BYTES,
        of_item: int = MAX_OF_ITEM,
        of_request: int = MAX_OF_REQUEST,
    ) -> None:
        """Keep nothing yet.

        Args:
            records: The catalogue's raw records, the last one all missing.
            most_bytes: Memory to use; what was asked for longest ago goes first.
            of_item: Largest catalogue that a filter of items alone is asked of; once.
            of_request: Largest catalogue that a filter of item and request is asked of; at every request.
        """
        self._records = records[:-1]
        self._kept: OrderedDict[str, Screen | Records] = OrderedDict()
        self._most_bytes = most_bytes
        self._most = {True: of_item, False: of_request}
        self._lock = threading.Lock()

    def seconds(self, condition: Compiled) -> float | None:
        """Return a guess of how long ``ask`` takes, or None when the catalogue is too large to be asked."""
        asked, items = condition.expression, len(self._records)
        if not asked.is_known_beforehand or items > self._most[asked.is_of_item]:
            return None
        if isinstance(self._find(condition), Screen):
            return 0.0
        fits = items * condition.plan.item_block_layout.itemsize <= self._most_bytes
        return items * _ROW_SECONDS if fits or asked.is_of_item else None

    def ask(self, condition: Compiled, record: Records) -> Screen:
        """Return what a filter says of every item.

        Args:
            condition: The filter, for which ``seconds`` is not None.
            record: The request, shape ``(1,)``.
        """
        kept = self._find(condition)
        if isinstance(kept, Screen):
            return kept
        if condition.expression.is_of_item:
            screen = self._ask(condition, record, None)
            self._keep(condition, screen)
            return screen
        if kept is None:
            kept = condition.block(self._records)
            self._keep(condition, kept)
        return self._ask(condition, record, kept)

    def _ask(self, condition: Compiled, record: Records, block: Records | None) -> Screen:
        items = len(self._records)
        truths = np.empty(items, np.float32)
        candidates = condition.plan.feature_set.candidate_encoder.missing(min(_PART, items))
        for start in range(0, items, _PART):
            stop = min(start + _PART, items)
            part = condition.block(self._records[start:stop]) if block is None else block[start:stop]
            n = stop - start
            rows = Rows(np.arange(n), record, np.zeros(n, np.int64), candidates[:n])
            truths[start:stop] = condition.values(part, rows)
        return Screen.of(truths)

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


def _bytes(kept: Screen | Records) -> int:
    return kept.allowed.nbytes if isinstance(kept, Screen) else kept.nbytes
