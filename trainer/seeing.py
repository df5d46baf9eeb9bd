"""Samples of the serving log see what the server saw: documents and statistics as of the offset of their answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError, NotFoundError
from searchrank.features import Root
from searchrank.features.snapshot import Snapshot
from trainer.past import Past, text_hashes
from trainer.samples import Samples, Seen
from trainer.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from searchrank.events import EventLog
    from searchrank.workspace import Workspace
    from trainer.as_of import AsOf

__all__ = ["LookBack"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, eq=False)
class LookBack:
    """Where answers can be looked back from.

    Attributes:
        workspace: Where the snapshots are.
        log: The event log.
        as_of: The same by offsets.
        stops: For each snapshot the last offset that an answer from it saw.
    """

    workspace: Workspace
    log: EventLog
    as_of: AsOf
    stops: Mapping[str, int]

    def seen(self, samples: Samples, present: Snapshot) -> tuple[Samples, int]:
        """Return samples that are encoded as the server saw them.

        Items, users and statistics are read from the snapshot that served and from what followed it. When that snapshot
        is gone, or holds other inputs than are declared now, items and users are read as they are now; statistics
        still know nothing that was told later.

        Args:
            samples: From ``collect_served``.
            present: What is known now.

        Returns:
            The samples, and how many requests see items and users as they are now.
        """
        requests, sizes = samples.requests, samples.sizes
        offsets = requests.column("offset").to_numpy()
        asked_from = pc.coalesce(requests.column("user_offset"), requests.column("offset")).to_numpy()
        items = _Gathered(_hashes(samples.impressions, "item_id"), np.repeat(offsets, sizes))
        users = _Gathered(_hashes(requests, "user_id"), asked_from)
        reach = self.as_of.stops(np.maximum(offsets, asked_from)).tolist()
        names = requests.column("snapshot_id").to_pylist()
        known = [(name, min(stop, self.stops[name])) for name, stop in zip(names, reach, strict=True)]
        numbers = {one: number for number, one in enumerate(dict.fromkeys(known))}
        codes = np.array([numbers[one] for one in known], np.int64)
        pasts = [self._past(samples, name, stop, present) for name, stop in numbers]
        for code, past in enumerate(pasts):
            mine = codes == code
            items.take(past.items, np.repeat(mine, sizes))
            users.take(past.users, mine)
        seen = Seen(
            as_of=self.as_of,
            histories=[past.history for past in pasts],
            served_by=codes,
            offsets=offsets,
            user_offsets=asked_from,
            profiles=users.records(present.users.records[-1:]),
            users=users.rows,
            items=items.records(present.catalogue.records[-1:]),
            rows=items.rows,
        )
        of_now = sum(int((codes == code).sum()) for code, past in enumerate(pasts) if past.history is present.history)
        return replace(samples, seen=seen), of_now

    def _past(self, samples: Samples, name: str, stop: int, present: Snapshot) -> Past:
        """Return what a snapshot and the log after it say; if it cannot be read, what is known now."""
        features = samples.feature_set
        try:
            snapshot = Snapshot.open(self.workspace.snapshots / name, features)
        except (NotFoundError, DataError):
            items = Versions.read(present.catalogue, features, Root.ITEM, self.log, (0, 0))
            users = Versions.read(present.users, features, Root.USER, self.log, (0, 0))
            return Past(features, items, users, present.history, self.as_of)
        return Past.open(snapshot, features, self.log, self.as_of, stop)


def _hashes(table: pa.Table, name: str) -> Ints:
    return text_hashes(table.column(name).combine_chunks())


@dataclass(slots=True, eq=False)
class _Gathered:
    """Documents of ids by offset, each version once, out of the snapshots of all answers.

    Attributes:
        hashes: Of the ids, (n,).
        offsets: (n,).
        rows: Row of each among ``records``, (n,).
    """

    hashes: Ints
    offsets: Ints
    rows: Ints = field(init=False)
    _parts: list[Records] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self.rows = np.zeros(len(self.hashes), np.int64)

    def take(self, versions: Versions, chosen: npt.NDArray[np.bool_]) -> None:
        """Take the documents of some of them."""
        used, rows = np.unique(versions.rows(self.hashes[chosen], self.offsets[chosen]), return_inverse=True)
        self.rows[chosen] = self._count + rows
        self._parts.append(versions.gather(used))
        self._count += len(used)

    def records(self, missing: Records) -> Records:
        """Return the documents, and one in which everything is missing."""
        return np.concatenate([*self._parts, missing])
