"""The straightforward way to observe requests, which ``observe.py`` compares with."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

    from searchrank.v1 import ranking_pb2

__all__ = ["Naive", "NaiveMetrics"]

_SERVED = ("surface", "release")
_BOUNDS = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_logger = logging.getLogger("naive")


class NaiveMetrics:
    """The same metrics by the client library, each found where it is needed."""

    def __init__(self, answer: ranking_pb2.SearchResponse) -> None:
        registry = CollectorRegistry()
        self._answer = answer
        self._requests = Counter("requests", "Calls", ("rpc", "status", *_SERVED), registry=registry)
        self._seconds = Histogram("request_seconds", "Time", ("rpc", *_SERVED), registry=registry, buckets=_BOUNDS)
        self._stages = Histogram("stage_seconds", "Time", ("stage", *_SERVED), registry=registry, buckets=_BOUNDS)
        self._candidates = Histogram("candidates", "Items", ("rpc", "surface"), registry=registry)
        names = ("surface", "layer", "experiment", "arm")
        self._arms = Counter("arms", "Answers", names, registry=registry)

    def count(self) -> None:
        """Count the answer."""
        answer, served = self._answer, {"surface": "places", "release": "city@7"}
        self._requests.labels(rpc="Search", status="OK", **served).inc()
        self._seconds.labels(rpc="Search", **served).observe(0.002)
        for part in answer.coverage.stages:
            self._stages.labels(stage=part.stage, **served).observe(part.elapsed_us * 1e-6)
        self._candidates.labels(rpc="Search", surface="places").observe(answer.candidates)
        for arm in answer.arms:
            self._arms.labels(surface="places", layer=arm.layer, experiment=arm.experiment, arm=arm.arm).inc()


class Naive:
    """The SDK's tracer with a span a request and a span a stage, and a line of the log a request."""

    def __init__(self, answer: ranking_pb2.SearchResponse, exporter: SpanExporter) -> None:
        self._answer = answer
        always = TracerProvider(ALWAYS_ON, shutdown_on_exit=False)
        never = TracerProvider(ParentBasedTraceIdRatio(0.0), shutdown_on_exit=False)
        always.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=1 << 20))
        self._providers = (always, never)
        self._always, self._never = always.get_tracer("naive"), never.get_tracer("naive")
        _logger.setLevel(logging.INFO)
        _logger.propagate = False

    def traced(self) -> None:
        """Trace a request that is sampled."""
        self._spans(self._always)

    def not_traced(self) -> None:
        """Trace a request that is not."""
        self._spans(self._never)

    def _spans(self, tracer: Tracer) -> None:
        with tracer.start_as_current_span("Search", kind=SpanKind.SERVER) as span:
            for part in self._answer.coverage.stages:
                with tracer.start_as_current_span(part.stage):
                    pass
            span.set_attribute("searchrank.surface", "places")
            span.set_attribute("searchrank.release", "city@7")
            span.set_attribute("searchrank.request_id", self._answer.request_id)

    def line(self) -> None:
        """Log the request."""
        fields = {"request_id": self._answer.request_id, "surface": "places", "milliseconds": 2.0}
        _logger.info("Search took %.1f ms", 2.0, extra={"fields": fields})

    def drain(self) -> None:
        """Export what waits."""
        for provider in self._providers:
            provider.force_flush()

    def close(self) -> None:
        """End its threads."""
        for provider in self._providers:
            provider.shutdown()

    def whole(self, metrics: NaiveMetrics, *, is_traced: bool = False) -> None:
        """Do all of it."""
        self._spans(self._always if is_traced else self._never)
        metrics.count()
        self.line()
