"""From the event log to samples: impressions joined with their search before, and with what happened after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from searchrank.events import EventLog
from trainer.labelling import Labelling, label, micros, outcomes, places, read_kinds
from trainer.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchrank.features import FeatureSet

__all__ = ["EXPLORATION", "Collected", "collect"]

Ints = npt.NDArray[np.int64]

EXPLORATION: Final = "request.exploration"
_ASKED: Final = ("request_id", "user_id", "query", "surface", "event_time", EXPLORATION)
_SHOWN: Final = ("request_id", "item_id", "position", "event_time")


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
    outcome = outcomes(log, labelling, asked.column("request_id"), shown.items)
    labels, figures = label(outcome, shown.keys, micros(shown.table, "event_time"), labelling)
    sizes = np.bincount(shown.requests, minlength=len(asked))
    asked = asked.filter(pa.array(sizes > 0))
    samples = Samples(
        feature_set,
        asked.drop_columns(["event_time"]),
        shown.table.drop_columns(["request_id", "position", "event_time"]),
        micros(asked, "event_time"),
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
    table = read_kinds(log, _SHOWN + _sent(feature_set, ("candidate.", "recall.")), ("impression",))
    request = places(table.column("request_id"), asked.column("request_id"))
    known = (request >= 0) & pc.is_valid(table.column("item_id")).to_numpy()
    table, request = table.filter(pa.array(known)), request[known]
    if not len(table):
        raise DataError("the event log holds no impressions of a search in this time; nothing can be learnt from it")
    order = np.lexsort((_positions(table), request))
    items = pc.unique(table.column("item_id"))
    keys = (request * len(items) + places(table.column("item_id"), items))[order]
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


def _searches(log: EventLog, feature_set: FeatureSet, start: int, end: int) -> pa.Table:
    """Return the searches of a span by time, one for each request."""
    asked = read_kinds(log, _ASKED + _sent(feature_set, ("request.", "session.", "query.")), ("search",))
    times = micros(asked, "event_time")
    inside = (times >= start) & (times < end) & pc.is_valid(asked.column("request_id")).to_numpy()
    rows = np.flatnonzero(inside)
    rows = rows[np.argsort(times[rows], kind="stable")]
    asked = _without_empty_queries(asked.take(pa.array(rows)))
    distinct = pc.unique(asked.column("request_id"))
    if len(distinct) == len(asked):
        return asked
    _, first = np.unique(places(asked.column("request_id"), distinct), return_index=True)
    return asked.take(pa.array(np.sort(first)))


def _without_empty_queries(asked: pa.Table) -> pa.Table:
    """Return searches in which an empty query is missing, as it is when a request without a query is served."""
    query = asked.column("query")
    there = pc.if_else(pc.equal(query, ""), pa.scalar(None, query.type), query)
    return asked.set_column(asked.column_names.index("query"), "query", there)
