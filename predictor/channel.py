"""How callers reach the workers: one channel over all their ports, calls in turn, and what its failures mean."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any, Final

import grpc

from predictor.tls import Tls, unlike_ends
from searchrank.errors import (
    DeadlineError,
    NotFoundError,
    OverloadError,
    RequestError,
    SearchRankError,
    UnavailableError,
)

__all__ = ["open_channel", "translated"]

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
_START: Final = "run 'searchrank serve' or name it with --target"
_ASKED: Final = ("RankingService", "RecallService")
_RETRY: Final = {  # the next attempt is the next worker's
    "maxAttempts": 3,
    "initialBackoff": "0.01s",
    "maxBackoff": "0.1s",
    "backoffMultiplier": 4,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],  # what a server that ends had not yet begun is cancelled
}
_IN_TURN: Final[dict[str, Any]] = {"round_robin": {}}
_EJECTION: Final = {  # a worker that hangs keeps its connections; most of its calls end with the caller's deadline
    "interval": "1s",
    "baseEjectionTime": "2s",
    "maxEjectionTime": "30s",
    "maxEjectionPercent": 50,
    "failurePercentageEjection": {"threshold": 50, "minimumHosts": 2, "requestVolume": 3},
    "childPolicy": [_IN_TURN],
}
_CONFIG: Final = {
    "loadBalancingConfig": [{"outlier_detection_experimental": _EJECTION}, _IN_TURN],  # the first that gRPC knows
    "methodConfig": [{"name": [{"service": f"searchrank.v1.{name}"} for name in _ASKED], "retryPolicy": _RETRY}],
}
_OPTIONS: Final = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.service_config", json.dumps(_CONFIG)),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]
_ERRORS: Final[dict[grpc.StatusCode, type[SearchRankError]]] = {
    grpc.StatusCode.CANCELLED: UnavailableError,  # the server stopped while it answered
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.UNIMPLEMENTED: NotFoundError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
}


def open_channel(module: Any, targets: Sequence[str] | str, tls: Tls | None) -> Any:
    """Return a channel to several workers.

    Args:
        module: ``grpc`` or ``grpc.aio``.
        targets: Their addresses, ``host:port``.
        tls: What the connections are encrypted with; None: nothing.

    Raises:
        RequestError: When there is no target, or one is not ``host:port``.
        UnavailableError: When a host's address is not known.
        ConfigError: When the files of ``tls`` cannot be used.
    """
    address = _address(targets)
    if tls is None:
        return module.insecure_channel(address, options=_OPTIONS)
    first = targets if isinstance(targets, str) else targets[0]
    name = tls.server_name or first.rpartition(":")[0]
    options = [*_OPTIONS, ("grpc.ssl_target_name_override", name)]
    return module.secure_channel(address, tls.channel_credentials(), options=options)


def _address(targets: Sequence[str] | str) -> str:
    """Return the target name that makes one channel of several workers.

    Raises:
        RequestError: When there is no target, or one is not ``host:port``.
        UnavailableError: When a host's address is not known.
    """
    addresses = []
    named = [targets] if isinstance(targets, str) else targets
    if not named:
        raise RequestError("no worker is named", field="targets")
    for target in named:
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit():
            raise RequestError(f"{target!r} is not host:port", field="targets")
        try:
            addresses.append(f"{socket.gethostbyname(host)}:{port}")
        except OSError as error:
            raise UnavailableError(f"no address for {host!r}: {error}") from error
    return f"ipv4:{','.join(addresses)}"


def translated(error: grpc.RpcError, targets: Sequence[str] | str) -> SearchRankError:
    """Return what a failed call means in the library's own errors."""
    code, words = error.code(), error.details() or ""
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        refused = RequestError(words)
        refused.field = _trailing(error, "searchrank-field")
        return refused
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return OverloadError(words, retry_ms=int(_trailing(error, "grpc-retry-pushback-ms") or 0))
    if code is grpc.StatusCode.UNAVAILABLE and "connect" in words:
        why = unlike_ends(words)
        what = f"cannot speak with {targets}: {why}" if why else f"nothing answers at {targets}: {_START}"
        words = f"{what} ({words})"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        words = f"the server at {targets} does not answer this: it serves recall alone (--only), or is an older version"
    return _ERRORS.get(code, SearchRankError)(words or code.name)


def _trailing(error: grpc.RpcError, name: str) -> str:
    """Return what the server sent beside a status; empty: nothing."""
    sent: Any = error.trailing_metadata()
    return next((str(value) for key, value in sent or () if key == name), "")
