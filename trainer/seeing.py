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
from trainer.past import text_hashes
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

        Items and users are read from the snapshot that served and from what was put after it. When that snapshot is
        gone, or holds other inputs than are declared now, they are read as they are now.

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
        names = requests.column("snapshot_id").combine_chunks().dictionary_encode()
        codes = names.indices.to_numpy(zero_copy_only=False)
        now = 0
        for code, name in enumerate(names.dictionary.to_pylist()):
            mine = codes == code
            snapshot = self._snapshot(samples, name)
            if snapshot is None:
                snapshot, now = present, now + int(mine.sum())
            span = (snapshot.manifest.event_offset, self.stops[name])
            for root, base, gathered, chosen in (
                (Root.ITEM, snapshot.catalogue, items, np.repeat(mine, sizes)),
                (Root.USER, snapshot.users, users, mine),
            ):
                gathered.take(Versions.read(base, samples.feature_set, root, self.log, span), chosen)
        documents, profiles = items.records(present.catalogue.records[-1:]), users.records(present.users.records[-1:])
        return replace(
            samples, seen=Seen(self.as_of, offsets, asked_from, profiles, users.rows, documents, items.rows)
        ), now

    def _snapshot(self, samples: Samples, name: str) -> Snapshot | None:
        try:
            return Snapshot.open(self.workspace.snapshots / name, samples.feature_set)
        except (NotFoundError, DataError):
            return None


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
