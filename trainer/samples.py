"""Samples: what was shown, in which request, and what became of it; raw values first, features on demand.

Features are computed a bounded number of rows at a time, so that only the finished matrix grows with the log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.features import Evaluator, FeatureSet, Rows, hash_text
from searchrank.features.history import query_hash
from searchrank.features.snapshot import Snapshot, fill_candidates, fill_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CHUNK", "Samples", "matrix"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

CHUNK: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Impressions grouped by request, requests by time.

    Attributes:
        feature_set: Declares the columns.
        requests: (r,) ``request_id``, ``user_id``, ``query``, ``surface`` and the request and session inputs.
        impressions: (n,) ``item_id`` and the candidate inputs, request after request, by position.
        times: (r,) when each request was made, microseconds since 1970 UTC.
        sizes: (r,) impressions of each request, at least 1.
        positions: (n,) 0-based place at which the item was shown; -1 unknown.
        labels: (n,) whole relevance grades.
    """

    feature_set: FeatureSet
    requests: pa.Table
    impressions: pa.Table
    times: Ints
    sizes: Ints
    positions: Ints
    labels: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def starts(self) -> Ints:
        """(r + 1,) first impression of each request, and the end."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @property
    def has_relevant(self) -> npt.NDArray[np.bool_]:
        """(r,) whether a request has an impression with a grade above 0."""
        if not len(self.sizes):
            return np.zeros(0, dtype=bool)
        found: npt.NDArray[np.bool_] = np.logical_or.reduceat(self.labels > 0, self.starts[:-1])
        return found

    def select(self, chosen: npt.NDArray[np.bool_]) -> Samples:
        """Return the samples of the chosen requests, a mask of shape (r,)."""
        rows = np.repeat(chosen, self.sizes)
        return replace(
            self,
            requests=self.requests.filter(pa.array(chosen)),
            impressions=self.impressions.filter(pa.array(rows)),
            times=self.times[chosen],
            sizes=self.sizes[chosen],
            positions=self.positions[rows],
            labels=self.labels[rows],
        )

    def parts(self, rows: int = CHUNK) -> Iterator[tuple[int, int]]:
        """Yield ranges of requests with about this many impressions each."""
        starts, first = self.starts, 0
        while first < len(self.sizes):
            last = max(first + 1, int(np.searchsorted(starts, starts[first] + rows, side="right")) - 1)
            yield first, last
            first = last

    def encode(self, first: int, last: int, snapshot: Snapshot) -> Rows:
        """Return what the runtime evaluates for requests ``first`` to ``last``, as known when they were made."""
        starts, times, sizes = self.starts, self.times[first:last], self.sizes[first:last]
        asked, shown = _part(self.requests, first, last), _part(self.impressions, starts[first], starts[last])
        requests = self.feature_set.request_encoder.encode(
            asked | {"request.query": asked["query"], "request.time": times}, len(times)
        )
        fill_requests(
            snapshot, requests, _hashes(asked["user_id"], hash_text), _hashes(asked["query"], query_hash), times
        )
        items = _hashes(shown["item_id"], hash_text)
        candidates = self.feature_set.candidate_encoder.encode(shown, len(items))
        fill_candidates(snapshot, candidates, items, np.repeat(times, sizes))
        request_rows = np.repeat(np.arange(len(sizes)), sizes)
        return Rows(snapshot.catalogue.rows_of_hashes(items), requests, request_rows, candidates)


def matrix(
    samples: Samples,
    snapshot: Snapshot,
    evaluator: Evaluator,
    item_block: Records,
    progress: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Compute the model's columns for every impression.

    Args:
        samples: The impressions.
        snapshot: What was known when.
        evaluator: The model's plan, bound.
        item_block: What ``evaluator.derive`` made of the catalogue.
        progress: Called with (impressions done, all).

    Returns:
        float32 (columns, n), filled part by part.
    """
    result = np.empty((len(evaluator.plan.columns), len(samples)), np.float32)
    starts = samples.starts
    for first, last in samples.parts():
        rows = samples.encode(first, last, snapshot)
        result[:, starts[first] : starts[last]] = evaluator.evaluate(item_block, rows)
        if progress is not None:
            progress(int(starts[last]), len(samples))
    return result


def _part(table: pa.Table, first: int, last: int) -> dict[str, pa.Array]:
    """Return rows as arrays of their own: the encoder looks at the whole of a list column."""
    part = table.slice(first, last - first)
    return {
        name: pa.concat_arrays([pa.array([], part.column(name).type), *part.column(name).chunks])
        for name in part.column_names
    }


def _hashes(texts: pa.Array, hashed: Callable[[str], int]) -> Ints:
    """Return the hash of every text, 0 for a missing one, computed once for each distinct text."""
    encoded = texts.dictionary_encode()
    table = np.array([*map(hashed, encoded.dictionary.to_pylist()), 0], np.int64)
    codes: Ints = encoded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
    return table[codes]
