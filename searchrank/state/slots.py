"""Documents by slot: arrays that grow at their end and are shared by every overlay of one lineage."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import DataError

if TYPE_CHECKING:
    from searchrank.features.records import Encoder

__all__ = ["Documents", "Slots", "encoded"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

_LEAST: Final = 64
_ARRAYS: Final = ("records", "hashes", "revisions")
_logger = logging.getLogger("searchrank.state")


@dataclass(frozen=True, slots=True, eq=False)
class Documents:
    """Documents of distinct ids.

    Attributes:
        records: Shape (n,).
        ids: As given, (n,).
        hashes: Of the ids, (n,).
        revisions: Offset of the event that put each, (n,).
    """

    records: Records
    ids: Sequence[str]
    hashes: Ints
    revisions: Ints


@dataclass(slots=True, eq=False)
class Slots:
    """Room for documents. Slots below ``used`` never change; only the overlay that ends at ``used`` may add more.

    Attributes:
        records: Shape (room,).
        hashes: Of the ids, (room,).
        revisions: Offset of the event that put each, (room,).
        ids: As given, (used,).
        used: Slots that are taken.
    """

    records: Records
    hashes: Ints
    revisions: Ints
    ids: list[str]
    used: int

    @classmethod
    def empty(cls, encoder: Encoder) -> Slots:
        """Return slots without room."""
        return cls(encoder.missing(0), np.empty(0, np.int64), np.empty(0, np.int64), [], 0)

    def extended(self, count: int, fresh: Documents) -> Slots:
        """Return slots with further documents after the first ``count``: these, or larger ones."""
        end = count + len(fresh.ids)
        slots = self if self.used == count and end <= len(self.records) else self._grown(count, end)
        for name in _ARRAYS:
            getattr(slots, name)[count:end] = getattr(fresh, name)
        slots.ids.extend(fresh.ids)
        slots.used = end
        return slots

    def _grown(self, count: int, end: int) -> Slots:
        room = max(_LEAST, 2 * end)
        grown = Slots(
            records=np.zeros(room, self.records.dtype),
            hashes=np.empty(room, np.int64),
            revisions=np.empty(room, np.int64),
            ids=self.ids[:count],
            used=count,
        )
        for name in _ARRAYS:
            getattr(grown, name)[:count] = getattr(self, name)[:count]
        return grown

    def chosen(self, slots: Ints) -> Slots:
        """Return a copy of some of them."""
        ids = [self.ids[slot] for slot in slots.tolist()]
        return Slots(self.records[slots], self.hashes[slots], self.revisions[slots], ids, len(ids))


def encoded(encoder: Encoder, documents: pa.RecordBatch, revisions: Ints) -> tuple[Records, Ints]:
    """Encode documents; those that do not fit what is declared are left out and named in a warning.

    Args:
        encoder: Made for the inputs of items or users.
        documents: One row each; absent columns are missing.
        revisions: Offset of each, (n,), to name it by.

    Returns:
        Records and the positions of the documents that they are of.
    """
    columns = {name: documents.column(name) for name in documents.schema.names if name in encoder.inputs}
    try:
        return encoder.encode(columns, len(documents)), np.arange(len(documents))
    except DataError as error:
        if len(documents) == 1:
            _logger.warning("the document at offset %d is passed over: %s", revisions[0], error)
            return encoder.missing(0), np.empty(0, np.int64)
    half = len(documents) // 2
    first, second = (
        encoded(encoder, documents.slice(start, rows), revisions[start:])
        for start, rows in ((0, half), (half, len(documents) - half))
    )
    return np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1] + half])
