"""How a servicer answers a question: admitted, answered by what is live, counted, logged and remembered."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from predictor.call import Call
from predictor.log_lines import RequestLog
from predictor.statuses import reply
from searchrank.v1 import ranking_pb2, recall_pb2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import grpc

    from predictor.apart import Answer
    from predictor.observer import Observer
    from predictor.requests import AnyRequest
    from predictor.serving import Serving
    from predictor.surface import ServedSurface

    Context = grpc.aio.ServicerContext[Any, Any]

__all__ = ["Answering"]

Request = TypeVar(
    "Request",
    ranking_pb2.RankRequest,
    ranking_pb2.SearchRequest,
    ranking_pb2.ExplainRequest,
    recall_pb2.RecallRequest,
)
Response = TypeVar(
    "Response",
    ranking_pb2.RankResponse,
    ranking_pb2.SearchResponse,
    ranking_pb2.ExplainResponse,
    recall_pb2.RecallResponse,
)


class Answering:
    """Answers from whatever is live when a request arrives; the servicers of a worker share one."""

    def __init__(self, serving: Serving, observer: Observer) -> None:
        self._serving = serving
        self._observer = observer
        self._overload = serving.lane.overload
        self._log = RequestLog()

    async def answer(
        self,
        rpc: str,
        stages: Callable[[ServedSurface, Request, float | None], Awaitable[Response]],
        request: Request,
        context: Context,
    ) -> Response:
        """Return the answer of an rpc, or end the call with the status that its error means.

        Args:
            rpc: Its name.
            stages: Make the answer, of a surface, the request and the seconds that the caller still waits.
            request: As sent.
            context: The call.
        """
        began = perf_counter()
        call = Call(rpc, self._serving.called(request.surface), request_id=request.request_id)

        async def work() -> Response:
            remaining = context.time_remaining()
            self._overload.admit(remaining)
            surface = self._serving.surface(request.surface)
            call.release = surface.release_name
            answer = await stages(surface, request, remaining)
            call.release, call.request_id = f"{answer.release.name}@{answer.release.version}", answer.request_id
            call.candidates = _candidates(request, answer)
            return answer

        answer = await reply(call, work(), context, self._observer)
        seconds = perf_counter() - began
        self._overload.served(seconds)
        self._log.note(call, answer.coverage, seconds)
        self._observer.metrics.answered(call, answer.coverage, answer.arms)
        self._serving.answered(rpc, call.surface, request, answer)
        return answer


def _candidates(request: AnyRequest, answer: Answer) -> int:
    """Return how many items were found, or were sent where the caller sent them."""
    if isinstance(answer, ranking_pb2.SearchResponse):
        return answer.candidates
    if isinstance(answer, recall_pb2.RecallResponse):
        return len(answer.ids.strings.values)
    ids = request.candidates if isinstance(request, ranking_pb2.RankRequest) else answer.ids
    return len(ids.strings.values) or len(ids.integers.values)
