"""Samples: what was shown, in which request, and what became of it; raw values first, features on demand.

Features are computed a bounded number of rows at a time, so that only the finished matrix grows with the log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.features import Evaluator, FeatureSet, Rows, hash_text
from searchrank.features.history import query_hash
from searchrank.features.snapshot import Snapshot, fill_candidates, fill_requests
from trainer.as_of import Asked, AsOf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from searchrank.features.history import History
    from searchrank.features.records import Encoder

__all__ = ["CHUNK", "Samples", "Seen", "matrix", "write_profiles", "write_sent"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

CHUNK: Final = 50_000
REQUEST_BYTES: Final = 64 << 20
"""Most memory for the request records of a part: a list of thousands of owners takes as many times eight bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a server had seen of the log when it answered the requests of some samples.

    Attributes:
        as_of: The log.
        histories: Statistics of each snapshot that served, with what was counted after it.
        served_by: (r,) which of them was read.
        offsets: (r,) events before it were known.
        user_offsets: (r,) the same for events of users.
        profiles: User profiles.
        users: (r,) row among ``profiles`` of who asked.
        items: Item documents, the last one all missing.
        rows: (n,) row among ``items`` of each impression's.
    """

    as_of: AsOf
    histories: Sequence[History]
    served_by: Ints
    offsets: Ints
    user_offsets: Ints
    profiles: Records
    users: Ints
    items: Records
    rows: Ints

    def select(self, requests: npt.NDArray[np.bool_], impressions: npt.NDArray[np.bool_]) -> Self:
        """Return it for some requests and their impressions."""
        return replace(
            self,
            served_by=self.served_by[requests],
            offsets=self.offsets[requests],
            user_offsets=self.user_offsets[requests],
            users=self.users[requests],
            rows=self.rows[impressions],
        )

    def fill(
        self, requests: Records, candidates: Records, asked: Asked, items: tuple[Ints, Ints], served_by: Ints
    ) -> None:
        """Write statistics as they were known.

        Args:
            requests: Shape (m,); changed.
            candidates: Shape (k,); changed.
            asked: Who asked what, (m,).
            items: Hashes of the candidates' items, and the request of each, (k,).
            served_by: Which history each request read, (m,).
        """
        hashes, whose = items
        for number in np.unique(served_by).tolist():
            history, mine = self.histories[number], served_by == number
            rows, places = np.flatnonzero(mine), np.flatnonzero(mine[whose])
            part, some = requests[rows], candidates[places]
            self.as_of.fill_requests(history, part, asked.take(rows))
            at = whose[places]
            self.as_of.fill_candidates(history, some, hashes[places], asked.times[at], asked.offsets[at])
            requests[rows], candidates[places] = part, some


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
        seen: What was seen when they were served; None: everything known when each request was made counts, and
            items and users are as they are now.
    """

    feature_set: FeatureSet
    requests: pa.Table
    impressions: pa.Table
    times: Ints
    sizes: Ints
    positions: Ints
    labels: npt.NDArray[np.float32]
    seen: Seen | None = None

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
            seen=None if self.seen is None else self.seen.select(chosen, rows),
        )

    def parts(self, rows: int = CHUNK) -> Iterator[tuple[int, int]]:
        """Yield ranges of requests with about this many impressions each, fewer where requests are large."""
        starts, first = self.starts, 0
        most = max(1, REQUEST_BYTES // self.feature_set.request_layout.itemsize)
        while first < len(self.sizes):
            last = max(first + 1, int(np.searchsorted(starts, starts[first] + rows, side="right")) - 1)
            last = min(last, first + most)
            yield first, last
            first = last

    def items(self, snapshot: Snapshot) -> Records:
        """Return the item documents that rows of ``encode`` count in, the last one all missing."""
        return snapshot.catalogue.records if self.seen is None else self.seen.items

    def encode(self, first: int, last: int, snapshot: Snapshot) -> Rows:
        """Return what the runtime evaluates for requests ``first`` to ``last``, as known when they were made."""
        starts, times, sizes = self.starts, self.times[first:last], self.sizes[first:last]
        asked, shown = _part(self.requests, first, last), _part(self.impressions, starts[first], starts[last])
        users, queries = _hashes(asked["user_id"], hash_text), _hashes(asked["query"], query_hash)
        items = _hashes(shown["item_id"], hash_text)
        requests = self.feature_set.request_encoder.missing(len(times))
        candidates = self.feature_set.candidate_encoder.encode(shown, len(items))
        whose = np.repeat(np.arange(len(sizes)), sizes)
        if self.seen is None:
            fill_requests(snapshot, requests, users, queries, times)
            fill_candidates(snapshot, candidates, items, times[whose])
            rows = snapshot.catalogue.rows_of_hashes(items)
        else:
            seen = self.seen
            write_profiles(requests, seen.profiles[seen.users[first:last]])
            asked_of = Asked(users, queries, times, seen.offsets[first:last], seen.user_offsets[first:last])
            seen.fill(requests, candidates, asked_of, (items, whose), seen.served_by[first:last])
            rows = seen.rows[starts[first] : starts[last]]
        write_sent(self.feature_set.request_encoder, requests, _implied(asked, times) | asked)
        return Rows(rows, requests, whose, candidates)


def _implied(asked: dict[str, pa.Array], times: Ints) -> dict[str, Any]:
    """Return the inputs that every request has under another name."""
    return {"request.query": asked["query"], "request.time": pa.array(times).cast(pa.timestamp("us", "UTC"))}


def write_profiles(requests: Records, profiles: Records) -> None:
    """Write user profiles into request records, shape (r,), as far as these have fields for them."""
    taken = requests.dtype.names or ()
    for name in profiles.dtype.names or ():
        if name in taken and not name.startswith("_"):
            requests[name] = profiles[name]


def write_sent(encoder: Encoder, requests: Records, sent: dict[str, Any]) -> None:
    """Write what callers sent over what is known, as serving does; a null was not sent.

    Args:
        encoder: Of the records.
        requests: Shape (r,); changed.
        sent: Arrow columns by input name; others are not looked at.
    """
    for name, column in sent.items():
        if name not in encoder.inputs:
            continue
        if not column.null_count:
            encoder.write(requests, {name: column})
        elif column.null_count < len(column):
            there = column.is_valid().to_numpy(zero_copy_only=False)
            written = encoder.encode({name: column.filter(pa.array(there))}, int(there.sum()))
            requests[name][there] = written[name]


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
