"""Whether a worker serves, by the standard health service, and what it says of drift."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from predictor.channel import open_channel, translated
from predictor.health_service import DRIFT_KEY

if TYPE_CHECKING:
    from predictor.tls import Tls

__all__ = ["Health", "health_of"]


@dataclass(frozen=True, slots=True)
class Health:
    """What a worker says of itself.

    Attributes:
        state: ``SERVING``, ``NOT_SERVING`` while it begins to stop, or in words why it does not answer.
        drift: In words, what its requests bring that training did not see; the first ten.
    """

    state: str
    drift: tuple[str, ...] = ()


def health_of(target: str, tls: Tls | None, timeout: float) -> Health:
    """Ask a worker.

    Raises:
        RequestError: When the target is not ``host:port``.
        ConfigError: When the files of ``tls`` cannot be used.
    """
    with open_channel(grpc, target, tls) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer, call = stub.Check.with_call(health_pb2.HealthCheckRequest(), timeout=timeout)
        except grpc.RpcError as error:
            return Health(str(translated(error, target)))
    told: dict[str, Any] = dict(call.trailing_metadata() or ())
    state = str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
    return Health(state, tuple(json.loads(told.get(DRIFT_KEY, b"[]"))))
