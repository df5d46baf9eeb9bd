"""How long a request waits before this worker looks at it: asked by requests of its own.

Requests wait inside gRPC, where nothing says since when; its own wait in the same line (see ``door``), which it reaches
through a socket in a private folder. With nothing to do that is ten small calls a second, under load fifty.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import weakref
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from predictor.lane import Lane

__all__ = ["QueueProbe"]

_IDLE_SECONDS: Final = 0.1
_BUSY_SECONDS: Final = 0.02
_QUIET: Final = 0.002  # seconds of waiting below which nothing is the matter
_LONGEST: Final = 0.5


class QueueProbe:
    """Tells a lane's ``overload`` how long requests wait; runs on the worker's loop."""

    def __init__(self, lane: Lane) -> None:
        """Ask nothing yet.

        Args:
            lane: What waits for its thread does not count: it queues only what it can do in time.
        """
        self._lane = lane
        folder = tempfile.mkdtemp(prefix="searchrank-")
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.address = f"unix:{Path(folder) / 'probe'}"

    async def run(self) -> None:
        """Ask until cancelled."""
        overload = self._lane.overload
        try:
            async with grpc.aio.insecure_channel(self.address) as channel:
                check = health_pb2_grpc.HealthStub(channel).Check
                while True:
                    overload.note(await _waited(check))
                    is_quiet = overload.pressure == 0 and overload.delay < _QUIET
                    await asyncio.sleep(_IDLE_SECONDS if is_quiet else _BUSY_SECONDS)
        finally:
            self._remove()


async def _waited(check: Any) -> float:
    """Return how many seconds a call took that needs no work."""
    began = monotonic()
    try:
        await check(health_pb2.HealthCheckRequest(), timeout=_LONGEST)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
            return 0.0  # the server begins or ends
    return monotonic() - began
