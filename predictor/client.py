"""Typed clients of the ranking and ingest services: one channel that spreads calls over the workers' ports, in turn."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any, Final, Self

import grpc

from predictor.answers import Explanation, Ranking, SearchResult
from predictor.query import Columns, Query, explain_request, rank_request, search_request
from predictor.tls import Tls, unlike_ends
from predictor.writing import Acknowledgement, Change, Reaction, feedback_request, ingest_request
from searchrank.errors import (
    DeadlineError,
    NotFoundError,
    RequestError,
    SearchRankError,
    UnavailableError,
)
from searchrank.v1 import ingest_pb2, ingest_pb2_grpc, ranking_pb2_grpc

__all__ = ["AsyncClient", "Client"]

DEFAULT_TARGET: Final = "127.0.0.1:50051"
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
_START: Final = "run 'searchrank serve' or name it with --target"
_RETRY: Final = {  # the next attempt is the next worker's
    "maxAttempts": 3,
    "initialBackoff": "0.01s",
    "maxBackoff": "0.1s",
    "backoffMultiplier": 4,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],  # what a server that ends had not yet begun is cancelled
}
_CONFIG: Final = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{"name": [{"service": "searchrank.v1.RankingService"}], "retryPolicy": _RETRY}],
}
_OPTIONS: Final = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.service_config", json.dumps(_CONFIG)),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]
_ERRORS: Final[dict[grpc.StatusCode, type[SearchRankError]]] = {
    grpc.StatusCode.CANCELLED: UnavailableError,  # the server stopped while it answered
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
}


def _feedback(request_id: str, reactions: Sequence[Reaction], asked: Query | None) -> ingest_pb2.FeedbackRequest:
    who = asked or Query(surface="")
    return feedback_request(request_id, reactions, user_id=who.user_id, session_id=who.session_id, surface=who.surface)


def _address(targets: Sequence[str] | str) -> str:
    """Return the target name that makes one channel of several workers.

    Raises:
        RequestError: When there is no target, or one is not ``host:port``.
        UnavailableError: When a host's address is not known.
    """
    addresses = []
    named = [targets] if isinstance(targets, str) else targets
    if not named:
        raise RequestError("no worker is named", field="targets")
    for target in named:
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit():
            raise RequestError(f"{target!r} is not host:port", field="targets")
        try:
            addresses.append(f"{socket.gethostbyname(host)}:{port}")
        except OSError as error:
            raise UnavailableError(f"no address for {host!r}: {error}") from error
    return f"ipv4:{','.join(addresses)}"


def _channel(module: Any, targets: Sequence[str] | str, tls: Tls | None) -> Any:
    """Return a channel of ``grpc`` or ``grpc.aio`` to several workers."""
    address = _address(targets)
    if tls is None:
        return module.insecure_channel(address, options=_OPTIONS)
    first = targets if isinstance(targets, str) else targets[0]
    name = tls.server_name or first.rpartition(":")[0]
    options = [*_OPTIONS, ("grpc.ssl_target_name_override", name)]
    return module.secure_channel(address, tls.channel_credentials(), options=options)


def _error(error: grpc.RpcError, targets: Sequence[str] | str) -> SearchRankError:
    """Return what a failed call means in the library's own errors."""
    code, words = error.code(), error.details() or ""
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        refused = RequestError(words)
        trailing: Any = error.trailing_metadata()
        refused.field = next((value for key, value in trailing or () if key == "searchrank-field"), "")
        return refused
    if code is grpc.StatusCode.UNAVAILABLE and "connect" in words:
        why = unlike_ends(words)
        what = f"cannot speak with {targets}: {why}" if why else f"nothing answers at {targets}: {_START}"
        words = f"{what} ({words})"
    return _ERRORS.get(code, SearchRankError)(words or code.name)


class _Attempts:
    """How often an idempotent call is tried: again after a growing pause, for as long as there is time."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self._pause = FIRST_PAUSE

    @property
    def remaining(self) -> float:
        """Seconds left."""
        return self._end - monotonic()

    def pause(self, error: UnavailableError) -> float:
        """Return how long to wait before the next attempt.

        Raises:
            error: When there is no time for another.
        """
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        if pause >= self.remaining:
            raise error
        return pause


class Client:
    """A client for threads and scripts; use it as a context manager, or close it.

    Every call takes ``timeout`` seconds, which the server aims to stay within by leaving out what does not
    fit. Calls raise ``RequestError`` (the request is wrong), ``UnavailableError``, ``DeadlineError`` or
    ``SearchRankError`` (the server failed).
    """

    def __init__(self, targets: Sequence[str] | str = DEFAULT_TARGET, *, tls: Tls | None = None) -> None:
        self._targets = targets
        self._channel = _channel(grpc, targets, tls)
        self._stub = ranking_pb2_grpc.RankingServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._writes = ingest_pb2_grpc.IngestServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._channel.close()

    def rank(
        self,
        query: Query,
        ids: Sequence[str] | Sequence[int],
        sent: Columns | None = None,
        *,
        timeout: float = 1.0,
    ) -> Ranking:
        """Order candidates; ``sent`` holds candidate-scope values by input name, one for each id."""
        return Ranking.of(self._call(self._stub.Rank, rank_request(query, ids, sent or {}), timeout))

    def search(self, query: Query, *, timeout: float = 1.0) -> SearchResult:
        """Find and order items."""
        return SearchResult.of(self._call(self._stub.Search, search_request(query), timeout))

    def explain(
        self,
        query: Query,
        ids: Sequence[str] | Sequence[int],
        sent: Columns | None = None,
        *,
        timeout: float = 1.0,
    ) -> Explanation:
        """Say why at most 20 items get their scores."""
        return Explanation.of(self._call(self._stub.Explain, explain_request(query, ids, sent or {}), timeout))

    def ingest(self, changes: Sequence[Change], *, timeout: float = 10.0) -> Acknowledgement:
        """Write 1 to 10,000 changes; they are on disk when this returns.

        Sent again, while there is time, when the server is not available: the event ids make that safe.
        """
        return Acknowledgement.of(self._write(self._writes.Ingest, ingest_request(changes), timeout))

    def feedback(
        self,
        request_id: str,
        reactions: Sequence[Reaction],
        asked: Query | None = None,
        *,
        timeout: float = 10.0,
    ) -> Acknowledgement:
        """Say what a person did with the answer of this request id, and who asked, where; as ``ingest``."""
        request = _feedback(request_id, reactions, asked)
        return Acknowledgement.of(self._write(self._writes.Feedback, request, timeout))

    def _write(self, method: Any, request: Any, timeout: float) -> Any:
        attempts = _Attempts(timeout)
        while True:
            try:
                return self._call(method, request, attempts.remaining)
            except UnavailableError as error:
                sleep(attempts.pause(error))

    def _call(self, method: Any, request: Any, timeout: float) -> Any:
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise _error(error, self._targets) from error


class AsyncClient:
    """The same for asyncio; make it inside the running loop."""

    def __init__(self, targets: Sequence[str] | str = DEFAULT_TARGET, *, tls: Tls | None = None) -> None:
        self._targets = targets
        self._channel = _channel(grpc.aio, targets, tls)
        self._stub = ranking_pb2_grpc.RankingServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._writes = ingest_pb2_grpc.IngestServiceStub(self._channel)  # type: ignore[no-untyped-call]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._channel.close(None)

    async def rank(
        self,
        query: Query,
        ids: Sequence[str] | Sequence[int],
        sent: Columns | None = None,
        *,
        timeout: float = 1.0,
    ) -> Ranking:
        """Order candidates; ``sent`` holds candidate-scope values by input name, one for each id."""
        return Ranking.of(await self._call(self._stub.Rank, rank_request(query, ids, sent or {}), timeout))

    async def search(self, query: Query, *, timeout: float = 1.0) -> SearchResult:
        """Find and order items."""
        return SearchResult.of(await self._call(self._stub.Search, search_request(query), timeout))

    async def explain(
        self,
        query: Query,
        ids: Sequence[str] | Sequence[int],
        sent: Columns | None = None,
        *,
        timeout: float = 1.0,
    ) -> Explanation:
        """Say why at most 20 items get their scores."""
        return Explanation.of(await self._call(self._stub.Explain, explain_request(query, ids, sent or {}), timeout))

    async def ingest(self, changes: Sequence[Change], *, timeout: float = 10.0) -> Acknowledgement:
        """Write 1 to 10,000 changes; they are on disk when this returns.

        Sent again, while there is time, when the server is not available: the event ids make that safe.
        """
        return Acknowledgement.of(await self._write(self._writes.Ingest, ingest_request(changes), timeout))

    async def feedback(
        self,
        request_id: str,
        reactions: Sequence[Reaction],
        asked: Query | None = None,
        *,
        timeout: float = 10.0,
    ) -> Acknowledgement:
        """Say what a person did with the answer of this request id, and who asked, where; as ``ingest``."""
        request = _feedback(request_id, reactions, asked)
        return Acknowledgement.of(await self._write(self._writes.Feedback, request, timeout))

    async def _write(self, method: Any, request: Any, timeout: float) -> Any:
        attempts = _Attempts(timeout)
        while True:
            try:
                return await self._call(method, request, attempts.remaining)
            except UnavailableError as error:
                await asyncio.sleep(attempts.pause(error))

    async def _call(self, method: Any, request: Any, timeout: float) -> Any:
        try:
            return await method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise _error(error, self._targets) from error
