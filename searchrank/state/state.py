"""What one request reads: a snapshot and everything the log has told since, as of one offset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import Root
from searchrank.features.snapshot import fill_profiles

if TYPE_CHECKING:
    from searchrank.features.history import History
    from searchrank.features.snapshot import Snapshot
    from searchrank.state.links import Links
    from searchrank.state.overlay import Overlay

__all__ = ["State"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A snapshot with what followed it; never changed, safe to read from any thread.

    Attributes:
        snapshot: What it began with.
        history: The statistics: those of the snapshot, and the events since as further parts.
        items: Items put and deleted since.
        users: User profiles put and deleted since.
        links: Which ids are one person's.
        offset: Events before it are counted, later ones are not.
    """

    snapshot: Snapshot
    history: History
    items: Overlay
    users: Overlay
    links: Links
    offset: int

    def over(self, snapshot: Snapshot) -> State:
        """Return the same state for another feature set's opening of the same snapshot folder.

        Raises:
            ValueError: When it is another folder.
        """
        if snapshot.folder != self.snapshot.folder:
            raise ValueError(f"a state of {self.snapshot.folder} cannot be read over {snapshot.folder}")
        later = self.history.parts[len(snapshot.history.parts) :]
        history = snapshot.history.extended(later) if later else snapshot.history
        return replace(self, snapshot=snapshot, history=history)

    def rows_of_hashes(self, hashes: Ints) -> Ints:
        """Return the row of each ``hash_text`` of an item's id; see ``Overlay``."""
        return self.items.rows_of_hashes(hashes)

    def ids_of(self, rows: Ints) -> list[str]:
        """Return the ids of items; the missing record has the empty one."""
        return self.items.ids_of(rows)

    def revisions(self, rows: Ints) -> Ints:
        """Return the offset of the event that put each item's document; -1 for the snapshot's own."""
        return self.items.revisions(rows)

    def fill_requests(self, requests: Records, users: Ints, queries: Ints, times: Ints) -> None:
        """Write what is known of users and queries, profiles and statistics, into request records.

        The profile is that of the id that asks; the statistics are of everything its person did under any linked id.
        Other fields are left as they are.

        Args:
            requests: Records of a request layout, shape (r,), dense; changed.
            users: ``hash_text`` of the user ids, shape (r,); 0: no user, so that the values are missing.
            queries: ``query_hash`` of the texts, shape (r,); 0: no query.
            times: Request times, microseconds since 1970 UTC, shape (r,).

        Raises:
            DataError: When a field has another form than the snapshot's input of that name.
            ValueError: When the arrays differ in length or the records are a strided view.
        """
        self._fill_profiles(requests, users)
        if not self.links:
            self.history.fill_requests(requests, users, queries, times)
            return
        groups = [self.links.ids(user) for user in users.tolist()]
        starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])])
        hashes = np.array([each for group in groups for each in group], np.int64)
        chains = self.history.chains(Root.USER, hashes, starts)
        self.history.fill(Root.USER, requests, users, times, chains=chains)
        self.history.fill(Root.QUERY, requests, queries, times)

    def fill_candidates(self, candidates: Records, items: Ints, times: Ints) -> None:
        """Write the live item statistics into candidate records.

        Args:
            candidates: Records of a candidate layout, shape (n,), dense; changed.
            items: ``hash_text`` of the item ids, shape (n,).
            times: Request times, microseconds since 1970 UTC, shape (n,).

        Raises:
            DataError: When a field has another form than the snapshot's input of that name.
        """
        self.history.fill_candidates(candidates, items, times)

    def _fill_profiles(self, requests: Records, users: Ints) -> None:
        rows = self.users.rows_of_hashes(users)
        if not self.users:
            fill_profiles(self.snapshot, requests, rows)
            return
        fill_profiles(self.snapshot, requests, np.minimum(rows, len(self.users.base)))
        changed = np.flatnonzero(rows >= self.users.first)
        if len(changed):
            write_profiles(requests, changed, self.users.records[rows[changed] - self.users.first])


def write_profiles(requests: Records, places: Ints, profiles: Records) -> None:
    """Write profiles into the records at ``places``, as far as these have fields for them."""
    taken = requests.dtype.names or ()
    for name in profiles.dtype.names or ():
        if name in taken and not name.startswith("_"):
            requests[name][places] = profiles[name]
