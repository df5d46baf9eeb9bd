"""A connection that loads a gRPC server for a tenth of what a gRPC client costs.

A client that takes as much CPU for a call as the server does for refusing it cannot ask for two or three times the
server's capacity from one core: it falls behind, sends late, and what it measures is itself. This one writes HTTP/2
frames of unary calls and reads just enough of the answers: no compression of headers (a table of size 0 is asked for),
windows too large to fill towards it, the server's windows kept; a call that is given up is reset, as gRPC does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast

from typing_extensions import override

__all__ = ["Refused", "Wire"]

STATUSES: Final = {0: "OK", 1: "CANCELLED", 4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED", 14: "UNAVAILABLE"}
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_MOST: Final = 2**31 - 1
_WINDOW_SIZE: Final = 65_535


class Refused(Exception):  # noqa: N818 - an answer, not a mistake
    """A call that did not end with OK.

    Attributes:
        status: Name of the gRPC status.
    """

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Wire(asyncio.Protocol):
    """One connection."""

    def __init__(self, method: str, port: int) -> None:
        """Prepare the headers that all calls share.

        Args:
            method: Path of the rpc.
            port: Of the server, on this machine.
        """
        self._head = b"\x83\x86\x04" + _text(method) + b"\x01" + _text(f"127.0.0.1:{port}")
        self._head += b"\x0f\x10" + _text("application/grpc") + b"\x00" + _text("te") + _text("trailers")
        self._streams: dict[int, tuple[asyncio.Future[bytes], bytearray]] = {}
        self._last = -1
        self._window = _WINDOW_SIZE
        self._waiting: deque[bytes] = deque()
        self._unread = b""
        self._transport: asyncio.WriteTransport

    @classmethod
    async def connect(cls, method: str, port: int) -> Wire:
        """Return an open connection."""
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(lambda: cls(method, port), "127.0.0.1", port)
        return wire

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet: no header table, no push, windows as large as they get."""
        writing = self._transport = cast("asyncio.WriteTransport", transport)
        wishes = b"".join(key.to_bytes(2) + value.to_bytes(4) for key, value in ((1, 0), (2, 0), (4, _MOST)))
        hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, wishes)
        writing.write(hello + _frame(_WINDOW, 0, 0, (_MOST - _WINDOW_SIZE).to_bytes(4)))

    async def send(self, request: bytes, timeout: float | None = None) -> bytes:
        """Return the answer to a call.

        Args:
            request: The encoded message.
            timeout: Seconds until it is given up; None: never.

        Raises:
            Refused: When the status is not OK.
        """
        stream = self._last = self._last + 2
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._streams[stream] = future, bytearray()
        head = self._head
        if timeout is not None:
            head += b"\x00" + _text("grpc-timeout") + _text(f"{max(1, int(1e6 * timeout))}u")
        body = _frame(_DATA, _END_STREAM, stream, b"\x00" + len(request).to_bytes(4) + request)
        self._write(_frame(_HEADERS, _END_HEADERS, stream, head) + body, len(request) + 5)
        giving_up = None if timeout is None else loop.call_later(max(0.0, timeout), self._give_up, stream)
        try:
            return await future
        finally:
            if giving_up is not None:
                giving_up.cancel()

    def _write(self, frames: bytes, size: int) -> None:
        """Write a call unless it must wait for the server's window."""
        if self._waiting or size > self._window:
            self._waiting.append(frames)
            return
        self._window -= size
        self._transport.write(frames)

    def _widen(self, more: int) -> None:
        self._window += more
        while self._waiting:
            head = int.from_bytes(self._waiting[0][:3])
            size = len(self._waiting[0]) - head - 18
            if size > self._window:
                return
            self._window -= size
            self._transport.write(self._waiting.popleft())

    def _give_up(self, stream: int) -> None:
        self._transport.write(_frame(_RESET, 0, stream, (8).to_bytes(4)))
        self._end(stream, "DEADLINE_EXCEEDED")

    def _end(self, stream: int, status: str) -> None:
        future, content = self._streams.pop(stream, (None, b""))
        if future is None or future.done():
            return
        if status == "OK":
            future.set_result(bytes(content[5:]))
        else:
            future.set_exception(Refused(status))

    @override
    def data_received(self, data: bytes) -> None:
        """Read the frames that are there whole."""
        unread, at = self._unread + data, 0
        while len(unread) >= at + 9:
            end = at + 9 + int.from_bytes(unread[at : at + 3])
            if len(unread) < end:
                break
            self._read(unread[at + 3], unread[at + 4], int.from_bytes(unread[at + 5 : at + 9]), unread[at + 9 : end])
            at = end
        self._unread = unread[at:]

    def _read(self, kind: int, flags: int, stream: int, content: bytes) -> None:
        if kind == _DATA and stream in self._streams:
            self._streams[stream][1].extend(content)
        elif kind == _HEADERS and flags & _END_STREAM:
            self._end(stream, _status(content))
        elif kind == _RESET:
            self._end(stream, "CANCELLED")
        elif kind == _WINDOW and not stream:
            self._widen(int.from_bytes(content))
        elif kind in {_SETTINGS, _PING} and not flags & _ACK:
            self._transport.write(_frame(kind, _ACK, 0, content if kind == _PING else b""))
        elif kind == _GOAWAY:
            self.connection_lost(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """End all calls."""
        for stream in list(self._streams):
            self._end(stream, "UNAVAILABLE")


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + content


def _text(text: str) -> bytes:
    """Return a string as HPACK has it, shorter than 127 bytes."""
    return bytes((len(text),)) + text.encode("ascii")


def _status(trailers: bytes) -> str:
    """Return the name of the status in trailers, whose strings are not compressed."""
    _, _, rest = trailers.partition(b"grpc-status")
    code = int(rest[1 : 1 + rest[0]]) if rest else 2
    return STATUSES.get(code, str(code))
