"""Answers cut to the candidates that their callers got, in the order in which they got them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.serving_log.schema import CORE

__all__ = ["candidate_columns", "flat", "is_page", "returned"]

Ints = npt.NDArray[np.int64]

_CANDIDATE: Final = ("item_id", "revision", "position", "score", "propensity")
_ROOTS: Final = ("candidate.", "recall.")


def candidate_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of a schema that hold a value a candidate."""
    return [name for name in schema.names if name in _CANDIDATE or (name not in CORE.names and name.startswith(_ROOTS))]


def flat(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return the values of a column, one for every candidate of all rows; null where the column was not sent."""
    column = batch.column(name)
    if not column.null_count:
        return column.flatten()
    sizes = pc.list_value_length(batch.column("item_id")).to_numpy(zero_copy_only=False)
    there = np.repeat(column.is_valid().to_numpy(zero_copy_only=False), sizes)
    return column.flatten().take(pa.array(np.cumsum(there) - 1, mask=~there))


def is_page(answers: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Return which answers are a further page of an earlier one, shape (r,): something was returned, but no first."""
    places = answers.column("position")
    sizes = pc.list_value_length(places).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(answers)), sizes)
    flat = places.flatten().to_numpy(zero_copy_only=False)
    counts = [np.bincount(rows[chosen], minlength=len(answers)) for chosen in (flat > 0, flat == 0)]
    found: npt.NDArray[np.bool_] = (counts[0] > 0) & (counts[1] == 0)
    return found


def returned(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return answers with the returned candidates alone, best first.

    Args:
        batch: Columns of the serving log, ``item_id`` and ``position`` among them.
    """
    sizes = pc.list_value_length(batch.column("item_id")).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(batch)), sizes)
    places = batch.column("position").flatten().to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(places >= 0)
    kept = kept[np.lexsort((places[kept], rows[kept]))]
    counts = np.bincount(rows[kept], minlength=len(batch))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    lists = set(candidate_columns(batch.schema))
    columns = [
        pa.ListArray.from_arrays(offsets, flat(batch, name).take(pa.array(kept)))
        if name in lists
        else batch.column(name)
        for name in batch.schema.names
    ]
    return pa.record_batch(columns, schema=batch.schema)
