"""Where calls come in: all in one line, and those that are too many go no further.

Told of its methods by name, ``grpc.aio`` keeps a line for each, and a call of one method says nothing about the wait
for another. Told by generic handlers alone it keeps one line, in which the probe waits with everybody. A call that is
refused here is not read: its handler takes a stream of requests, of which it asks for none.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from typing_extensions import override

from predictor.call import Call
from predictor.statuses import reply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from predictor.observer import Observer
    from predictor.overload import Overload

    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
    Service = grpc.GenericRpcHandler[Any, Any]

__all__ = ["Door", "OneLine"]


class OneLine:
    """What generated code adds a service to, in place of a server."""

    def __init__(self, server: grpc.aio.Server, door: Door | None = None) -> None:
        """Bind a server.

        Args:
            server: Takes the services.
            door: Stands before them; None: all come in.
        """
        self._server = server
        self._door = door

    def add_generic_rpc_handlers(self, handlers: Sequence[Service]) -> None:
        """Add handlers to the server."""
        door = self._door
        self._server.add_generic_rpc_handlers(handlers if door is None else [_Guarded(one, door) for one in handlers])

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Handler]) -> None:
        """Add nothing: the generic handlers have them all."""


class Door:
    """Refuses the share of calls that are too many."""

    def __init__(self, overload: Overload, observer: Observer) -> None:
        """Bind what decides.

        Args:
            overload: Knows the share.
            observer: Is told of each refusal.
        """
        self._overload = overload
        self._observer = observer

    def passed(self, method: str, handler: Handler | None) -> Handler | None:
        """Return the handler of a call, or one that refuses it; None: there is no such method."""
        if handler is None or not self._overload.is_too_many():
            return handler
        refusing: Handler = grpc.stream_unary_rpc_method_handler(partial(self._refuse, method.rpartition("/")[2]))
        return refusing

    async def _refuse(self, rpc: str, _: object, context: Context) -> None:
        async def work() -> NoReturn:
            raise self._overload.refusal("too much is asked of this worker; try again later")

        await reply(Call(rpc), work(), context, self._observer)


class _Guarded(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not generic when it runs
    """A service behind a door."""

    def __init__(self, service: Service, door: Door) -> None:
        self._service = service
        self._door = door

    @override
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return what answers a call."""
        return self._door.passed(handler_call_details.method, self._service.service(handler_call_details))
