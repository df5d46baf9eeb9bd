"""Events: rows of a file become events of one kind or another, with ids that a second import makes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from searchrank.events import CORE

if TYPE_CHECKING:
    from trainer.importing.mapping import MappedFile

__all__ = ["with_identity"]

_TOLD: Final = tuple(name for name in CORE.names if name not in {"event_id", "arrival_time"})
_GAP: Final = "\x1f"
_NOTHING: Final = "\x00"


def with_identity(entry: MappedFile, table: pa.Table) -> pa.Table:
    """Return events with an id and an arrival time.

    An id that is not mapped is a digest of the event's core columns: equal rows are one event, and a second import of
    the same row is the same event. An arrival time that is not mapped is the event time.

    Args:
        entry: How the rows were read.
        table: Some of them.
    """
    targets = {column.target for column in entry.columns}
    if "event_id" not in targets:
        table = table.append_column("event_id", _digests(table))
    if "arrival_time" not in targets:
        return table.append_column("arrival_time", table.column("event_time"))
    at = table.column_names.index("arrival_time")
    arrived = pc.coalesce(table.column("arrival_time"), table.column("event_time"))
    return table.set_column(at, "arrival_time", arrived)


def _digests(table: pa.Table) -> pa.Array:
    """Return xxh3-128 of the core columns of every row, with their names, so that another mapping gives other ids."""
    names = [name for name in _TOLD if name in table.column_names]
    columns = [_as_text(table.column(name)) for name in names]
    told = pc.binary_join_element_wise(
        *columns, _GAP, null_handling="replace", null_replacement=_NOTHING
    ).combine_chunks()
    seed = xxhash.xxh3_64_intdigest(_GAP.join(names).encode())
    return pa.array([xxhash.xxh3_128_hexdigest(text, seed) for text in told.cast(pa.binary()).to_pylist()], pa.string())


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).cast(pa.string())
    return column.cast(pa.string())
