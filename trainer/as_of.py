"""What an offset of the log means: which events were known before it, and which ids were one person's."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import DataError
from searchrank.features import Root
from searchrank.state import Links

if TYPE_CHECKING:
    from searchrank.events import EventLog
    from searchrank.features.history import History

__all__ = ["AsOf", "Asked"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Who asked what, and what was known of it; shape (r,) each.

    Attributes:
        users: ``hash_text`` of the user ids; 0: no user.
        queries: ``query_hash`` of the texts; 0: no query.
        times: Microseconds since 1970 UTC.
        offsets: Events before it were known.
        user_offsets: The same for events of users, when they are kept elsewhere.
    """

    users: Ints
    queries: Ints
    times: Ints
    offsets: Ints
    user_offsets: Ints

    def take(self, rows: Ints) -> Self:
        """Return some of them."""
        return replace(self, **{part.name: getattr(self, part.name)[rows] for part in fields(self)})


@dataclass(frozen=True, slots=True, eq=False)
class AsOf:
    """A log, looked at as of its offsets.

    Attributes:
        links: Which ids are one person's.
        arrivals: When the log got each of its events, microseconds since 1970 UTC.
    """

    links: Links
    arrivals: Ints
    _bounds: Ints = field(init=False)
    _seams: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Work out what is later than everything before an offset, and where an event comes that is not."""
        bounds = np.concatenate([np.zeros(1, np.int64), np.maximum.accumulate(self.arrivals) + 1])
        object.__setattr__(self, "_bounds", bounds)
        object.__setattr__(self, "_seams", np.flatnonzero(self.arrivals < bounds[:-1]))

    @classmethod
    def read(cls, log: EventLog) -> Self:
        """Read links and times of arrival."""
        end = log.end
        times = [batch.column(0).cast(pa.int64()).to_numpy() for batch in log.read(columns=["arrival_time"])]
        return cls(Links.read(log, end), np.concatenate([*times, np.empty(0, np.int64)])[:end])

    def before(self, offsets: Ints) -> Ints:
        """Return a time by which all events before an offset, and none from it to its ``stops``, were known, (n,).

        Raises:
            DataError: When the log ends before an offset.
        """
        end = len(self.arrivals)
        if len(offsets) and int(offsets.max()) > end:
            raise DataError(
                f"answers saw the log up to offset {offsets.max()}, but it ends at {end}: it is another log"
            )
        return self._bounds[offsets]

    def stops(self, offsets: Ints) -> Ints:
        """Return up to where the log must be read to look back to an offset, (n,); reading less does no harm.

        What comes after may have been written with an earlier time of arrival, as imports are, so that a time does not
        tell it from what was known.
        """
        return np.append(self._seams, len(self.arrivals))[np.searchsorted(self._seams, offsets)]

    def fill_requests(self, history: History, requests: Records, asked: Asked) -> None:
        """Write statistics of users and queries into request records, shape (r,); see ``History.fill_requests``."""
        chains = None
        if self.links:
            pairs = zip(asked.users.tolist(), asked.offsets.tolist(), strict=True)
            groups = [self.links.at(offset).ids(user) for user, offset in pairs]
            starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])])
            chains = history.chains(Root.USER, np.array([each for group in groups for each in group], np.int64), starts)
        before = self.before(asked.user_offsets)
        history.fill(Root.USER, requests, asked.users, asked.times, chains=chains, before=before)
        history.fill(Root.QUERY, requests, asked.queries, asked.times, before=self.before(asked.offsets))

    def fill_candidates(self, history: History, candidates: Records, items: Ints, times: Ints, offsets: Ints) -> None:
        """Write live item statistics into candidate records, shapes (n,); see ``History.fill_candidates``."""
        history.fill_candidates(candidates, items, times, self.before(offsets))
