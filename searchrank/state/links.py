"""Which ids are one person's, as of any offset of the log."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError
from searchrank.events import LINK
from searchrank.features.text import hash_text

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.events import EventLog

__all__ = ["LINK_COLUMNS", "MAX_IDS", "Links"]

LINK_COLUMNS: Final = ("kind", "user_id", "linked_id")
MAX_IDS: Final = 32
"""Most ids of one person; every one of them is read for each request."""

_logger = logging.getLogger("searchrank.state")
_ALWAYS: Final = (1 << 63) - 1


@dataclass(slots=True)
class _Past:
    """What every view of the same links shares; grows only at its end.

    Attributes:
        pairs: (offset, one hash, the other hash), as they came.
        groups: By hash: from which offset on, who is the same person.
    """

    pairs: list[tuple[int, int, int]] = field(default_factory=list)
    groups: dict[int, list[tuple[int, tuple[int, ...]]]] = field(default_factory=dict)

    def add(self, offset: int, one: int, other: int) -> None:
        joined = tuple(sorted({*self.last(one), *self.last(other)}))
        if joined == self.last(one):
            return
        self.pairs.append((offset, one, other))
        if len(joined) > MAX_IDS:
            _logger.warning("link at offset %d is not followed: a person has at most %d ids", offset, MAX_IDS)
            return
        for each in joined:
            self.groups.setdefault(each, []).append((offset, joined))

    def last(self, hash_: int) -> tuple[int, ...]:
        told = self.groups.get(hash_)
        return told[-1][1] if told else (hash_,)


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Links told before an offset. Views share what they know, so that one of each offset costs nothing.

    A link joins all ids of both persons from its offset on. A person has at most ``MAX_IDS`` ids; a link that would
    make them more is not followed, and a warning says so.

    Attributes:
        end: Links at this offset or later are not known here.
    """

    end: int = 0
    _past: _Past = field(default_factory=_Past)

    def __len__(self) -> int:
        """Number of links."""
        return bisect_left(self._past.pairs, (self.end,))

    def __bool__(self) -> bool:
        pairs = self._past.pairs
        return bool(pairs) and pairs[0][0] < self.end

    def ids(self, user: int) -> tuple[int, ...]:
        """Return the hashes under which a person is known, ascending; of an id without links, itself alone.

        Args:
            user: ``hash_text`` of one of the ids; 0: nobody.
        """
        told = self._past.groups.get(user)
        if told is None:
            return (user,)
        known = bisect_left(told, (self.end,))
        return told[known - 1][1] if known else (user,)

    def at(self, offset: int) -> Links:
        """Return what was known before an offset no later than ``end``."""
        return Links(min(offset, self.end), self._past)

    def extended(self, end: int, pairs: Iterable[tuple[int, int, int]]) -> Links:
        """Return these links and later ones.

        Args:
            end: Offset up to which the log has been read.
            pairs: Offset (ascending, from this ``end`` on) and the two hashes of each link.
        """
        past = self._past
        if past.pairs and past.pairs[-1][0] >= self.end:  # somebody else went on from here
            past = _Past()
            for pair in self._past.pairs[: len(self)]:
                past.add(*pair)
        for pair in pairs:
            past.add(*pair)
        return Links(end, past)

    def applied(self, events: pa.RecordBatch, first: int) -> Links:
        """Return the links after further events, of which the first has offset ``first``; see ``LINK_COLUMNS``."""
        end = first + len(events)
        if "linked_id" not in events.schema.names:
            return Links(end, self._past) if not self._past.pairs else self.extended(end, ())
        links = pc.and_(pc.equal(events.column("kind"), LINK), pc.is_valid(events.column("user_id")))
        told = np.flatnonzero(links.to_numpy(zero_copy_only=False))  # null: one of the two was forgotten
        part = events.take(pa.array(told))
        users, others = (map(hash_text, part.column(name).to_pylist()) for name in ("user_id", "linked_id"))
        return self.extended(end, zip((first + told).tolist(), users, others, strict=True))

    @classmethod
    def read(cls, log: EventLog, stop: int) -> Links:
        """Return the links among the events of a log before an offset."""
        links, offset = cls(), 0
        columns = [name for name in LINK_COLUMNS if name in log.schema.names]
        for batch in log.read(0, columns) if stop else ():
            links = links.applied(batch.slice(0, stop - offset), offset)
            offset += len(batch)
            if offset >= stop:
                break
        return links.extended(max(stop, links.end), ())

    def write(self, path: Path) -> None:
        """Write the links into a file that ``open`` reads."""
        told: npt.NDArray[np.int64] = np.array(self._past.pairs[: len(self)], np.int64).reshape(-1, 3)
        np.save(path, np.concatenate([told, [[self.end, 0, 0]]]))

    @classmethod
    def open(cls, path: Path) -> Links:
        """Read what ``write`` wrote.

        Raises:
            DataError: When the file is damaged.
        """
        try:
            *pairs, (end, _, _) = np.load(path).tolist()
            return cls().extended(end, [(offset, one, other) for offset, one, other in pairs])
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} is damaged: {error}; rebuild the snapshot") from error
