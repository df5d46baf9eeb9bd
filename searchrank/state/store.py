"""Where a request finds its user: in the worker's own state, or in a server that many workers share."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from searchrank.errors import ConfigError
from searchrank.features.history import Chains
from searchrank.features.inputs import Root
from searchrank.features.snapshot import fill_profiles
from searchrank.state.state import write_profiles
from searchrank.state.tail import EVERYTHING
from searchrank.store_address import StoreAddress

if TYPE_CHECKING:
    from searchrank.state.state import State

__all__ = ["EmbeddedStore", "Fetched", "Told", "UserStore", "open_store"]

Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a store has of a user since the snapshot.

    Attributes:
        traces: Under each of the user's ids the traces, the older first, one after the other.
        profile: The profile put last, (1,); empty when it was deleted; None when it is the snapshot's.
    """

    traces: bytes = b""
    profile: Records | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """What is known of one user, ready to be written into a request.

    Attributes:
        state: What the request reads besides.
        user: ``hash_text`` of the id; 0: nobody.
        offset: Events of the user before it are counted.
        problem: Why nothing is known of the user, or not all that should be, in words; empty when it is.
        told: What the store has since the snapshot; None when ``state`` has it, or when nothing is known.
    """

    state: State
    user: int
    offset: int
    problem: str = ""
    told: Told | None = None
    _chains: Chains | None = field(init=False)

    def __post_init__(self) -> None:
        """Look the traces up, so that damage shows before anything is written.

        Raises:
            DataError: When the traces are not whole.
        """
        object.__setattr__(self, "_chains", self._found() if self.told is not None else None)

    def fill(self, requests: Records, query: int, time: int) -> None:
        """Write what is known of the user and the query into one request; what is not known is missing.

        Args:
            requests: Shape (1,), of a request layout; changed.
            query: ``query_hash`` of the text; 0: none.
            time: Of the request, microseconds since 1970 UTC.

        Raises:
            DataError: When a field has another form than the snapshot's input of that name.
        """
        unknown = self.told is None and self.problem
        user, queries, times = np.array([[0 if unknown else self.user], [query], [time]], np.int64)
        if self.told is None:
            self.state.fill_requests(requests, user, queries, times)
            return
        self._fill_profile(requests, user)
        history = self.state.history
        history.fill(Root.USER, requests, user, times, chains=self._chains)
        history.fill(Root.QUERY, requests, queries, times)

    def _fill_profile(self, requests: Records, user: npt.NDArray[np.int64]) -> None:
        profile, snapshot = self.told.profile if self.told is not None else None, self.state.snapshot
        rows = snapshot.users.rows_of_hashes(user) if profile is None else np.array([len(snapshot.users)])
        fill_profiles(snapshot, requests, rows)
        if profile is not None and len(profile):
            write_profiles(requests, np.zeros(1, np.int64), profile)

    def _found(self) -> Chains:
        """Return the snapshot's traces of all ids of the user, and then those of the store.

        Raises:
            DataError: When the latter are not whole.
        """
        ids = np.array(self.state.links.ids(self.user), np.int64)
        old = self.state.snapshot.history.chains(Root.USER, ids, np.array([0, len(ids)]))
        new = Chains.of([self.told.traces if self.told is not None else b""])
        count = old.longest + new.longest
        addresses = [old.words[2 : 2 + old.longest], new.words[2 : 2 + new.longest]]
        return Chains(np.concatenate([[0, count], *addresses]), count, (old, new))


class UserStore(Protocol):
    """Finds users for requests.

    Attributes:
        followed: What the state must follow in the log itself.
    """

    followed: Collection[Root]

    async def ready(self) -> None:
        """Connect ahead of the first request; never raises."""

    async def fetch(self, state: State, user: int, patience: float = math.inf) -> Fetched:
        """Return what is known of a user; never raises for want of an answer, but says so in ``problem``.

        Args:
            state: The picture that the request reads.
            user: ``hash_text`` of the id; 0: nobody.
            patience: Seconds that the request can wait.
        """

    async def close(self) -> None:
        """Let go of connections."""


class EmbeddedStore:
    """Reads the state itself; never suspends and has no problems."""

    followed: Collection[Root] = EVERYTHING

    async def ready(self) -> None:
        """Do nothing."""

    async def fetch(self, state: State, user: int, patience: float = math.inf) -> Fetched:  # noqa: ARG002 - no wait
        """Return what the state knows of a user."""
        return Fetched(state, user, state.offset)

    async def close(self) -> None:
        """Do nothing."""


def open_store(address: str = "") -> UserStore:
    """Return the store of an address; nothing is connected yet.

    Args:
        address: See ``StoreAddress.parse``; empty: the worker's own memory.

    Raises:
        ConfigError: When the address is none, or the client library is not installed.
    """
    if not address:
        return EmbeddedStore()
    try:
        from searchrank.state.valkey import ValkeyStore  # noqa: PLC0415 - the client is an extra
    except ModuleNotFoundError:
        raise ConfigError("users in Valkey or Redis need the client: pip install 'searchrank[valkey]'") from None
    return ValkeyStore(StoreAddress.parse(address))
