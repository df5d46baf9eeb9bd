"""How a call ends: its status, its metrics, and for a refusal the words and the field that is wrong."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc

from searchrank.errors import (
    DeadlineError,
    InvalidInputError,
    NotFoundError,
    RequestError,
    SearchRankError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from predictor.metrics import Metrics

    Context = grpc.aio.ServicerContext[Any, Any]

__all__ = ["reply"]

_STATUSES: Final[list[tuple[type[SearchRankError], grpc.StatusCode]]] = [
    (RequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFoundError, grpc.StatusCode.NOT_FOUND),
    (DeadlineError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (UnavailableError, grpc.StatusCode.UNAVAILABLE),
]
Response = TypeVar("Response")
_logger = logging.getLogger("searchrank.predictor")


async def reply(
    rpc: str, work: Awaitable[Response], context: Context, metrics: Metrics, request_id: str = ""
) -> Response:
    """Return what the work gives, or end the call with the status that its error means; count either.

    Args:
        rpc: Name of the rpc.
        work: Makes the answer.
        context: The call.
        metrics: Where it is counted.
        request_id: The caller's name for the request, for the log of failures.
    """
    started = perf_counter()
    try:
        answer = await work
    except SearchRankError as error:
        status = next((code for kind, code in _STATUSES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
        words, field = str(error), error.field if isinstance(error, InvalidInputError) else ""
        if status is grpc.StatusCode.INTERNAL:
            _logger.exception("%s failed, request %r", rpc, request_id)
    except Exception:
        _logger.exception("%s failed, request %r", rpc, request_id)
        status, field = grpc.StatusCode.INTERNAL, ""
        words = f"the server failed and logged why under request {request_id!r}"
    else:
        metrics.count(rpc, "OK", perf_counter() - started)
        return answer
    metrics.count(rpc, status.name, perf_counter() - started)
    trailing = (("searchrank-field", field),) if field.isascii() and field.isprintable() and field else ()
    return await context.abort(status, words, trailing)
