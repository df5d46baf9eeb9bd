"""What the requests of a surface read: the state of this moment, and the item block with what was put since."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recall import Late
from searchrank.features.inputs import InputType

if TYPE_CHECKING:
    from predictor.block import Deriver, ItemBlock
    from searchrank.features.snapshot import Snapshot
    from searchrank.state import Overlay, State, Tail

__all__ = ["Live", "View"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One moment, the same from a request's first stage to its last.

    Attributes:
        state: What is known.
        block: The item block of the snapshot, mapped; its last item is the unknown one.
        late: The same for the items put since, by slot.
        gone: Rows of the snapshot whose items were deleted since, ascending.
    """

    state: State
    block: ItemBlock
    late: ItemBlock
    gone: Ints
    _arrivals: list[Late] = field(default_factory=list)

    def arrivals(self) -> Late:
        """Return the items put since the snapshot, for recall; worked out when it is first asked for."""
        if not self._arrivals:
            self._arrivals.append(_arrivals(self.state.items))
        return self._arrivals[0]

    def gathered(self, rows: Ints) -> tuple[Ints, ItemBlock]:
        """Return rows of items, shape (n,), as rows of a block to evaluate, and this block.

        It is the snapshot's own unless an item was put since; then the n items are copied.
        """
        first = len(self.block)
        mine = rows >= first if len(self.late) else None
        if mine is None or not mine.any():
            return rows, self.block
        items = self.block.take(np.minimum(rows, first - 1))
        items.put(mine, self.late.take(rows[mine] - first))
        return np.arange(len(rows)), items


def _arrivals(items: Overlay) -> Late:
    rows = items.first + np.arange(items.count)
    rows = rows[items.rows_of_hashes(items.hashes_of(rows)) == rows]
    records = items.records[rows - items.first]
    texts = [name for name, one in items.encoder.inputs.items() if one.type is InputType.TOKENS]
    now = items.current(items.dead_rows)
    kept = now != len(items.base)
    vectors = [name for name, one in items.encoder.inputs.items() if one.type is InputType.VECTOR]
    parts = [{name: records[name] for name in names} for names in (texts, vectors)]
    cells = {name: records[name] for name in items.encoder.inputs}
    return Late(rows, parts[0], items.dead_rows[kept], now[kept], parts[1], cells)


class Live:
    """The view of a release over one snapshot; ``view`` is read anywhere, ``follow`` is called by one thread."""

    def __init__(self, tail: Tail, snapshot: Snapshot, deriver: Deriver, block: ItemBlock) -> None:
        """Begin with what the tail knows.

        Args:
            tail: Follows the log from this snapshot.
            snapshot: Opened for the release.
            deriver: Derives items; used by nobody else.
            block: The item block.
        """
        self.tail = tail
        self._snapshot = snapshot
        self._deriver = deriver
        self._block = block
        self._late = block.empty(0)
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
        return View(state, self._block, self._late_items(state), gone)

    def _late_items(self, state: State) -> ItemBlock:
        """Return what is derived of all slots; those of earlier views are not touched."""
        items = state.items
        lineage, done = self._derived
        if lineage != items.lineage:
            self._late, done = self._block.empty(0), 0
        if items.count > len(self._late):
            grown = self._block.empty(2 * items.count)
            grown.put(slice(done), self._late.part(slice(done)))
            self._late = grown
        if items.count > done:
            self._late.put(slice(done, items.count), self._deriver.derive(items.records[done:]))
        self._derived = (items.lineage, items.count)
        return self._late.part(slice(items.count))
