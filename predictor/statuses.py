"""How a call ends: its status, its metrics, and for a refusal the words and the field that is wrong."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc

from searchrank.errors import (
    DeadlineError,
    InvalidInputError,
    NotFoundError,
    OverloadError,
    RequestError,
    SearchRankError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from predictor.call import Call
    from predictor.observer import Observer

    Context = grpc.aio.ServicerContext[Any, Any]

__all__ = ["reply"]

_STATUSES: Final[list[tuple[type[SearchRankError], grpc.StatusCode]]] = [
    (RequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFoundError, grpc.StatusCode.NOT_FOUND),
    (OverloadError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (DeadlineError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (UnavailableError, grpc.StatusCode.UNAVAILABLE),
]
Response = TypeVar("Response")
_logger = logging.getLogger("searchrank.predictor")


async def reply(call: Call, work: Awaitable[Response], context: Context, observer: Observer) -> Response:
    """Return what the work gives, or end the call with the status that its error means; tell of either.

    Args:
        call: What is counted, and named in the log of failures.
        work: Makes the answer.
        context: The call.
        observer: Is told of it.

    Raises:
        CancelledError: When the caller gave up.
    """
    began = observer.began(call, context)
    try:
        answer = await work
    except SearchRankError as error:
        status = next((code for kind, code in _STATUSES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
        words, trailing = str(error), _beside(error)
        if status is grpc.StatusCode.INTERNAL:
            _logger.exception("%s failed, request %r", call.rpc, call.request_id, extra={"fields": call.fields()})
    except asyncio.CancelledError:
        observer.ended(call, "CANCELLED", began)
        raise
    except Exception:
        _logger.exception("%s failed, request %r", call.rpc, call.request_id, extra={"fields": call.fields()})
        status, trailing = grpc.StatusCode.INTERNAL, ()
        words = f"the server failed and logged why under request {call.request_id!r}"
    else:
        observer.ended(call, "OK", began, answer)
        return answer
    observer.ended(call, status.name, began, words=words)
    try:
        return await context.abort(status, words, trailing)
    except grpc.aio.InternalError:  # the call has ended: nobody is there to be told
        raise asyncio.CancelledError from None


def _beside(error: SearchRankError) -> tuple[tuple[str, str], ...]:
    """Return what is sent beside the words: the field that is wrong, or how long to wait."""
    if isinstance(error, OverloadError) and error.retry_ms:
        return (("grpc-retry-pushback-ms", str(error.retry_ms)),)
    field = error.field if isinstance(error, InvalidInputError) else ""
    return (("searchrank-field", field),) if field.isascii() and field.isprintable() and field else ()
