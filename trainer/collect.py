"""From the event log to samples: impressions joined with their search before, and with what happened after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import ConfigError, DataError
from searchrank.events import EventLog
from searchrank.features.declaration import duration_us
from trainer.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchrank.features import FeatureSet
    from searchrank.project import ModelSpec

__all__ = ["EXPLORATION", "Collected", "Labelling", "collect"]

Ints = npt.NDArray[np.int64]

EXPLORATION: Final = "request.exploration"
_CANCELS: Final = {"cancel": "order"}
_ASKED: Final = ("request_id", "user_id", "query", "surface", "event_time", EXPLORATION)
_SHOWN: Final = ("request_id", "item_id", "position", "event_time")
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


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """Samples and what was left out of them.

    Attributes:
        samples: The samples.
        without_search: Impressions whose request has no search event in the time.
        repeated: Impressions of an item already shown in its request.
        unmatched: Labelled events of nothing shown in the time.
        late: Labelled events outside the attribution window.
        cancelled: Labelled events that were cancelled.
    """

    samples: Samples
    without_search: int
    repeated: int
    unmatched: int
    late: int
    cancelled: int


def collect(
    log: EventLog,
    feature_set: FeatureSet,
    labelling: Labelling,
    *,
    start: int = -(1 << 63),
    end: int = (1 << 63) - 1,
) -> Collected:
    """Group the impressions of all searches in a span of time and label them.

    Args:
        log: The event log; read once for each of searches, impressions and labelled events.
        feature_set: Declares the request, session and candidate columns.
        labelling: How events become grades.
        start: First event time of a search, microseconds since 1970 UTC.
        end: Event time before which a search lies.

    Returns:
        Requests by time; of one time in the order of the log.

    Raises:
        DataError: When the span holds no impressions of a search.
    """
    asked = _searches(log, feature_set, start, end)
    shown = _impressions(log, feature_set, asked)
    outcome = _outcomes(log, labelling, asked, shown.items)
    labels, figures = _label(outcome, shown.keys, _micros(shown.table, "event_time"), labelling)
    sizes = np.bincount(shown.requests, minlength=len(asked))
    asked = asked.filter(pa.array(sizes > 0))
    samples = Samples(
        feature_set,
        asked.drop_columns(["event_time"]),
        shown.table.drop_columns(["request_id", "position", "event_time"]),
        _micros(asked, "event_time"),
        sizes[sizes > 0],
        _positions(shown.table),
        labels,
    )
    return Collected(samples, shown.without_search, shown.repeated, *figures)


@dataclass(frozen=True, slots=True, eq=False)
class _Impressions:
    """Impressions by request and position, each item once in a request.

    Attributes:
        table: Their columns.
        requests: (n,) row of each one's search.
        items: Distinct item ids.
        keys: (n,) one number for each pair of request and item.
        without_search: Impressions left out for want of a search or an item.
        repeated: Impressions left out as shown before.
    """

    table: pa.Table
    requests: Ints
    items: pa.Array
    keys: Ints
    without_search: int
    repeated: int


def _impressions(log: EventLog, feature_set: FeatureSet, asked: pa.Table) -> _Impressions:
    """Read the impressions of the searches.

    Raises:
        DataError: When there are none.
    """
    table = _read(log, _SHOWN + _sent(feature_set, ("candidate.", "recall.")), ("impression",))
    request = _places(table.column("request_id"), asked.column("request_id"))
    known = (request >= 0) & pc.is_valid(table.column("item_id")).to_numpy()
    table, request = table.filter(pa.array(known)), request[known]
    if not len(table):
        raise DataError("the event log holds no impressions of a search in this time; nothing can be learnt from it")
    order = np.lexsort((_positions(table), request))
    items = pc.unique(table.column("item_id"))
    keys = (request * len(items) + _places(table.column("item_id"), items))[order]
    _, first = np.unique(keys, return_index=True)
    kept = np.sort(first)
    order = order[kept]
    return _Impressions(
        table.take(pa.array(order)),
        request[order],
        items,
        keys[kept],
        int((~known).sum()),
        len(known) - int((~known).sum()) - len(kept),
    )


def _positions(table: pa.Table) -> Ints:
    """Return where each item was shown, -1 where the log does not say."""
    positions: Ints = pc.fill_null(table.column("position"), -1).to_numpy().astype(np.int64)
    return positions


def _sent(feature_set: FeatureSet, roots: Sequence[str]) -> tuple[str, ...]:
    """Return the names of inputs that came with the events of these roots."""
    core = {"request.query", "request.time"}
    return tuple(
        name
        for name, item in feature_set.inputs.items()
        if name.startswith(tuple(roots)) and name not in core and item.statistic is None
    )


def _read(log: EventLog, columns: Sequence[str], kinds: Sequence[str]) -> pa.Table:
    """Read the events of some kinds, those columns that the log has."""
    present = [name for name in dict.fromkeys([*columns, "kind"]) if name in log.schema.names]
    wanted = pa.array(list(kinds), pa.string())
    batches = [batch.filter(pc.is_in(batch.column("kind"), wanted)) for batch in log.read(columns=present)]
    table = pa.Table.from_batches(batches, schema=pa.schema([log.schema.field(name) for name in present]))
    return table.select([name for name in present if name in columns])


def _searches(log: EventLog, feature_set: FeatureSet, start: int, end: int) -> pa.Table:
    """Return the searches of a span by time, one for each request."""
    asked = _read(log, _ASKED + _sent(feature_set, ("request.", "session.", "query.")), ("search",))
    times = _micros(asked, "event_time")
    inside = (times >= start) & (times < end) & pc.is_valid(asked.column("request_id")).to_numpy()
    rows = np.flatnonzero(inside)
    rows = rows[np.argsort(times[rows], kind="stable")]
    asked = _without_empty_queries(asked.take(pa.array(rows)))
    distinct = pc.unique(asked.column("request_id"))
    if len(distinct) == len(asked):
        return asked
    _, first = np.unique(_places(asked.column("request_id"), distinct), return_index=True)
    return asked.take(pa.array(np.sort(first)))


def _without_empty_queries(asked: pa.Table) -> pa.Table:
    """Return searches in which an empty query is missing, as it is when a request without a query is served."""
    query = asked.column("query")
    there = pc.if_else(pc.equal(query, ""), pa.scalar(None, query.type), query)
    return asked.set_column(asked.column_names.index("query"), "query", there)


def _outcomes(
    log: EventLog, labelling: Labelling, asked: pa.Table, items: pa.Array
) -> tuple[Ints, Ints, npt.NDArray[np.str_]]:
    """Return (key, event time, kind) of the events that label or cancel; the key is -1 for a strange one."""
    kinds = [*labelling.grades, *(cancel for cancel, kind in _CANCELS.items() if kind in labelling.grades)]
    done = _read(log, _DONE, kinds)
    request = _places(done.column("request_id"), asked.column("request_id"))
    item = _places(done.column("item_id"), items)
    key = np.where((request >= 0) & (item >= 0), request * len(items) + item, -1)
    encoded = done.column("kind").combine_chunks().dictionary_encode()
    names = np.array(encoded.dictionary.to_pylist() or [""])
    return key, _micros(done, "event_time"), names[encoded.indices.to_numpy(zero_copy_only=False)]


def _label(
    outcome: tuple[Ints, Ints, npt.NDArray[np.str_]], keys: Ints, times: Ints, labelling: Labelling
) -> tuple[npt.NDArray[np.float32], tuple[int, int, int]]:
    """Return the grade of each impression and how many events were unmatched, late and cancelled."""
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


def _places(texts: pa.ChunkedArray, known: pa.ChunkedArray | pa.Array) -> Ints:
    """Return where each text is among the known ones, -1 for a missing or unknown one."""
    if isinstance(known, pa.ChunkedArray):
        known = known.combine_chunks()
    found: Ints = pc.fill_null(pc.index_in(texts, known), -1).to_numpy().astype(np.int64)
    return np.where(pc.is_valid(texts).to_numpy(), found, -1)


def _micros(table: pa.Table, name: str) -> Ints:
    """Return a column of times as microseconds since 1970 UTC."""
    times: Ints = table.column(name).cast(pa.int64()).to_numpy()
    return times
