"""Keeps a server filled while snapshots come and go: what ``searchrank feed`` runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError, ResponseError

from searchrank.errors import SearchRankError
from searchrank.features import FeatureSet
from searchrank.features.snapshot import Snapshot, current
from searchrank.state.feeder import Feeder, keys_of
from searchrank.state.packing import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from searchrank.workspace import Workspace

__all__ = ["Feeding"]

PERIOD: Final = 0.02
GRACE: Final = 600
"""Seconds that the rows of a snapshot outlive it, for workers and requests that still read it."""

_PAUSE: Final = 1.0
_logger = logging.getLogger("searchrank.state")


class Feeding:
    """Feeds the rows of whatever snapshot is live, and lets go of the others'."""

    def __init__(self, client: Redis, workspace: Workspace, *, project: str = "searchrank", grace: int = GRACE) -> None:
        """Begin with nothing.

        Args:
            client: From ``searchrank.state.valkey.connect``; left open.
            workspace: Holds snapshots and event log.
            project: Tells projects apart that share a server.
            grace: Seconds that the rows of a former snapshot are kept.
        """
        self._client = client
        self._workspace = workspace
        self._project = project
        self._grace = grace
        self._feeder: Feeder | None = None
        self._settled = False
        self._cleaning: asyncio.Task[None] | None = None

    async def run(self, period: float = PERIOD) -> None:
        """Feed for ever; what goes wrong is logged and tried again."""
        quiet = False
        while True:
            try:
                await self.step()
                quiet = False
            except (SearchRankError, RedisError, OSError) as error:
                if not quiet:
                    _logger.warning("not fed, trying again: %s: %s", type(error).__name__, error)
                quiet = True
            await asyncio.sleep(_PAUSE if quiet else period)

    async def step(self) -> int:
        """Look which snapshot is live and feed it; return how many events were told.

        Raises:
            SearchRankError: When there is no snapshot, or the log does not fit it.
            redis.exceptions.RedisError: When the server does not answer.
        """
        folder = current(self._workspace.snapshots)
        if self._feeder is None or self._feeder.keys.snapshot != folder.name:
            await self.close()
            self._feeder, self._settled = await asyncio.to_thread(self._made), False
        if self._settled:
            return await self._feeder.step()
        await self._warn()
        await self._reclaim(self._feeder.keys)
        fed = await self._feeder.step()
        self._settled = True
        _logger.info("feeding %s: %d events told", folder.name, fed)
        self._cleaning = asyncio.create_task(self._clean(self._feeder.keys))
        return fed

    async def _reclaim(self, keys: Keys) -> None:
        """Have rows told anew that were about to expire, since their snapshot is live again."""
        if await self._client.ttl(keys.offset) >= 0:
            await self._client.unlink(keys.offset)

    def _made(self) -> Feeder:
        features = FeatureSet.load(self._workspace.features)
        snapshot = Snapshot.open(current(self._workspace.snapshots), features)
        return Feeder(self._client, snapshot, features, self._workspace.events, project=self._project)

    async def _clean(self, kept: Keys) -> None:
        """Let the rows of every snapshot but one expire; what fails is left to the next snapshot."""
        try:
            for member in await self._client.smembers(kept.snapshots):
                former = Keys(self._project, member.decode() if isinstance(member, bytes) else str(member))
                if former != kept:
                    await self._expire(former)
        except (RedisError, OSError) as error:
            _logger.warning("rows of former snapshots are still there: %s", error)

    async def _expire(self, former: Keys) -> None:
        async for names in keys_of(self._client, former):
            async with self._client.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.expire(name, self._grace)
                await pipe.execute()
        await self._client.srem(former.snapshots, former.snapshot)

    async def close(self) -> None:
        """End what runs in the background."""
        if self._cleaning is not None:
            self._cleaning.cancel()
            await asyncio.gather(self._cleaning, return_exceptions=True)

    async def _warn(self) -> None:
        try:
            memory = await self._client.info("memory")
        except ResponseError:  # some servers do not tell everybody
            return
        policy = memory.get("maxmemory_policy", "noeviction")
        if memory.get("maxmemory") and policy != "noeviction":
            _logger.warning(
                "the server drops keys when it is full (maxmemory-policy %s), and with them what users did: "
                "set 'maxmemory-policy noeviction'",
                policy,
            )
