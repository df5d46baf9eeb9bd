"""A snapshot and what the log told after it: what a server could know at any offset, for logged answers in columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.features import Root, Rows, hash_text, hash_texts
from searchrank.features.history import EVENT_COLUMNS, EventColumns, query_hash
from searchrank.serving_log import candidate_columns, flat
from trainer.as_of import Asked, AsOf
from trainer.samples import write_profiles, write_sent
from trainer.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from searchrank.events import EventLog
    from searchrank.features import FeatureSet
    from searchrank.features.history import History
    from searchrank.features.snapshot import Snapshot

__all__ = ["Past", "text_hashes"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


def text_hashes(texts: pa.Array, hashed: Callable[[str], int] = hash_text) -> Ints:
    """Return the hash of every text, 0 for a missing one, computed once for each distinct text."""
    encoded = texts.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    known = hash_texts(words) if hashed is hash_text else np.array([*map(hashed, words)], np.int64)
    table = np.append(known, 0)
    codes: Ints = encoded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return table[codes]


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What one snapshot and the log after it say under one feature set.

    Attributes:
        feature_set: The definitions.
        items: Item documents by offset.
        users: User profiles by offset.
        history: Statistics, which are read with bounds.
        as_of: The log by offsets.
    """

    feature_set: FeatureSet
    items: Versions
    users: Versions
    history: History
    as_of: AsOf

    @classmethod
    def open(cls, snapshot: Snapshot, feature_set: FeatureSet, log: EventLog, as_of: AsOf, stop: int) -> Self:
        """Read what follows a snapshot.

        Args:
            snapshot: Opened for ``feature_set``.
            feature_set: The definitions.
            log: The event log.
            as_of: The same by offsets.
            stop: Offset before which events count.
        """
        span = (snapshot.manifest.event_offset, stop)
        items = Versions.read(snapshot.catalogue, feature_set, Root.ITEM, log, span)
        users = Versions.read(snapshot.users, feature_set, Root.USER, log, span)
        events = EventColumns.from_batches(log.read(span[0], EVENT_COLUMNS, end=stop))
        history = snapshot.history.extended([snapshot.history.part(events, snapshot.catalogue)])
        return cls(feature_set, items, users, history, as_of)

    def rows(self, answers: pa.RecordBatch) -> tuple[Records, Rows]:
        """Put together what the features of all candidates of some answers were computed from.

        Args:
            answers: All columns of the serving log.

        Returns:
            Item documents, the last one all missing, and rows that count in them.
        """
        sizes = pc.list_value_length(answers.column("item_id")).to_numpy(zero_copy_only=False)
        whose = np.repeat(np.arange(len(answers)), sizes)
        offsets = answers.column("offset").to_numpy()
        times = answers.column("request_time").cast(pa.int64()).to_numpy()
        items = text_hashes(flat(answers, "item_id"))
        used, rows = np.unique(self.items.rows(items, offsets[whose]), return_inverse=True)
        documents = np.concatenate([self.items.gather(used), self.items.base.records[-1:]])
        sent = {name: flat(answers, name) for name in candidate_columns(answers.schema)}
        candidates = self.feature_set.candidate_encoder.encode(sent, len(items))
        self.as_of.fill_candidates(self.history, candidates, items, times[whose], offsets[whose])
        return documents, Rows(rows, self._requests(answers, times, offsets), whose, candidates)

    def _requests(self, answers: pa.RecordBatch, times: Ints, offsets: Ints) -> Records:
        requests = self.feature_set.request_encoder.missing(len(answers))
        asked = Asked(
            text_hashes(answers.column("user_id")),
            text_hashes(answers.column("query"), query_hash),
            times,
            offsets,
            pc.coalesce(answers.column("user_offset"), answers.column("offset")).to_numpy(),
        )
        write_profiles(requests, self.users.gather(self.users.rows(asked.users, asked.user_offsets)))
        self.as_of.fill_requests(self.history, requests, asked)
        write_sent(self.feature_set.request_encoder, requests, dict(zip(answers.schema.names, answers, strict=True)))
        return requests
