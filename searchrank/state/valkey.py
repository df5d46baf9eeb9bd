"""Users in Valkey or Redis: one round trip a request, never longer than the time allowed."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from searchrank.errors import ConfigError, DataError, UnavailableError
from searchrank.features.inputs import Root
from searchrank.state.circuit import Circuit
from searchrank.state.lag import Lag
from searchrank.state.packing import Keys, unframed
from searchrank.state.store import Fetched, Told

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from searchrank.state.state import State
    from searchrank.store_address import StoreAddress

__all__ = ["ValkeyStore", "connect"]

_PROBE_SECONDS: Final = 1.0
_CONNECTIONS: Final = 8  # of a process; a request waits for a free one rather than for a new one to be made
_WAITING: Final = 64  # requests; one more is answered without
_FAIR_SECONDS: Final = 0.005  # a request that waited less cannot blame the server


def connect(address: StoreAddress) -> Redis:
    """Return a client that tries nothing twice; it connects when it is first used.

    Raises:
        ConfigError: When the client library does not understand the address.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            address.url,
            max_connections=_CONNECTIONS,
            timeout=None,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_PROBE_SECONDS,
        )
    except ValueError as error:
        raise ConfigError(f"the address is not understood: {error}", field="store") from None
    return Redis.from_pool(pool)


class ValkeyStore:
    """Reads users from a server that ``searchrank feed`` fills; used on one event loop.

    After a few failures in a row it is not asked any more; in the background it is looked whether it is there again.
    """

    followed: Collection[Root] = frozenset({Root.ITEM, Root.QUERY})

    def __init__(self, address: StoreAddress, circuit: Circuit | None = None, lag: Lag | None = None) -> None:
        """Connect to nothing yet.

        Args:
            address: The one that the feeder was given.
            circuit: When to stop asking; made if None.
            lag: When to say that nobody feeds it; made if None.
        """
        self._client = connect(address)
        self._address = address
        self._circuit = circuit or Circuit()
        self._lag = lag or Lag()
        self._waiting = 0
        self._probe: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Make all connections, if the server answers."""
        await asyncio.gather(*(self._ping() for _ in range(_CONNECTIONS)))

    async def fetch(self, state: State, user: int, patience: float = math.inf) -> Fetched:
        """Return what the server has of a user; see ``UserStore``."""
        if not user:
            return Fetched(state, 0, state.offset)
        if self._circuit.is_open:
            self._look_again()
            return _unknown(state, user, f"not asked, since it failed: {self._circuit.reason}")
        if self._waiting >= _WAITING:
            return _unknown(state, user, f"not asked: {_WAITING} requests wait for it already")
        keys = Keys(self._address.project, state.snapshot.manifest.id)
        names = [keys.offset, keys.profile(user), *map(keys.user, state.links.ids(user))]
        try:
            rows = await self._read(names, max(0.0, min(self._address.timeout, patience)))
            return self._dated(_fetched(state, user, rows))
        except (UnavailableError, DataError) as error:
            return _unknown(state, user, str(error))

    async def _read(self, names: Sequence[str | bytes], seconds: float) -> Sequence[bytes | None]:
        """Return the values of keys.

        Raises:
            UnavailableError: When there is no answer, in time or at all.
        """
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                rows: list[Any] = await self._client.mget(names)
        except TimeoutError:
            problem = f"no answer within {1000 * seconds:.3g} ms"
            if seconds >= min(self._address.timeout, _FAIR_SECONDS):
                self._circuit.fail(problem)
            raise UnavailableError(problem) from None
        except (RedisError, OSError) as error:
            problem = f"{type(error).__name__}: {error}"
            self._circuit.fail(problem)
            raise UnavailableError(problem) from error
        finally:
            self._waiting -= 1
        self._circuit.succeed()
        return rows

    def _dated(self, fetched: Fetched) -> Fetched:
        """Return it with a word about the events that it should know and does not."""
        lacking = self._lag.of(fetched.offset, end=fetched.state.offset)
        if not lacking:
            return fetched
        return replace(fetched, problem=f"user store: {lacking:,} events behind; see that 'searchrank feed' runs")

    async def close(self) -> None:
        """Let go of connections."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        await self._client.aclose()

    def _look_again(self) -> None:
        if (self._probe is None or self._probe.done()) and self._circuit.take_probe():
            self._probe = asyncio.create_task(self._ping())

    async def _ping(self) -> None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._client.ping()
        except (TimeoutError, RedisError, OSError) as error:
            self._circuit.fail(f"{type(error).__name__}: {error}")
        else:
            self._circuit.succeed()


def _unknown(state: State, user: int, problem: str) -> Fetched:
    return Fetched(state, user, state.snapshot.manifest.event_offset, f"user store: {problem}")


def _fetched(state: State, user: int, rows: Sequence[bytes | None]) -> Fetched:
    """Return what was read.

    Raises:
        DataError: When it is damaged, or nobody fills the store.
    """
    offset, profile, *traces = rows
    if offset is None or not offset.isdigit():
        raise DataError("it holds nothing since the live snapshot; see that 'searchrank feed' runs")
    told = Told(b"".join(unframed(row) for row in traces if row), _profile(state, profile))
    return Fetched(state, user, int(offset), told=told)


def _profile(state: State, row: bytes | None) -> np.ndarray | None:
    if row is None:
        return None
    content, layout = unframed(row), state.users.encoder.layout
    if len(content) not in {0, layout.itemsize}:
        raise DataError(f"a profile of {len(content)} bytes, where they have {layout.itemsize}")
    return np.frombuffer(content, layout)
