"""Keeps a server filled while snapshots come and go: what ``searchrank feed`` runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

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
        if self._feeder is not None and self._feeder.keys.snapshot == folder.name:
            return await self._feeder.step()
        feeder = await asyncio.to_thread(self._made)
        await self._warn()
        fed = await feeder.step()
        self._feeder = feeder
        _logger.info("feeding %s: %d events since the snapshot", folder.name, fed)
        self._cleaning = asyncio.create_task(self.clean(feeder.keys.snapshot))
        return fed

    def _made(self) -> Feeder:
        features = FeatureSet.load(self._workspace.features)
        snapshot = Snapshot.open(current(self._workspace.snapshots), features)
        return Feeder(self._client, snapshot, features, self._workspace.events, project=self._project)

    async def clean(self, kept: str) -> None:
        """Let the rows of every snapshot but one expire."""
        index = Keys(self._project, kept).snapshots
        for member in await self._client.smembers(index):
            former = Keys(self._project, member.decode() if isinstance(member, bytes) else str(member))
            if former.snapshot == kept:
                continue
            async for names in keys_of(self._client, former):
                async with self._client.pipeline(transaction=False) as pipe:
                    for name in names:
                        pipe.expire(name, self._grace)
                    await pipe.execute()
            await self._client.srem(index, former.snapshot)

    async def close(self) -> None:
        """End what runs in the background."""
        if self._cleaning is not None:
            self._cleaning.cancel()

    async def _warn(self) -> None:
        memory = await self._client.info("memory")
        policy = memory.get("maxmemory_policy", "noeviction")
        if memory.get("maxmemory") and policy != "noeviction":
            _logger.warning(
                "the server drops keys when it is full (maxmemory-policy %s), and with them what users did: "
                "set 'maxmemory-policy noeviction'",
                policy,
            )
