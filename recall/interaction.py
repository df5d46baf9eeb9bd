"""Who dealt with what and when: the part of the event log that behaviour indexes are built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.features.text import MISSING_HASH, hash_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["EVENT_COLUMNS", "Interactions"]

EVENT_COLUMNS: Final = ("kind", "arrival_time", "user_id", "item_id", "value")
"""The columns of the event log that are read."""

_EVENT: Final = np.dtype([("kind", "i8"), ("user", "i8"), ("row", "i8"), ("time", "i8"), ("value", "f8")])


@dataclass(frozen=True, slots=True)
class Interactions:
    """Events of some kinds about known items.

    Attributes:
        events: Shape ``(n,)``, in the order of the log, records of ``kind`` (index into ``names``), ``user``
            (hash of the id, 0 for nobody), ``row`` (of the catalogue), ``time`` (when it became known,
            microseconds since 1970, UTC) and ``value`` (NaN where there is none).
        names: The event kinds.
        end: The latest time in the log, of any kind; 0 for an empty log.
    """

    events: npt.NDArray[np.void]
    names: tuple[str, ...]
    end: int

    def __len__(self) -> int:
        return len(self.events)

    @classmethod
    def collect(
        cls,
        batches: Iterable[pa.RecordBatch],
        names: Iterable[str],
        rows: Callable[[list[str]], npt.NDArray[np.int64]],
        size: int,
    ) -> Interactions:
        """Read the events of some kinds; events about no item or an unknown one are left out.

        Args:
            batches: The log, with at least ``EVENT_COLUMNS``.
            names: Event kinds to read.
            rows: Gives the catalogue row of each item id; ``size`` or more where it is unknown.
            size: Rows in the catalogue.
        """
        kept = tuple(sorted(set(names)))
        end = 0
        parts = [np.empty(0, _EVENT)]
        for batch in batches:
            if len(batch):
                end = max(end, pc.max(batch["arrival_time"].cast(pa.int64())).as_py() or 0)
            parts.append(_events(batch, kept, rows, size))
        return cls(np.concatenate(parts), kept, end)

    def select(self, names: Sequence[str], min_value: float | None = None) -> Interactions:
        """Return the events of some kinds only.

        Args:
            names: Event kinds.
            min_value: Leave out events whose value is lower or missing; None leaves out none.
        """
        wanted = [self.names.index(name) for name in names if name in self.names]
        kept = np.isin(self.events["kind"], wanted)
        if min_value is not None:
            kept &= self.events["value"] >= min_value  # NaN is not
        return Interactions(self.events[kept], self.names, self.end)


def _events(
    batch: pa.RecordBatch,
    names: tuple[str, ...],
    rows: Callable[[list[str]], npt.NDArray[np.int64]],
    size: int,
) -> npt.NDArray[np.void]:
    kinds = pc.index_in(batch["kind"], pa.array(names, pa.string()))
    kept = pc.and_(kinds.is_valid(), batch["item_id"].is_valid())
    batch, kinds = batch.filter(kept), kinds.filter(kept)
    events = np.empty(len(batch), _EVENT)
    if len(batch):
        events["kind"] = _numbers(kinds)
        events["user"] = _through(batch["user_id"], hash_texts, MISSING_HASH)
        events["row"] = _through(batch["item_id"], rows, size)
        events["time"] = _numbers(batch["arrival_time"].cast(pa.int64()))
        events["value"] = _numbers(batch["value"].cast(pa.float64()))
    return events[(events["row"] >= 0) & (events["row"] < size)]


def _numbers(column: pa.Array) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


def _through(
    texts: pa.Array, mapping: Callable[[list[str]], npt.NDArray[np.int64]], missing: int
) -> npt.NDArray[np.int64]:
    """Map every distinct text once; a null becomes ``missing``."""
    encoded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    table = np.append(mapping(encoded.dictionary.to_pylist()), missing)
    mapped: npt.NDArray[np.int64] = table[_numbers(encoded.indices.fill_null(len(table) - 1))]
    return mapped
