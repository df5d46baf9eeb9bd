"""The ingest service of a worker: admits writes, hands them to the journal, answers when they are on disk."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import grpc
from typing_extensions import override

from predictor.call import Call
from predictor.changes import admit_feedback, admit_ingest
from predictor.journey import Deadline
from predictor.statuses import reply
from searchrank.errors import InvalidInputError, UnavailableError
from searchrank.v1 import ingest_pb2, ingest_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from predictor.journal_link import JournalLink
    from predictor.journal_wire import Written
    from predictor.observer import Observer
    from predictor.writable import Declared

    Context = grpc.aio.ServicerContext[Any, Any]

__all__ = ["IngestServicer"]

PATIENCE_SECONDS: Final = 10.0  # for a call that comes without a deadline
LOOP_CHANGES: Final = 100  # more are admitted on a thread


class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """Answers the two rpcs that write."""

    def __init__(self, declared: Declared, link: JournalLink, observer: Observer) -> None:
        self._declared = declared
        self._link = link
        self._observer = observer
        self._metrics = observer.metrics

    @override
    async def Ingest(self, request: ingest_pb2.IngestRequest, context: Context) -> ingest_pb2.IngestResponse:
        """Write changes."""

        def admit() -> pa.RecordBatch:
            return admit_ingest(request, self._declared.writable())

        work = self._written(admit, len(request.changes), context)
        written = await reply(Call("Ingest"), work, context, self._observer)
        return ingest_pb2.IngestResponse(
            offset=written.offset, accepted=written.accepted, duplicates=written.duplicates
        )

    @override
    async def Feedback(self, request: ingest_pb2.FeedbackRequest, context: Context) -> ingest_pb2.FeedbackResponse:
        """Write reactions to an answer."""
        work = self._written(lambda: admit_feedback(request), len(request.reactions), context)
        call = Call("Feedback", request_id=request.request_id)
        written = await reply(call, work, context, self._observer)
        return ingest_pb2.FeedbackResponse(
            offset=written.offset, accepted=written.accepted, duplicates=written.duplicates
        )

    async def _written(self, admit: Callable[[], pa.RecordBatch], count: int, context: Context) -> Written:
        deadline = Deadline.of_call(context.time_remaining(), PATIENCE_SECONDS)
        results = self._metrics.changes
        try:
            part = admit() if count <= LOOP_CHANGES else await asyncio.to_thread(admit)
            began = perf_counter()
            written = await self._link.append(part, deadline.remaining)
        except InvalidInputError:
            results.labels("refused").inc(count)
            raise
        except UnavailableError:
            results.labels("unavailable").inc(count)
            raise
        self._metrics.journal_seconds.observe(perf_counter() - began)
        results.labels("accepted").inc(written.accepted)
        results.labels("duplicate").inc(written.duplicates)
        return written
