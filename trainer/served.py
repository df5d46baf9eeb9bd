"""From the serving log to samples: what was returned, labelled by what happened after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from searchrank.features.inputs import REQUEST_ROOTS
from searchrank.serving_log import candidate_columns, flat, is_page, returned
from trainer.collect import Collected
from trainer.extent import Extent
from trainer.labelling import label, micros, outcomes, places, read_kinds
from trainer.samples import CHUNK, Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from searchrank.events import EventLog
    from searchrank.features import FeatureSet
    from searchrank.serving_log import ServingLog
    from trainer.labelling import Labelling

__all__ = ["Returned", "collect_served", "read_returned"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ASKED: Final = ("request_id", "user_id", "query", "surface", "request_time", "snapshot_id", "offset", "user_offset")
_IMPRESSIONS: Final = ("request_id", "item_id", "event_time")


@dataclass(frozen=True, slots=True, eq=False)
class Returned:
    """What was returned to callers.

    Attributes:
        asked: One row an answer: who asked what and when, what was known, and request inputs.
        shown: One row a returned candidate: ``item_id``, ``position`` and candidate inputs.
        sizes: (r,) returned candidates of each answer, at least 1.
        left_out: Answers left out, by reason.
    """

    asked: pa.Table
    shown: pa.Table
    sizes: Ints
    left_out: Mapping[str, int]


def read_returned(
    log: ServingLog,
    extent: Extent,
    feature_set: FeatureSet,
    *,
    surfaces: frozenset[str],
    look: Callable[[pa.RecordBatch], None] = lambda _answers: None,
) -> Returned:
    """Read what some surfaces returned; answers from which something was left out are left out themselves.

    Args:
        log: The serving log.
        extent: Of the same log.
        feature_set: Declares the columns to keep.
        surfaces: Whose answers.
        look: Shown all answers but further pages with all their columns, some hundreds at a time.

    Raises:
        DataError: When nothing was returned.
    """
    left_out: Counter[str] = Counter()
    asked, shown, sizes = [], [], []
    for part in _parts(log):
        answers = part.filter(pa.array(~is_page(part)))
        look(answers)
        kept = returned(extent.with_pages(_kept(answers, surfaces, left_out)))
        lengths = pc.list_value_length(kept.column("item_id")).to_numpy(zero_copy_only=False)
        left_out["nothing was returned"] += int((lengths == 0).sum())
        asked.append(kept.filter(pa.array(lengths > 0)).select(_request_columns(feature_set, kept.schema)))
        columns = [name for name in candidate_columns(kept.schema) if _is_kept(name, feature_set)]
        shown.append(pa.record_batch([flat(kept, name) for name in columns], columns))
        sizes.append(lengths[lengths > 0])
    if not sum(map(len, sizes)):
        raise DataError(f"the serving log in {log.folder} holds no whole answers of {', '.join(sorted(surfaces))}")
    requests, items = (pa.Table.from_batches(parts).combine_chunks() for parts in (asked, shown))
    return Returned(requests, items, np.concatenate(sizes), +left_out)


def _parts(log: ServingLog) -> Iterator[pa.RecordBatch]:
    """Yield answers with about as many candidates as features are computed of at once."""
    held: list[pa.RecordBatch] = []
    candidates = 0
    for batch in log.read():
        held.append(batch)
        candidates += int(pc.sum(pc.list_value_length(batch.column("item_id"))).as_py() or 0)
        if candidates >= CHUNK:
            yield pa.concat_batches(held)
            held, candidates = [], 0
    if held:
        yield pa.concat_batches(held)


def _kept(answers: pa.RecordBatch, surfaces: frozenset[str], left_out: Counter[str]) -> pa.RecordBatch:
    mine = answers.filter(pc.is_in(answers.column("surface"), pa.array(sorted(surfaces))))
    whole = mine.filter(pc.equal(pc.list_value_length(mine.column("coverage")), 0))
    left_out["of other surfaces"] += len(answers) - len(mine)
    left_out["degraded"] += len(mine) - len(whole)
    return whole


def _request_columns(feature_set: FeatureSet, schema: pa.Schema) -> list[str]:
    inputs = (name for name, item in feature_set.inputs.items() if item.root in REQUEST_ROOTS and not item.statistic)
    return [*_ASKED, *(name for name in inputs if name in schema.names)]


def _is_kept(name: str, feature_set: FeatureSet) -> bool:
    return name in {"item_id", "position"} or name in feature_set.inputs


def collect_served(
    found: Returned, events: EventLog, feature_set: FeatureSet, labelling: Labelling
) -> tuple[Collected, int]:
    """Group what was returned by request and label it.

    Of a request with impressions only those count as shown. An item that a request returned twice counts once.

    Args:
        found: What was returned.
        events: The event log: impressions and what labels them.
        feature_set: Declares the columns.
        labelling: How events become grades.

    Returns:
        Samples by time, with what is needed to see what the server saw among the columns of their requests; and how
        many returned items nobody looked at.

    Raises:
        DataError: When nothing that was returned was shown.
    """
    times = micros(found.asked, "request_time")
    place = np.argsort(np.argsort(times, kind="stable"))  # of each answer by time
    answer = np.repeat(np.arange(len(times)), found.sizes)
    positions = found.shown.column("position").to_numpy().astype(np.int64)
    requests = pc.unique(found.asked.column("request_id"))
    items = pc.unique(found.shown.column("item_id"))
    keys = places(found.asked.column("request_id"), requests)[answer] * len(items)
    keys += places(found.shown.column("item_id"), items)
    looked_at, moments = _looked_at(events, requests, items, keys, times[answer])
    order = np.lexsort((positions, place[answer]))
    order = order[looked_at[order]]
    _, first = np.unique(keys[order], return_index=True)
    chosen = order[np.sort(first)]
    if not len(chosen):
        raise DataError("nobody looked at anything that was returned, by the impressions in the event log")
    labels, figures = label(outcomes(events, labelling, requests, items), keys[chosen], moments[chosen], labelling)
    by_time = np.argsort(place)
    sizes = np.bincount(place[answer[chosen]], minlength=len(times))
    asked = found.asked.take(pa.array(by_time[sizes > 0]))
    samples = Samples(
        feature_set,
        asked.drop_columns(["request_time"]),
        found.shown.take(pa.array(chosen)).drop_columns(["position"]),
        micros(asked, "request_time"),
        sizes[sizes > 0],
        positions[chosen],
        labels,
    )
    return Collected(samples, 0, len(order) - len(chosen), *figures), int((~looked_at).sum())


def _looked_at(events: EventLog, requests: pa.Array, items: pa.Array, keys: Ints, times: Ints) -> tuple[Bools, Ints]:
    """Return which items were looked at, and when; in a request without impressions all, when it was answered."""
    seen = read_kinds(events, _IMPRESSIONS, ("impression",))
    request, item = places(seen.column("request_id"), requests), places(seen.column("item_id"), items)
    of_ours = request >= 0
    known = of_ours & (item >= 0)
    told = (request * len(items) + item)[known]
    when = micros(seen, "event_time")[known]
    order = np.lexsort((when, told))
    told, when = told[order], when[order]
    has_impressions = np.isin(keys // len(items), request[of_ours])
    at = np.minimum(np.searchsorted(told, keys), max(len(told) - 1, 0))
    matched = told[at] == keys if len(told) else np.zeros(len(keys), np.bool_)
    moments = np.where(matched, when[at], times) if len(told) else times
    return matched | ~has_impressions, moments
