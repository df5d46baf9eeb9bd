"""Whether a worker serves, by the standard health service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from predictor.channel import open_channel, translated

if TYPE_CHECKING:
    from predictor.tls import Tls

__all__ = ["state_of"]


def state_of(target: str, tls: Tls | None, timeout: float) -> str:
    """Return ``SERVING``, ``NOT_SERVING`` while it begins to stop, or in words why it does not answer.

    Raises:
        RequestError: When the target is not ``host:port``.
        ConfigError: When the files of ``tls`` cannot be used.
    """
    with open_channel(grpc, target, tls) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer: Any = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout)
        except grpc.RpcError as error:
            return str(translated(error, target))
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
