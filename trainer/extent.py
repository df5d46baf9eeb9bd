"""A serving log before its candidates are read: how many answers, seen how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.serving_log import is_page

if TYPE_CHECKING:
    from searchrank.serving_log import ServingLog

__all__ = ["Extent", "seen_of"]

_KEY = ("request_id", "item_id")
_OFFSETS = ("offset", "user_offset")


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """A serving log from afar.

    Attributes:
        answers: Answers, further pages not counted.
        stops: For each snapshot the last offset that an answer from it saw.
        pages: ``request_id``, ``item_id`` and ``position`` of what further pages returned.
    """

    answers: int
    stops: Mapping[str, int]
    pages: pa.Table

    @classmethod
    def of(cls, log: ServingLog) -> Self:
        """Read a log once through."""
        names = [*_KEY, "position"]
        kinds = pa.schema([("request_id", pa.string()), ("item_id", pa.string()), ("position", pa.int32())])
        answers, stops, pages = 0, dict[str, int](), [pa.RecordBatch.from_pylist([], kinds)]
        for batch in log.read([*names, "snapshot_id", *_OFFSETS]):
            further = is_page(batch)
            answers += int((~further).sum())
            for name, last in _last(batch).items():
                stops[name] = max(last, stops.get(name, 0))
            if further.any():
                pages.append(_flat(batch.filter(pa.array(further)), kinds))
        return cls(answers, stops, pa.Table.from_batches(pages).combine_chunks())

    def with_pages(self, answers: pa.RecordBatch) -> pa.RecordBatch:
        """Return first answers in which what their further pages returned has its position too."""
        paged = pc.is_in(answers.column("request_id"), self.pages.column("request_id").combine_chunks())
        if not pc.any(paged).as_py():
            return answers
        places = answers.column("position")
        flat = places.flatten().to_numpy(zero_copy_only=False)
        sizes = pc.list_value_length(places).to_numpy(zero_copy_only=False)
        whose = pa.array(np.repeat(np.arange(len(answers)), sizes))
        asked = _joined(answers.column("request_id").take(whose), answers.column("item_id").flatten())
        known = _joined(*(self.pages.column(name).combine_chunks() for name in _KEY))
        at = pc.fill_null(pc.index_in(asked, known), -1).to_numpy(zero_copy_only=False)
        turned = self.pages.column("position").to_numpy()[at]
        positions = np.where((flat < 0) & (at >= 0), turned, flat).astype(np.int32)
        offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
        column = pa.ListArray.from_arrays(offsets, pa.array(positions))
        return answers.set_column(answers.schema.names.index("position"), "position", column)


def seen_of(answers: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return the offset before which each answer saw the log, its user's events if these were seen further, (r,)."""
    offsets: npt.NDArray[np.int64] = pc.max_element_wise(*(answers.column(n) for n in _OFFSETS)).to_numpy()
    return offsets


def _last(batch: pa.RecordBatch) -> dict[str, int]:
    table = pa.table({"snapshot_id": batch.column("snapshot_id"), "seen": seen_of(batch)})
    last = table.group_by("snapshot_id").aggregate([("seen", "max")])
    return dict(zip(last.column("snapshot_id").to_pylist(), last.column("seen_max").to_pylist(), strict=True))


def _flat(batch: pa.RecordBatch, kinds: pa.Schema) -> pa.RecordBatch:
    whose = pc.list_parent_indices(batch.column("item_id"))
    columns = [batch.column("request_id").take(whose), *(batch.column(n).flatten() for n in ("item_id", "position"))]
    return pa.record_batch(columns, schema=kinds)


def _joined(requests: pa.Array, items: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(requests, items, "\n")
