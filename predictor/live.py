"""What the requests of a surface read: the state of this moment, and the item block with what was put since."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recall import Late
from searchrank.features.inputs import InputType

if TYPE_CHECKING:
    from searchrank.features import Evaluator
    from searchrank.features.snapshot import Snapshot
    from searchrank.state import Overlay, State, Tail

__all__ = ["Live", "View"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One moment, the same from a request's first stage to its last.

    Attributes:
        state: What is known.
        block: The item block of the snapshot, mapped; its last record is that of unknown items.
        late: Records of the same form for the items put since, by slot.
        gone: Rows of the snapshot whose items were deleted since, ascending.
    """

    state: State
    block: Records
    late: Records
    gone: Ints
    _arrivals: list[Late] = field(default_factory=list)

    def arrivals(self) -> Late:
        """Return the items put since the snapshot, for recall; worked out when it is first asked for."""
        if not self._arrivals:
            self._arrivals.append(_arrivals(self.state.items))
        return self._arrivals[0]

    def gathered(self, rows: Ints) -> tuple[Ints, Records]:
        """Return rows of items, shape (n,), as rows of records to evaluate, and these records.

        They are the block's own unless an item was put since the snapshot; then the n records are copied.
        """
        first = len(self.block)
        mine = rows >= first if len(self.late) else None
        if mine is None or not mine.any():
            return rows, self.block
        records: Records = self.block[np.minimum(rows, first - 1)]
        records[mine] = self.late[rows[mine] - first]
        return np.arange(len(rows)), records


def _arrivals(items: Overlay) -> Late:
    rows = items.first + np.arange(items.count)
    rows = rows[items.rows_of_hashes(items.hashes_of(rows)) == rows]
    records = items.records[rows - items.first]
    texts = [name for name, one in items.encoder.inputs.items() if one.type is InputType.TOKENS]
    now = items.current(items.dead_rows)
    kept = now != len(items.base)
    return Late(rows, {name: records[name] for name in texts}, items.dead_rows[kept], now[kept])


class Live:
    """The view of a release over one snapshot; ``view`` is read anywhere, ``follow`` is called by one thread."""

    def __init__(self, tail: Tail, snapshot: Snapshot, evaluator: Evaluator, block: Records) -> None:
        """Begin with what the tail knows.

        Args:
            tail: Follows the log from this snapshot.
            snapshot: Opened for the release.
            evaluator: Derives records; used by nobody else.
            block: The item block.
        """
        self.tail = tail
        self._snapshot = snapshot
        self._evaluator = evaluator
        self._block = block
        self._late = np.empty(0, block.dtype)
        self._derived = (0, 0)  # lineage and number of the slots that were derived
        self.view = self._seen(tail.state.over(snapshot))

    def follow(self) -> None:
        """Show what the tail knows by now; one assignment, so that no request sees half of it."""
        told, shown = self.tail.state, self.view.state
        if told.offset == shown.offset and len(told.history.parts) == len(shown.history.parts):
            return
        state = told.over(self._snapshot)
        # Most events change no item, and what the view derives is of items alone.
        self.view = replace(self.view, state=state) if state.items is shown.items else self._seen(state)

    def _seen(self, state: State) -> View:
        dead = state.items.dead_rows
        gone = dead[state.items.current(dead) == len(state.items.base)]
        return View(state, self._block, self._late_records(state), gone)

    def _late_records(self, state: State) -> Records:
        """Return the derived records of all slots; those of earlier views are not touched."""
        items = state.items
        lineage, done = self._derived
        if lineage != items.lineage:
            self._late, done = np.empty(0, self._late.dtype), 0
        if items.count > len(self._late):
            grown = np.empty(2 * items.count, self._late.dtype)
            grown[:done] = self._late[:done]
            self._late = grown
        if items.count > done:
            self._late[done : items.count] = self._evaluator.derive(items.records[done:])
        self._derived = (items.lineage, items.count)
        return self._late[: items.count]
