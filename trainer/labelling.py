"""What became of what was shown: events after it, joined by request and item, as relevance grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import ConfigError
from searchrank.events import EventLog
from searchrank.features.declaration import duration_us

if TYPE_CHECKING:
    from searchrank.project import ModelSpec

__all__ = ["Labelling", "label", "micros", "outcomes", "places", "read_kinds"]

Ints = npt.NDArray[np.int64]
Outcomes: TypeAlias = tuple[Ints, Ints, npt.NDArray[np.str_]]

_CANCELS: Final = {"cancel": "order"}
_DONE: Final = ("request_id", "item_id", "kind", "event_time")
_LARGEST_GRADE: Final = 30


@dataclass(frozen=True, slots=True)
class Labelling:
    """How events become relevance grades.

    Attributes:
        grades: Grade of each event kind; an impression has the highest grade of its events, else 0.
        window_us: How long after the impression an event still counts, microseconds.
    """

    grades: Mapping[str, int]
    window_us: int

    @classmethod
    def of(cls, spec: ModelSpec) -> Labelling:
        """Read a model's specification.

        Raises:
            ConfigError: When a grade is not a whole number up to 30 or the window is not a duration.
        """
        for kind, grade in spec.labels.items():
            if grade != int(grade) or not 0 <= grade <= _LARGEST_GRADE:
                raise ConfigError(f"{grade:g} is not a whole grade from 0 to {_LARGEST_GRADE}", field=f"labels.{kind}")
        try:
            window = duration_us(spec.attribution)
        except ValueError as error:
            raise ConfigError(str(error), field="attribution") from None
        return cls({kind: int(grade) for kind, grade in spec.labels.items()}, window)


def outcomes(log: EventLog, labelling: Labelling, requests: pa.ChunkedArray | pa.Array, items: pa.Array) -> Outcomes:
    """Return the events that label or cancel.

    Args:
        log: The event log.
        labelling: Names the kinds.
        requests: Distinct ids.
        items: Distinct ids.

    Returns:
        Key (row of the request times number of items plus row of the item; -1: one of them is not known), event time
        and kind of each.
    """
    kinds = [*labelling.grades, *(cancel for cancel, kind in _CANCELS.items() if kind in labelling.grades)]
    done = read_kinds(log, _DONE, kinds)
    request = places(done.column("request_id"), requests)
    item = places(done.column("item_id"), items)
    key = np.where((request >= 0) & (item >= 0), request * len(items) + item, -1)
    encoded = done.column("kind").combine_chunks().dictionary_encode()
    names = np.array(encoded.dictionary.to_pylist() or [""])
    return key, micros(done, "event_time"), names[encoded.indices.to_numpy(zero_copy_only=False)]


def label(
    outcome: Outcomes, keys: Ints, times: Ints, labelling: Labelling
) -> tuple[npt.NDArray[np.float32], tuple[int, int, int]]:
    """Return grades.

    Args:
        outcome: What ``outcomes`` found.
        keys: One number for each shown pair of request and item, (n,), distinct.
        times: When each was shown, microseconds since 1970 UTC, (n,).
        labelling: How events become grades.

    Returns:
        The grade of each pair, and how many events were unmatched, late and cancelled.
    """
    key, when, kind = outcome
    by_key = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys, key, sorter=by_key), len(keys) - 1)
    row = by_key[at]
    matched = keys[row] == key
    cancelled_at: dict[str, Ints] = {}
    for cancel, what in _CANCELS.items():
        last = np.full(len(keys), -(1 << 63), dtype=np.int64)
        is_cancel = matched & (kind == cancel)
        np.maximum.at(last, row[is_cancel], when[is_cancel])
        cancelled_at[what] = last
    labels = np.zeros(len(keys), np.float32)
    unmatched = late = cancelled = 0
    for name, grade in labelling.grades.items():
        mine = kind == name
        due = mine & matched & (when >= times[row]) & (when - times[row] <= labelling.window_us)
        undone = due & (when <= cancelled_at[name][row]) if name in cancelled_at else np.zeros_like(due)
        np.maximum.at(labels, row[due & ~undone], np.float32(grade))
        unmatched += int((mine & ~matched).sum())
        late += int((mine & matched & ~due).sum())
        cancelled += int(undone.sum())
    return labels, (unmatched, late, cancelled)


def places(texts: pa.ChunkedArray, known: pa.ChunkedArray | pa.Array) -> Ints:
    """Return where each text is among the known ones, -1 for a missing or unknown one."""
    if isinstance(known, pa.ChunkedArray):
        known = known.combine_chunks()
    found: Ints = pc.fill_null(pc.index_in(texts, known), -1).to_numpy().astype(np.int64)
    return np.where(pc.is_valid(texts).to_numpy(), found, -1)


def read_kinds(log: EventLog, columns: Sequence[str], kinds: Sequence[str]) -> pa.Table:
    """Read the events of some kinds, those columns that the log has."""
    present = [name for name in dict.fromkeys([*columns, "kind"]) if name in log.schema.names]
    wanted = pa.array(list(kinds), pa.string())
    batches = [batch.filter(pc.is_in(batch.column("kind"), wanted)) for batch in log.read(columns=present)]
    table = pa.Table.from_batches(batches, schema=pa.schema([log.schema.field(name) for name in present]))
    return table.select([name for name in present if name in columns])


def micros(table: pa.Table, name: str) -> Ints:
    """Return a column of times as microseconds since 1970 UTC."""
    times: Ints = table.column(name).cast(pa.int64()).to_numpy()
    return times
