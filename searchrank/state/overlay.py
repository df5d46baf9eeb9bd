"""Items or users that changed since a snapshot: records of its layout, found before those of the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.events import DELETE_ITEM, DELETE_USER, PUT_ITEM, PUT_USER
from searchrank.features.inputs import Root
from searchrank.features.text import hash_texts
from searchrank.state.row_index import RowIndex
from searchrank.state.slots import Documents, Slots, encoded

if TYPE_CHECKING:
    from searchrank.features.catalogue import Catalogue
    from searchrank.features.records import Encoder

__all__ = ["Overlay"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

_KINDS: Final = {Root.ITEM: (PUT_ITEM, DELETE_ITEM), Root.USER: (PUT_USER, DELETE_USER)}
_MOST_GARBAGE: Final = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Documents put or deleted since a snapshot, over those of the snapshot; never changed.

    Rows are counted on from the base: 0 … n-1 are the snapshot's, n is the missing record, n + 1 + k is slot k here.
    A row is valid for one overlay and for its successors of the same ``lineage``.

    Memory: what is put takes one record of the base's layout, its id, and about 300 bytes; a document that was
    replaced is kept until as many are garbage as are current (and more than a thousand). A deleted one takes about
    60 bytes.

    Attributes:
        root: Whose documents: items or users.
        base: What they lie over.
        encoder: Encodes documents as the base's were.
        count: Number of slots, garbage among them.
        dead_rows: Base rows that were deleted or have a newer document here, ascending, (m,).
        lineage: Changes when slots are numbered anew, so that what was derived from them must be derived again.
    """

    root: Root
    base: Catalogue
    encoder: Encoder
    count: int = 0
    dead_rows: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    lineage: int = 0
    _garbage: int = 0
    _index: RowIndex = field(default_factory=RowIndex)
    _slots: Slots | None = None

    def __bool__(self) -> bool:
        """Whether anything changed since the snapshot."""
        return bool(self._index.tiers)

    @property
    def first(self) -> int:
        """Row of slot 0."""
        return len(self.base) + 1

    @property
    def records(self) -> Records:
        """The documents by slot, shape (count,), layout of the base. Read-only by agreement."""
        return self._slots.records[: self.count] if self._slots is not None else self.encoder.missing(0)

    def rows_of_hashes(self, hashes: Ints) -> Ints:
        """Return the row of each ``hash_text`` of an id, shape (n,); ``len(base)`` when it is unknown or deleted."""
        rows = self.base.rows_of_hashes(hashes)
        self._index.write(hashes, rows)
        return rows

    def rows(self, ids: Sequence[str]) -> Ints:
        """Return the row of each id, shape (n,); ``len(base)`` when it is unknown or deleted."""
        return self.rows_of_hashes(hash_texts(ids))

    def current(self, rows: Ints) -> Ints:
        """Return where the documents of base rows are now, shape (n,); ``len(base)`` when they were deleted."""
        return self.rows_of_hashes(self.base.hashes[rows]) if self else rows

    def ids_of(self, rows: Ints) -> list[str]:
        """Return the ids of rows, shape (n,); the missing record has the empty one."""
        missing, first = len(self.base), self.first
        if rows.max(initial=-1) < missing:
            known: list[str] = self.base.ids.take(pa.array(rows)).to_pylist()
            return known
        told = pa.array(np.where(rows < missing, rows, 0), mask=rows >= missing)
        ids: list[str | None] = self.base.ids.take(told).to_pylist()
        names = self._slots.ids if self._slots is not None else []
        for place in np.flatnonzero(rows >= first).tolist():
            ids[place] = names[int(rows[place]) - first]
        return [name or "" for name in ids]

    def hashes_of(self, rows: Ints) -> Ints:
        """Return ``hash_text`` of the ids of rows, shape (n,); 0 for the missing record."""
        hashes = np.zeros(len(rows), np.int64)
        known, mine = rows < len(self.base), rows >= self.first
        hashes[known] = self.base.hashes[rows[known]]
        if self._slots is not None:
            hashes[mine] = self._slots.hashes[rows[mine] - self.first]
        return hashes

    def revisions(self, rows: Ints) -> Ints:
        """Return the offset of the event that put each row's document, shape (n,); -1 for the snapshot's."""
        revisions = np.full(len(rows), -1, np.int64)
        mine = rows >= self.first
        if self._slots is not None:
            revisions[mine] = self._slots.revisions[rows[mine] - self.first]
        return revisions

    def gather(self, rows: Ints) -> Records:
        """Return a copy of the records at rows, shape (n,)."""
        records: Records = self.base.records[np.minimum(rows, len(self.base))]
        mine = rows >= self.first
        if mine.any():
            records[mine] = self.records[rows[mine] - self.first]
        return records

    def changed(self) -> Ints:
        """Return the hashes of all ids that were put or deleted since the snapshot, ascending."""
        return self._index.hashes()

    def applied(self, events: pa.RecordBatch, first: int) -> Overlay:
        """Return the overlay after further events.

        A document that does not fit what is declared is passed over with a warning: what was there stays.

        Args:
            events: In log order, columns ``kind``, ``<root>_id`` and the ``<root>.*`` inputs; absent ones are missing.
            first: Offset of the first.
        """
        changes = pc.is_in(events.column("kind"), pa.array(_KINDS[self.root]))
        changes = pc.and_(changes, pc.is_valid(events.column(f"{self.root}_id")))  # null: the person was forgotten
        told = np.flatnonzero(changes.to_numpy(zero_copy_only=False))
        if not len(told):
            return self
        part = events.take(pa.array(told))
        is_put = pc.equal(part.column("kind"), _KINDS[self.root][0]).to_numpy(zero_copy_only=False)
        documents = part.take(pa.array(np.flatnonzero(is_put)))
        records, fitting = encoded(self.encoder, documents, first + told[is_put])
        place = np.full(len(told), -1)
        place[np.flatnonzero(is_put)[fitting]] = np.arange(len(fitting))
        valid = np.flatnonzero(~is_put | (place >= 0))
        ids = part.column(f"{self.root}_id").take(pa.array(valid)).to_pylist()
        hashes = hash_texts(ids)
        _, last = np.unique(hashes[::-1], return_index=True)  # of one id only the last counts
        last = np.sort(len(hashes) - 1 - last)
        place = place[valid[last]]
        puts, gone = last[place >= 0], last[place < 0]
        fresh = Documents(
            records[place[place >= 0]], [ids[k] for k in puts.tolist()], hashes[puts], first + told[valid[puts]]
        )
        return self._without(hashes[gone])._with(fresh)  # noqa: SLF001 - the same class

    def _without(self, hashes: Ints) -> Overlay:
        return self._moved(hashes, np.full(len(hashes), len(self.base))) if len(hashes) else self

    def _with(self, fresh: Documents) -> Overlay:
        if not len(fresh.hashes):
            return self
        slots = (self._slots or Slots.empty(self.encoder)).extended(self.count, fresh)
        moved = self._moved(fresh.hashes, self.first + self.count + np.arange(len(fresh.hashes)))
        return replace(moved, count=self.count + len(fresh.hashes), _slots=slots)._tidied()  # noqa: SLF001

    def _moved(self, hashes: Ints, rows: Ints) -> Overlay:
        base = np.sort(self.base.rows_of_hashes(hashes))
        fresh = base[base < len(self.base)]
        known = np.append(self.dead_rows, -1)  # the end stands for none, and is no row
        fresh = fresh[known[np.searchsorted(self.dead_rows, fresh)] != fresh]
        left = int(np.count_nonzero(self.rows_of_hashes(hashes) >= self.first))
        return replace(
            self,
            dead_rows=np.insert(self.dead_rows, np.searchsorted(self.dead_rows, fresh), fresh),
            _garbage=self._garbage + left,
            _index=self._index.updated(hashes, rows),
        )

    def _tidied(self) -> Overlay:
        """Return itself, or a copy without the documents that were replaced when they are too many."""
        if self._slots is None or self._garbage <= max(_MOST_GARBAGE, self.count // 2):
            return self
        hashes = self._index.hashes()
        rows = self.rows_of_hashes(hashes)
        mine = rows >= self.first
        slots = self._slots.chosen(rows[mine] - self.first)
        count = int(np.count_nonzero(mine))
        rows[mine] = self.first + np.arange(count)
        index = RowIndex().updated(hashes, rows)
        return replace(self, count=count, lineage=self.lineage + 1, _garbage=0, _index=index, _slots=slots)
