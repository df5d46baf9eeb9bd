"""Events as columns of integers: what statistics are counted from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from searchrank.features.text import MISSING_HASH, hash_text, normalize

__all__ = ["EVENT_COLUMNS", "EventColumns", "query_hash"]

Ints = npt.NDArray[np.int64]


def query_hash(text: str | None) -> int:
    """Return the identity under which a query's statistics are kept; 0 when there is no query.

    Example:
        >>> query_hash("Hot  Pot") == query_hash("hot pot"), query_hash("  ")
        (True, 0)
    """
    normal = normalize(text) if text else ""
    return hash_text(normal) if normal else MISSING_HASH


def _id_hash(text: str | None) -> int:
    return hash_text(text) if text else MISSING_HASH


@dataclass(frozen=True, slots=True, eq=False)
class EventColumns:
    """Events by ascending known time; of one time in the order of the log.

    Attributes:
        kinds: Names of the kinds.
        kind: Position in ``kinds``, int32 (n,).
        known_time: When the platform learnt of it: its arrival, microseconds since 1970 UTC, (n,).
        user: Hash of the user's id, (n,); 0: none.
        item: Hash of the item's id, (n,); 0: none.
        query: ``query_hash``, (n,); 0: none.
        value: float64 (n,); NaN: none.
    """

    kinds: tuple[str, ...]
    kind: npt.NDArray[np.int32]
    known_time: Ints
    user: Ints
    item: Ints
    query: Ints
    value: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.known_time)

    @classmethod
    def from_table(cls, table: pa.Table) -> EventColumns:
        """Read events of the event log's schema; see ``from_batches``."""
        return cls.from_batches(table.to_batches())

    @classmethod
    def from_batches(cls, batches: Iterable[pa.RecordBatch]) -> EventColumns:
        """Read events in log order, one batch after the other.

        Args:
            batches: Columns ``kind``, ``event_time``, ``arrival_time``, ``user_id``, ``item_id``, ``query``,
                ``value``; others are not looked at, absent ones are missing throughout. The known time is the
                arrival time, or the event time where that is missing.

        Raises:
            DataError: When an event has no kind or no time, or a column has the wrong type.
        """
        codes: dict[str, int] = {}
        parts = [_read(batch, codes) for batch in batches]
        columns = {
            name: np.concatenate([np.empty(0, kind), *(part.pop(name) for part in parts)], dtype=kind)
            for name, kind in _TYPES.items()
        }
        events = cls(tuple(codes), **columns)
        return events if _ascending(events.known_time) else events.take(np.argsort(events.known_time, kind="stable"))

    def take(self, rows: npt.NDArray[np.integer] | slice) -> EventColumns:
        """Return some events; the order must stay by known time."""
        columns = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "kinds"}
        return replace(self, **columns)

    def before(self, time: int) -> EventColumns:
        """Return the events known strictly before a time (views, no copies)."""
        return self.take(slice(0, int(np.searchsorted(self.known_time, time, side="left"))))


EVENT_COLUMNS: Final = ("kind", "event_time", "arrival_time", "user_id", "item_id", "query", "value")
"""What is read of the event log; pass it to the log, so that other columns are not."""

_TYPES: Final[dict[str, type[np.generic]]] = {
    "kind": np.int32,
    "known_time": np.int64,
    "user": np.int64,
    "item": np.int64,
    "query": np.int64,
    "value": np.float64,
}


def _ascending(times: Ints) -> bool:
    return bool(np.all(times[1:] >= times[:-1]))


def _read(batch: pa.RecordBatch, codes: dict[str, int]) -> dict[str, npt.NDArray[np.generic]]:
    value = _column(batch, "value", pa.float64()).to_numpy(zero_copy_only=False)
    return {
        "kind": _coded(_column(batch, "kind", pa.string()), lambda text: _code(text, codes)).astype(np.int32),
        "known_time": _known_time(batch),
        "user": _coded(_column(batch, "user_id", pa.string()), _id_hash),
        "item": _coded(_column(batch, "item_id", pa.string()), _id_hash),
        "query": _coded(_column(batch, "query", pa.string()), query_hash),
        "value": value.astype(np.float64),
    }


def _code(kind: str | None, codes: dict[str, int]) -> int:
    if not kind:
        raise DataError("an event has no kind", field="kind")
    return codes.setdefault(kind, len(codes))


def _column(batch: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    if name not in batch.schema.names:
        return pa.nulls(len(batch), kind)
    column = batch.column(name)
    try:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return column if column.type == kind else column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"expected {kind}, got {column.type}: {error}", field=name) from None


def _coded(texts: pa.Array, code: Callable[[str | None], int]) -> Ints:
    """Return the code of every text, computed once for each distinct one."""
    encoded = texts.dictionary_encode()
    absent = [code(None)] if texts.null_count else []
    table = np.array([code(text) for text in encoded.dictionary.to_pylist()] + absent, np.int64)
    places: Ints = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    return table[places]


def _known_time(batch: pa.RecordBatch) -> Ints:
    event_time, arrival_time = (_times(batch, name) for name in ("event_time", "arrival_time"))
    known = pc.coalesce(arrival_time, event_time)
    if known.null_count:
        raise DataError("an event has neither an arrival_time nor an event_time", field="arrival_time")
    times: Ints = known.to_numpy(zero_copy_only=False)
    return times


def _times(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name in batch.schema.names and pa.types.is_integer(batch.schema.field(name).type):
        return _column(batch, name, pa.int64())
    return _column(batch, name, pa.timestamp("us", tz="UTC")).cast(pa.int64())
