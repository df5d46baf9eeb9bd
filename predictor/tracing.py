"""Which requests leave a trace, and what is in it: one span a request, with the time of each stage as attributes.

Whether a request is sampled is decided before it is answered, by its caller's ``traceparent`` (W3C Trace Context) or
else by chance; its span is made when it has ended. Nothing here needs OpenTelemetry: ``predictor.exporting``, which
sends spans, is imported when tracing is on.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from searchrank.v1 import ingest_pb2, ranking_pb2, recall_pb2

if TYPE_CHECKING:
    from predictor.call import Call

__all__ = ["ERRORS", "Sampling", "Span", "Trace", "Tracer", "left_out"]

Values = str | int | bool | list[str]
ERRORS: Final = frozenset({"DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE"})
"""Statuses that are the server's fault, as OpenTelemetry's conventions for gRPC have it."""
_LIMIT: Final = 1 << 64  # the lower half of a trace id decides, as in OpenTelemetry's TraceIdRatioBased
_PARENT: Final = re.compile(
    r"(?!ff|00-.{53})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_METHODS: Final = {
    method.name: f"{service.full_name}/{method.name}"
    for file in (ranking_pb2, recall_pb2, ingest_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which requests are traced.

    Attributes:
        ratio: Share of those that nobody decided for, 0 to 1.
        heeds_parent: Whether a caller that traces its own request decides for this one too.
    """

    ratio: float
    heeds_parent: bool = True


@dataclass(frozen=True, slots=True)
class Trace:
    """A request that is traced.

    Attributes:
        trace_id: 128 bits, of the caller's trace or a new one.
        parent_id: The caller's span, 64 bits; 0: none.
        state: The caller's ``tracestate``, as sent.
    """

    trace_id: int
    parent_id: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """What is told of a traced request.

    Attributes:
        trace: Where it belongs.
        name: Full name of the method.
        start: Nanoseconds since 1970.
        end: Likewise.
        attributes: By name.
        error: Words of a failure that is the server's; None: there was none.
    """

    trace: Trace
    name: str
    start: int
    end: int
    attributes: Mapping[str, Values]
    error: str | None


class Tracer:
    """Decides for each request, and hands over the spans of those that are traced; used on the event loop."""

    def __init__(
        self, sampling: Sampling, take: Callable[[Span], None], close: Callable[[], None] | None = None
    ) -> None:
        """Begin.

        Args:
            sampling: Which requests are traced.
            take: Gets every span; must not wait.
            close: Called in the end, may wait; None: nothing is to be done then.
        """
        self._heeds_parent = sampling.heeds_parent
        self._below = round(sampling.ratio * _LIMIT)
        self._take, self._close = take, close

    def sampled(self, metadata: Iterable[tuple[str, Any]]) -> Trace | None:
        """Return the trace that a request with this metadata belongs to; None: it is not traced."""
        sent = state = ""
        for key, value in metadata:
            if key == "traceparent":
                sent = value
            elif key == "tracestate":
                state = value
        parent = _PARENT.fullmatch(sent) if sent else None
        if parent is None:
            trace_id = random.getrandbits(128) or 1
            return Trace(trace_id) if trace_id % _LIMIT < self._below else None
        trace_id = int(parent[1], 16)
        is_sampled = int(parent[3], 16) & 1 if self._heeds_parent else trace_id % _LIMIT < self._below
        return Trace(trace_id, int(parent[2], 16), state) if is_sampled else None

    def ended(self, call: Call, status: str, seconds: float, answer: Any = None, words: str = "") -> None:
        """Hand over the span of a traced call that ended now.

        Args:
            call: With its trace.
            status: Name of its gRPC status.
            seconds: What it took.
            answer: What was answered; None: nothing.
            words: Why nothing was answered.
        """
        if call.trace is None:
            return
        end = time.time_ns()
        attributes: dict[str, Values] = {
            "rpc.system.name": "grpc",
            "rpc.method": _METHODS[call.rpc],
            "rpc.response.status_code": status,
            **{f"searchrank.{name}": value for name, value in call.fields().items() if name not in {"rpc", "trace_id"}},
        }
        if status != "OK":
            attributes["error.type"] = status
        coverage = getattr(answer, "coverage", None)
        if coverage is not None:
            _tell(attributes, answer, coverage)
        error = words if status in ERRORS else None
        self._take(Span(call.trace, _METHODS[call.rpc], end - int(seconds * 1e9), end, attributes, error))

    def close(self) -> None:
        """Send what waits to be sent; may take two seconds."""
        if self._close is not None:
            self._close()


def _tell(attributes: dict[str, Values], answer: Any, coverage: ranking_pb2.Coverage) -> None:
    """Add what an answer says of itself."""
    attributes["searchrank.snapshot"] = answer.snapshot_id
    attributes["searchrank.degraded"] = bool(coverage.degradations)
    if coverage.degradations:
        attributes["searchrank.left_out"] = left_out(coverage)
    if answer.arms:
        attributes["searchrank.arms"] = [f"{arm.layer}/{arm.experiment}/{arm.arm}" for arm in answer.arms]
    for branch in coverage.branches:
        attributes[f"searchrank.branch.{branch.branch}_us"] = branch.elapsed_us
        attributes[f"searchrank.branch.{branch.branch}_returned"] = branch.returned
    for part in coverage.stages:
        attributes[f"searchrank.stage.{part.stage}_us"] = part.elapsed_us


def left_out(coverage: ranking_pb2.Coverage) -> list[str]:
    """Return in words what an answer is without."""
    return [f"{part.stage} {part.subject}: {part.reason}" for part in coverage.degradations]
