"""Fills Valkey or Redis with what users did since a snapshot, exactly once, however often it is interrupted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from redis.exceptions import WatchError

from searchrank.errors import DataError
from searchrank.features.history import EVENT_COLUMNS
from searchrank.features.inputs import Root
from searchrank.state.overlay import Overlay
from searchrank.state.packing import Keys, framed
from searchrank.state.reading import LogReader, counted
from searchrank.state.tail import Tail, kinds_of, restricted

if TYPE_CHECKING:
    import pyarrow as pa
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    from searchrank.features import FeatureSet
    from searchrank.features.history import Part
    from searchrank.features.snapshot import Snapshot

__all__ = ["Feeder", "keys_of"]

MOST_FRAMES: Final = 24
"""Frames of a row at which it is written anew."""
CHUNK: Final = 2_048
"""Most events that one transaction tells, so that it keeps readers waiting for a few milliseconds at most."""

_SCANNED: Final = 1_000
_PEOPLE: Final = frozenset({Root.USER})


@dataclass(frozen=True, slots=True)
class _Delta:
    """What one transaction writes.

    Attributes:
        start: Offset up to which the rows must be filled before.
        stop: Offset up to which they are filled after.
        traces: What is appended, by user.
        profiles: Records that are put, by user; empty: deleted.
    """

    start: int
    stop: int
    traces: Mapping[int, bytes]
    profiles: Mapping[int, bytes]


class Feeder:
    """Feeds the rows of one snapshot. Several may run at once: of two that tell the same, one succeeds.

    Memory: that of a tail of users.
    """

    def __init__(
        self, client: Redis, snapshot: Snapshot, feature_set: FeatureSet, events: Path, *, project: str = "searchrank"
    ) -> None:
        """Read and write nothing yet.

        Args:
            client: From ``searchrank.state.valkey.connect``; left open.
            snapshot: Opened for ``feature_set``.
            feature_set: Any that reads the snapshot.
            events: Folder of the event log.
            project: Tells projects apart that share a server.
        """
        self.keys = Keys(project, snapshot.manifest.id)
        self._client = client
        self._snapshot = snapshot
        self._tail = Tail(snapshot, feature_set, events, roots=_PEOPLE)
        self._history = restricted(snapshot.history, _PEOPLE)
        self._kinds = kinds_of(self._history)
        self._profiles: Overlay = self._tail.state.users
        self._reader = LogReader(events, [*EVENT_COLUMNS, *self._profiles.encoder.inputs])
        self._frames: Counter[int] = Counter()

    async def step(self) -> int:
        """Tell what the log has and the server has not; return how many events that were.

        Raises:
            DataError: When the server has been told more than the log holds.
            redis.exceptions.RedisError: When the server does not answer; call again later.
        """
        state = await asyncio.to_thread(self._tail.advance)
        stored = await self._stored()
        if stored > state.offset:
            raise DataError(
                f"{self.keys.offset} was filled up to offset {stored}, but the log ends at {state.offset}: it is "
                "another log; index it, or give the project another name in the address"
            )
        fed = 0
        for start in range(stored, state.offset, CHUNK):
            delta = await asyncio.to_thread(self._delta, start, min(start + CHUNK, state.offset))
            if not await self._commit(delta, last=delta.stop == state.offset):
                break
            fed += delta.stop - delta.start
        await asyncio.to_thread(self._tail.merge)
        return fed

    async def _stored(self) -> int:
        held = await self._client.get(self.keys.offset)
        if held is not None:
            return int(held)
        self._frames.clear()
        async for names in keys_of(self._client, self.keys):  # rows that nobody vouches for
            await self._client.unlink(*names)
        start = self._snapshot.manifest.event_offset
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.sadd(self.keys.snapshots, self.keys.snapshot)
            pipe.set(self.keys.offset, start, nx=True)
            await pipe.execute()
        return start

    def _delta(self, start: int, stop: int) -> _Delta:
        (batch,) = self._reader.read(start, stop)
        part = self._history.part(counted(batch, self._kinds), self._snapshot.catalogue)
        traces = part.traces.get(Root.USER)
        return _Delta(start, stop, dict(traces.items()) if traces is not None else {}, self._put(batch, start))

    def _put(self, batch: pa.RecordBatch, start: int) -> dict[int, bytes]:
        told = self._profiles.applied(batch, start)
        hashes = told.changed()
        rows = told.rows_of_hashes(hashes)
        records = told.gather(rows)
        pairs = zip(hashes.tolist(), rows.tolist(), records, strict=True)
        return {user: record.tobytes() if row >= told.first else b"" for user, row, record in pairs}

    async def _commit(self, delta: _Delta, *, last: bool) -> bool:
        """Write a delta if the rows are filled up to its start; return whether they were."""
        async with self._client.pipeline(transaction=True) as pipe:
            await pipe.watch(self.keys.offset)
            held = await pipe.get(self.keys.offset)
            if held is None or int(held) != delta.start:
                return False
            pipe.multi()  # type: ignore[no-untyped-call]
            self._queue(pipe, delta, last=last)
            pipe.set(self.keys.offset, delta.stop)
            try:
                await pipe.execute()
            except WatchError:
                return False
        return True

    def _queue(self, pipe: Pipeline, delta: _Delta, *, last: bool) -> None:
        for user, trace in delta.traces.items():
            self._frames[user] += 1
            if last and self._frames[user] > MOST_FRAMES:  # only then the tail is where the rows will be
                self._frames[user] = 1
                pipe.set(self.keys.user(user), framed(self._whole(user)))
            else:
                pipe.append(self.keys.user(user), framed(trace))
        for user, record in delta.profiles.items():
            pipe.set(self.keys.profile(user), framed(record))

    def _whole(self, user: int) -> bytes:
        """Return everything the user left behind since the snapshot, in as few traces as the tail has parts."""
        later = self._tail.state.history.parts[len(self._snapshot.history.parts) :]
        return b"".join(_trace(part, user) for part in later)


async def keys_of(client: Redis, keys: Keys) -> AsyncIterator[list[str]]:
    """Yield the names of all keys of a snapshot, some at a time."""
    held: list[str] = []
    async for name in client.scan_iter(match=f"{keys.prefix}*", count=_SCANNED):
        held.append(name)
        if len(held) >= _SCANNED:
            yield held
            held = []
    if held:
        yield held


def _trace(part: Part, user: int) -> bytes:
    traces = part.traces[Root.USER]
    row = int(traces.table.rows(np.array([user]))[0])
    if row >= len(traces):
        return b""
    start, stop = (int(place) for place in traces.offsets[row : row + 2])
    return traces.words.view(np.uint8)[start:stop].tobytes()
