"""The gRPC face of a worker: statuses, health, reflection, and an end that lets requests finish."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from typing_extensions import override

from predictor import pipeline
from predictor.answering import Answering
from predictor.door import Door, OneLine
from predictor.health_service import HealthService
from predictor.ingest import IngestServicer
from predictor.journal_link import JournalLink
from predictor.observer import Observer
from predictor.probe import QueueProbe
from predictor.writable import Declared
from searchrank.errors import ConflictError
from searchrank.v1 import ingest_pb2, ingest_pb2_grpc, ranking_pb2, ranking_pb2_grpc, recall_pb2, recall_pb2_grpc

if TYPE_CHECKING:
    from predictor.metrics import Metrics
    from predictor.recording import Record
    from predictor.serving import Serving
    from predictor.tls import Tls
    from predictor.tracing import Tracer

    Context = grpc.aio.ServicerContext[Any, Any]

__all__ = ["GRACE_SECONDS", "RankingServer", "RankingServicer"]

GRACE_SECONDS: Final = 5.0
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
RECALL_SERVICE: Final = recall_pb2.DESCRIPTOR.services_by_name["RecallService"].full_name
SERVICES: Final = (
    ranking_pb2.DESCRIPTOR.services_by_name["RankingService"].full_name,
    RECALL_SERVICE,
    ingest_pb2.DESCRIPTOR.services_by_name["IngestService"].full_name,
)
_OPTIONS: Final = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]


class RankingServicer(ranking_pb2_grpc.RankingServiceServicer):
    """Answers the three rpcs from whatever is live when a request arrives."""

    def __init__(self, answering: Answering, record: Record | None) -> None:
        self._answer = answering.answer
        self._rank = partial(pipeline.rank, record=record)
        self._search = partial(pipeline.search, record=record)

    @override
    async def Rank(self, request: ranking_pb2.RankRequest, context: Context) -> ranking_pb2.RankResponse:
        """Order given candidates."""
        return await self._answer("Rank", self._rank, request, context)

    @override
    async def Search(self, request: ranking_pb2.SearchRequest, context: Context) -> ranking_pb2.SearchResponse:
        """Find and order candidates."""
        return await self._answer("Search", self._search, request, context)

    @override
    async def Explain(self, request: ranking_pb2.ExplainRequest, context: Context) -> ranking_pb2.ExplainResponse:
        """Say why items get their scores."""
        return await self._answer("Explain", pipeline.explain, request, context)


class RecallServicer(recall_pb2_grpc.RecallServiceServicer):
    """Answers ``Recall`` likewise."""

    def __init__(self, answering: Answering) -> None:
        self._answer = answering.answer

    @override
    async def Recall(self, request: recall_pb2.RecallRequest, context: Context) -> recall_pb2.RecallResponse:
        """Find candidates."""
        return await self._answer("Recall", pipeline.find, request, context)


class RankingServer:
    """A port with the ranking, recall and ingest services, health and reflection behind it."""

    def __init__(  # noqa: PLR0913 - what a worker is made of
        self,
        serving: Serving,
        metrics: Metrics,
        record: Record | None = None,
        link: JournalLink | None = None,
        *,
        max_connection_age: float = 0.0,
        tracer: Tracer | None = None,
        only_recall: bool = False,
    ) -> None:
        """Prepare; nothing listens before ``start``.

        Args:
            serving: What answers.
            metrics: Counts.
            record: Takes every answer of ``Rank`` and ``Search`` for the serving log; None: they are not logged.
            link: The line to the journal; None: writes are answered with UNAVAILABLE.
            max_connection_age: Seconds after which a caller is asked to connect anew, so that callers spread again
                over workers that came later; gRPC varies it by a tenth. 0: never.
            tracer: Traces the requests that are sampled; None: none.
            only_recall: Answer ``Recall`` alone.
        """
        age = [("grpc.max_connection_age_ms", int(max_connection_age * 1000))] if max_connection_age else []
        self._server = grpc.aio.server(options=[*_OPTIONS, *age])
        self._probe = QueueProbe(serving.lane)
        self._server.add_insecure_port(self._probe.address)
        self._probing: asyncio.Task[None] | None = None
        self._health = HealthService(serving.alarms)
        observer = Observer(metrics, tracer)
        answering = Answering(serving, observer)
        guarded = OneLine(self._server, Door(serving.lane.overload, observer))
        line = OneLine(self._server)
        recall_pb2_grpc.add_RecallServiceServicer_to_server(RecallServicer(answering), guarded)  # type: ignore[no-untyped-call]
        if not only_recall:
            ranking = RankingServicer(answering, record)
            ranking_pb2_grpc.add_RankingServiceServicer_to_server(ranking, guarded)  # type: ignore[no-untyped-call]
            writing = IngestServicer(Declared(serving), link or JournalLink(None), observer)
            ingest_pb2_grpc.add_IngestServiceServicer_to_server(writing, line)  # type: ignore[no-untyped-call]
        self._services = (RECALL_SERVICE,) if only_recall else SERVICES
        health_pb2_grpc.add_HealthServicer_to_server(self._health, line)
        names = (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def start(self, host: str, port: int, tls: Tls | None = None) -> int:
        """Listen, encrypted if ``tls`` says with what, and report SERVING.

        Returns:
            The port, chosen by the system when 0 was asked for.

        Raises:
            ConflictError: When the port is taken.
        """
        address = f"{host}:{port}"
        credentials = None if tls is None else tls.server_credentials()
        try:
            if credentials is None:
                bound = self._server.add_insecure_port(address)
            else:
                bound = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise ConflictError(f"cannot listen on {host}:{port}, the port is taken; choose another --port") from error
        await self._server.start()
        self._probing = asyncio.create_task(self._probe.run())
        for name in ("", *self._services):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return int(bound)

    async def stop(self, grace: float = GRACE_SECONDS, *, drain: float = 0.0) -> None:
        """Report NOT_SERVING, go on answering while balancers notice, then let running requests finish and end.

        Args:
            grace: Seconds that running requests have after no new ones are taken.
            drain: Seconds that new ones are taken for after NOT_SERVING is reported.
        """
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(drain)
        await self._server.stop(grace)
        await asyncio.sleep(0)
