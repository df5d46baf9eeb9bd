"""Sends spans to a collector from a thread of its own; the only module that imports OpenTelemetry.

A collector that is dead or slow costs requests nothing: at most ``queue`` spans wait for it, further ones are dropped
and counted, and the log says it once. Spans are made as values of the SDK directly: its tracer's own way to a span,
with sampling, limits, context and locks that nothing here needs, takes seven times as long.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.span import TraceState
from opentelemetry.trace.status import Status, StatusCode
from typing_extensions import override

from predictor.tracing import Span
from searchrank.errors import ConfigError

__all__ = ["SpanExport", "open_exporter"]

CLOSE_SECONDS: Final = 2.0
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_UNSET: Final = Status(StatusCode.UNSET)
_SCOPE: Final = InstrumentationScope("searchrank.predictor")
_logger = logging.getLogger("searchrank.predictor")


def open_exporter(endpoint: str | None) -> SpanExporter:
    """Return what speaks OTLP over gRPC to a collector; None: to that of the ``OTEL_EXPORTER_OTLP_`` variables.

    Raises:
        ConfigError: When a variable says what cannot be.
    """
    try:
        return OTLPSpanExporter(endpoint=endpoint)
    except Exception as error:
        raise ConfigError(f"spans cannot be sent: {error}; look at the OTEL_EXPORTER_OTLP_ variables") from error


class SpanExport:
    """Takes spans on the event loop, sends them in batches on a thread."""

    def __init__(self, exporter: SpanExporter, count: Callable[[str, int], None], *, queue: int = 2048) -> None:
        """Begin the thread.

        Args:
            exporter: What sends.
            count: Called with ``sent``, ``failed`` or ``dropped`` and a number of spans, on either thread.
            queue: Most spans that wait.

        Raises:
            ConfigError: When a variable says what cannot be.
        """
        self._count, self._queue = count, queue
        self._waiting = _Waiting(exporter, count)
        try:
            self._processor = BatchSpanProcessor(self._waiting, max_queue_size=queue)
        except ValueError as error:
            self._waiting.close()
            raise ConfigError(f"spans cannot be sent in batches: {error}; look at the OTEL_BSP_ variables") from error
        self._offered = 0
        own = {"service.name": "searchrank", "service.instance.id": f"{socket.gethostname()}:{os.getpid()}"}
        self._resource = Resource.create().merge(Resource(own)).merge(OTELResourceDetector().detect())

    def take(self, span: Span) -> None:
        """Send a span soon, or drop it when too many wait."""
        if self._offered - self._waiting.settled >= self._queue:
            self._count("dropped", 1)
            return
        self._offered += 1
        self._processor.on_end(self._made(span))

    def _made(self, span: Span) -> ReadableSpan:
        trace = span.trace
        state = TraceState.from_header([trace.state]) if trace.state else None
        own = SpanContext(trace.trace_id, random.getrandbits(64) or 1, False, _SAMPLED, state)
        parent = SpanContext(trace.trace_id, trace.parent_id, True, _SAMPLED, state) if trace.parent_id else None
        return ReadableSpan(
            span.name,
            own,
            parent,
            self._resource,
            span.attributes,
            kind=SpanKind.SERVER,
            status=_UNSET if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=span.start,
            end_time=span.end,
            instrumentation_scope=_SCOPE,
        )

    def close(self) -> None:
        """Send what waits, for ``CLOSE_SECONDS`` at most."""
        ending = threading.Timer(CLOSE_SECONDS, self._waiting.give_up)
        ending.daemon = True
        ending.start()
        self._processor.shutdown()  # type: ignore[no-untyped-call]
        ending.cancel()
        self._waiting.close()


class _Waiting(SpanExporter):
    """Counts what becomes of spans, and says once when they do not arrive.

    Attributes:
        settled: Spans that were sent or given up.
    """

    def __init__(self, exporter: SpanExporter, count: Callable[[str, int], None]) -> None:
        self.settled = 0
        self._exporter, self._count = exporter, count
        self._is_failing = self._is_over = False
        self._library = _Library()

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            if not self._is_over:
                result = self._exporter.export(spans)
        finally:
            self.settled += len(spans)
            self._note(result is SpanExportResult.SUCCESS, len(spans))
        return result

    def _note(self, is_sent: bool, spans: int) -> None:
        self._count("sent" if is_sent else "failed", spans)
        if is_sent:
            self._library.first = ""
        if is_sent and self._is_failing:
            _logger.info("spans arrive again")
        elif not is_sent and not self._is_failing:
            why = self._library.first or "no reason was given"
            _logger.warning("spans do not arrive; requests are answered all the same, lost spans are counted: %s", why)
        self._is_failing = not is_sent

    def give_up(self) -> None:
        """Send nothing more, and wait no longer for what is under way."""
        self._is_over = True
        self._exporter.shutdown()

    @override
    def shutdown(self) -> None:
        if not self._is_over:
            self._exporter.shutdown()

    def close(self) -> None:
        """Let the library log as it did."""
        self._library.let_go()


class _Library(logging.Handler):
    """Keeps what OpenTelemetry's own log says first of a failure; the rest comes with every batch and goes nowhere.

    Attributes:
        first: The words.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""
        self._log = logging.getLogger("opentelemetry")
        self._log.addHandler(self)
        self._log.propagate = False

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or record.getMessage()

    def let_go(self) -> None:
        """Listen no longer."""
        self._log.removeHandler(self)
        self._log.propagate = True
