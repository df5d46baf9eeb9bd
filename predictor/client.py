"""Typed clients of ranking, recall and ingest: one channel that spreads calls over the workers' ports, in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any, Final, Self

import grpc

from predictor.answers import Explanation, Ranking, RecallResult, SearchResult
from predictor.channel import open_channel, translated
from predictor.query import Columns, Query, explain_request, rank_request, recall_request, search_request
from predictor.tls import Tls
from predictor.writing import Acknowledgement, Change, Reaction, feedback_request, ingest_request
from searchrank.errors import UnavailableError
from searchrank.v1 import ingest_pb2, ingest_pb2_grpc, ranking_pb2_grpc, recall_pb2_grpc

__all__ = ["AsyncClient", "Client"]

DEFAULT_TARGET: Final = "127.0.0.1:50051"
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0


def _feedback(request_id: str, reactions: Sequence[Reaction], asked: Query | None) -> ingest_pb2.FeedbackRequest:
    who = asked or Query(surface="")
    return feedback_request(request_id, reactions, user_id=who.user_id, session_id=who.session_id, surface=who.surface)


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
        self._channel = open_channel(grpc, targets, tls)
        self._stub = ranking_pb2_grpc.RankingServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._recall = recall_pb2_grpc.RecallServiceStub(self._channel)  # type: ignore[no-untyped-call]
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

    def recall(self, query: Query, branches: Sequence[str] = (), *, timeout: float = 1.0) -> RecallResult:
        """Find candidates by some branches, by all when none is named; ``rank`` takes their ``ids`` and ``columns``."""
        return RecallResult.of(self._call(self._recall.Recall, recall_request(query, branches), timeout))

    def explain(
        self,
        query: Query,
        ids: Sequence[str] | Sequence[int],
        sent: Columns | None = None,
        *,
        compare: tuple[int, int] | None = None,
        timeout: float = 1.0,
    ) -> Explanation:
        """Say why at most 20 items get their scores, and why one of two, named by position, ranks above the other."""
        request = explain_request(query, ids, sent or {}, compare)
        return Explanation.of(self._call(self._stub.Explain, request, timeout))

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
            raise translated(error, self._targets) from error


class AsyncClient:
    """The same for asyncio; make it inside the running loop."""

    def __init__(self, targets: Sequence[str] | str = DEFAULT_TARGET, *, tls: Tls | None = None) -> None:
        self._targets = targets
        self._channel = open_channel(grpc.aio, targets, tls)
        self._stub = ranking_pb2_grpc.RankingServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._recall = recall_pb2_grpc.RecallServiceStub(self._channel)  # type: ignore[no-untyped-call]
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

    async def recall(self, query: Query, branches: Sequence[str] = (), *, timeout: float = 1.0) -> RecallResult:
        """Find candidates by some branches, by all when none is named; ``rank`` takes their ``ids`` and ``columns``."""
        return RecallResult.of(await self._call(self._recall.Recall, recall_request(query, branches), timeout))

    async def explain(
        self,
        query: Query,
        ids: Sequence[str] | Sequence[int],
        sent: Columns | None = None,
        *,
        compare: tuple[int, int] | None = None,
        timeout: float = 1.0,
    ) -> Explanation:
        """Say why at most 20 items get their scores, and why one of two, named by position, ranks above the other."""
        request = explain_request(query, ids, sent or {}, compare)
        return Explanation.of(await self._call(self._stub.Explain, request, timeout))

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
            raise translated(error, self._targets) from error
