"""Documents of items or users as of any offset of the log: a snapshot's, under what was put and deleted since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.events import DELETE_ITEM, DELETE_USER, PUT_ITEM, PUT_USER
from searchrank.features import Root, hash_texts
from searchrank.features.catalogue import stored_inputs
from searchrank.features.records import Encoder
from searchrank.state.slots import encoded

if TYPE_CHECKING:
    from searchrank.events import EventLog
    from searchrank.features import FeatureSet
    from searchrank.features.catalogue import Catalogue

__all__ = ["Versions"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

_KINDS: Final = {Root.ITEM: (PUT_ITEM, DELETE_ITEM), Root.USER: (PUT_USER, DELETE_USER)}


@dataclass(frozen=True, slots=True, eq=False)
class Versions:
    """Every document that a snapshot holds or that was put after it.

    Rows are counted on from the snapshot's: 0 … n-1 are its own, n is the missing record, n + 1 + k is put k.

    Attributes:
        base: The snapshot's items or users.
        puts: Documents put since, (m,), layout of the base.
        hashes: ``hash_text`` of the ids that changed, ascending, distinct.
        changes: Place among ``hashes`` times ``width`` plus offset of each change, ascending, (k,).
        rows_after: Row from each change on, (k,).
        width: More than any offset.
    """

    base: Catalogue
    puts: Records
    hashes: Ints
    changes: Ints
    rows_after: Ints
    width: int

    @classmethod
    def read(cls, base: Catalogue, feature_set: FeatureSet, root: Root, log: EventLog, span: tuple[int, int]) -> Self:
        """Read what was put and deleted in a stretch of the log.

        Args:
            base: The items or users of a snapshot that ends there.
            feature_set: What the snapshot was opened for.
            root: Whose documents.
            log: The event log.
            span: Offset of the first event that the snapshot does not hold, and offset before which events count.
        """
        encoder = Encoder(stored_inputs(feature_set, root))
        kinds = pa.array(_KINDS[root])
        names = [name for name in ("kind", f"{root}_id", *encoder.inputs) if name in log.schema.names]
        offset, count = span[0], 0
        puts, ids, offsets, rows = [encoder.missing(0)], [], [_NONE], [_NONE]
        for batch in log.read(span[0], names, end=span[1]):
            told = np.flatnonzero(pc.is_in(batch.column("kind"), kinds).to_numpy(zero_copy_only=False))
            part = batch.take(pa.array(told))
            records, row = _documents(part, encoder, kinds[0], offset + told)
            fits = row >= -1
            ids += part.column(f"{root}_id").filter(pa.array(fits)).to_pylist()
            offsets.append((offset + told)[fits])
            rows.append(np.where(row >= 0, len(base) + 1 + count + row, len(base))[fits])
            puts.append(records)
            offset, count = offset + len(batch), count + len(records)
        changed = hash_texts(ids)
        hashes, place = np.unique(changed, return_inverse=True)
        keys = place * (offset + 1) + np.concatenate(offsets)
        order = np.argsort(keys)
        return cls(base, np.concatenate(puts), hashes, keys[order], np.concatenate(rows)[order], offset + 1)

    def rows(self, hashes: Ints, offsets: Ints) -> Ints:
        """Return the row of each ``hash_text`` of an id as events before an offset told, shapes (n,).

        An id that is unknown, or was deleted, has row ``len(base)``.
        """
        found = self.base.rows_of_hashes(hashes)
        if not len(self.changes):
            return found
        place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        last = np.searchsorted(self.changes, place * self.width + np.minimum(offsets, self.width - 1)) - 1
        changed = (self.hashes[place] == hashes) & (last >= 0) & (self.changes[last] // self.width == place)
        found[changed] = self.rows_after[last[changed]]
        return found

    def gather(self, rows: Ints) -> Records:
        """Return a copy of the documents at rows, shape (n,)."""
        records: Records = self.base.records[np.minimum(rows, len(self.base))]
        put = rows > len(self.base)
        records[put] = self.puts[rows[put] - len(self.base) - 1]
        return records


_NONE: Final[Ints] = np.empty(0, np.int64)


def _documents(events: pa.RecordBatch, encoder: Encoder, put: pa.Scalar, offsets: Ints) -> tuple[Records, Ints]:
    """Encode what was put.

    Returns:
        Records, and for each event the record it put, -1 for a deletion, -2 for a document that does not fit.
    """
    is_put = pc.equal(events.column("kind"), put).to_numpy(zero_copy_only=False)
    records, fitting = encoded(encoder, events.filter(pa.array(is_put)), offsets[is_put])
    rows = np.where(is_put, -2, -1)
    rows[np.flatnonzero(is_put)[fitting]] = np.arange(len(fitting))
    return records, rows
