"""What an offset of the log means: which events were known before it, and which ids were one person's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import DataError
from searchrank.features import Root
from searchrank.state import Links

if TYPE_CHECKING:
    from searchrank.events import EventLog
    from searchrank.features.history import History

__all__ = ["AsOf", "read_span"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

_ALWAYS: Final = (1 << 63) - 1


def read_span(log: EventLog, columns: Sequence[str], span: tuple[int, int]) -> Iterator[pa.RecordBatch]:
    """Give the events from one offset up to another, the second excluded."""
    offset, stop = span
    for batch in log.read(offset, columns) if offset < stop else ():
        yield batch.slice(0, stop - offset)
        offset += len(batch)
        if offset >= stop:
            return


@dataclass(frozen=True, slots=True, eq=False)
class AsOf:
    """A log, looked at as of its offsets.

    Attributes:
        links: Which ids are one person's.
        arrivals: When the log got each of its events, microseconds since 1970 UTC.
    """

    links: Links
    arrivals: Ints

    @classmethod
    def read(cls, log: EventLog) -> Self:
        """Read links and times of arrival."""
        end = log.end
        times = [batch.column(0).cast(pa.int64()).to_numpy() for batch in log.read(columns=["arrival_time"])]
        return cls(Links.read(log, end), np.concatenate([*times, np.empty(0, np.int64)])[:end])

    def before(self, offsets: Ints) -> Ints:
        """Return the time before which an event must have been known to lie before an offset, shape (n,).

        Raises:
            DataError: When the log ends before an offset.
        """
        end = len(self.arrivals)
        if len(offsets) and int(offsets.max()) > end:
            raise DataError(
                f"answers saw the log up to offset {offsets.max()}, but it ends at {end}: it is another log"
            )
        if not end:
            return np.full(len(offsets), _ALWAYS)
        return np.where(offsets == end, _ALWAYS, self.arrivals[np.minimum(offsets, end - 1)])

    def fill_requests(  # noqa: PLR0913, PLR0917 - records and the four things they depend on
        self, history: History, requests: Records, users: Ints, queries: Ints, times: Ints, offsets: Ints
    ) -> None:
        """Write statistics of users and queries into request records, shapes (r,); see ``History.fill_requests``."""
        before = self.before(offsets)
        chains = None
        if self.links:
            groups = [self.links.at(o).ids(user) for user, o in zip(users.tolist(), offsets.tolist(), strict=True)]
            starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])])
            chains = history.chains(Root.USER, np.array([each for group in groups for each in group], np.int64), starts)
        history.fill(Root.USER, requests, users, times, chains=chains, before=before)
        history.fill(Root.QUERY, requests, queries, times, before=before)

    def fill_candidates(self, history: History, candidates: Records, items: Ints, times: Ints, offsets: Ints) -> None:
        """Write live item statistics into candidate records, shapes (n,); see ``History.fill_candidates``."""
        history.fill_candidates(candidates, items, times, self.before(offsets))
