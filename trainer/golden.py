"""Golden rows: raw inputs of some test rows, by which a release proves itself wherever it is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.features import Root, Rows, hash_text, hash_texts
from searchrank.models import record_columns

if TYPE_CHECKING:
    import numpy.typing as npt

    from searchrank.features.snapshot import Snapshot
    from trainer.samples import Samples

__all__ = ["golden_rows"]

_ROWS: Final = 200


def golden_rows(samples: Samples, snapshot: Snapshot, items: pa.Table, users: pa.Table | None) -> tuple[pa.Table, Rows]:
    """Draw one impression each of requests spread over the samples; the last one is of an unknown item.

    Args:
        samples: Where from.
        snapshot: What was known when.
        items: Raw catalogue, with ``item_id``.
        users: Raw profiles, with ``user_id``.

    Returns:
        A table of raw inputs by name (statistics as stored in records), and the same rows for the evaluator.
    """
    count = min(_ROWS, len(samples.sizes))
    chosen = np.zeros(len(samples.sizes), dtype=bool)
    chosen[np.linspace(0, len(samples.sizes) - 1, count).round().astype(int)] = True
    part = replace(samples.select(chosen), seen=None)  # raw documents are kept as they are now alone
    requests = np.arange(len(part.sizes))
    at = part.starts[:-1] + requests % part.sizes
    rows = part.encode(0, len(part.sizes), snapshot)
    unknown = requests == requests[-1]
    missing = np.int64(len(snapshot.catalogue))
    picked = Rows(np.where(unknown, missing, rows.item_rows[at]), rows.requests, requests, rows.candidates[at])
    shown = part.impressions.take(pa.array(at))
    ids = pc.if_else(pa.array(unknown), pa.scalar(None, pa.string()), shown.column("item_id"))
    columns = _looked_up(items, "item_id", ids)
    if users is not None:
        columns |= _looked_up(users, "user_id", part.requests.column("user_id"))
    columns |= {name: shown.column(name) for name in shown.column_names}
    columns |= {"request.query": part.requests.column("query"), "request.time": _times(part.times)}
    for name in part.requests.column_names:
        sent = part.requests.column(name)
        columns[name] = pc.coalesce(sent, columns[name].cast(sent.type)) if name in columns else sent
    columns |= _statistics(part, picked)
    known = [name for name in columns if name in part.feature_set.inputs]
    return pa.table({name: columns[name] for name in known}), picked


def _statistics(samples: Samples, rows: Rows) -> dict[str, Any]:
    """Return the statistics, which have no raw value, as their records hold them."""
    found = record_columns(samples.feature_set.request_encoder, rows.requests)
    found |= record_columns(samples.feature_set.candidate_encoder, rows.candidates)
    counted = {name for name, item in samples.feature_set.inputs.items() if item.statistic is not None}
    return {name: column for name, column in found.items() if name in counted}


def _looked_up(table: pa.Table, key: str, wanted: Any) -> dict[str, Any]:
    """Return the columns of the rows with the wanted keys, equal as the catalogue sees it; null where there is none."""
    known = hash_texts(table.column(key).cast(pa.string()).to_pylist())
    asked = [None if text is None else hash_text(text) for text in wanted.to_pylist()]
    places = pc.index_in(pa.array(asked, pa.int64()), pa.array(known))
    roots = tuple(f"{root}." for root in (Root.ITEM, Root.USER))
    return {
        name: table.column(name).combine_chunks().take(places) for name in table.column_names if name.startswith(roots)
    }


def _times(times: npt.NDArray[np.int64]) -> pa.Array:
    """Return microseconds as Arrow timestamps."""
    return pa.array(times).cast(pa.timestamp("us", "UTC"))
