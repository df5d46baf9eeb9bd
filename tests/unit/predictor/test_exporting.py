"""Spans on their way to a collector: in the SDK's form, counted, and never waited for."""

import logging
import threading

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import StatusCode

from predictor.exporting import SpanExport, open_exporter
from predictor.metrics import Metrics
from predictor.tracing import Span, Trace
from searchrank.errors import ConfigError

TRACE = Trace(0xABC, 0xDEF, "vendor=1")


def span(trace=TRACE, error=None):
    return Span(trace, "service/Rank", 1_000, 251_000, {"searchrank.stage.score_us": 7}, error)


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def counted(metrics):
    def count(result, spans):
        metrics.spans.labels(result).inc(spans)

    return count


def seen(metrics, result):
    return metrics.registry.get_sample_value("searchrank_spans_total", {"result": result})


class Held(SpanExporter):
    """Takes one batch and holds it until told otherwise."""

    def __init__(self):
        self.began, self.may_end = threading.Event(), threading.Event()

    def export(self, spans):  # noqa: ARG002 - the form of an exporter
        self.began.set()
        self.may_end.wait(10)
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self.may_end.set()


class Dead(SpanExporter):
    """Fails, and says so each time as the library does."""

    def export(self, spans):  # noqa: ARG002 - the form of an exporter
        logging.getLogger("opentelemetry.exporter").error("Failed to export to %s", "nowhere")
        return SpanExportResult.FAILURE

    def shutdown(self):
        pass


def test_a_span_arrives_as_it_was_with_its_parent(metrics, counted):
    memory = InMemorySpanExporter()
    export = SpanExport(memory, counted)
    export.take(span())
    export.take(span(Trace(0x123), "it broke"))
    export.close()
    first, second = sorted(memory.get_finished_spans(), key=lambda one: one.context.trace_id, reverse=True)
    assert (first.context.trace_id, first.parent.span_id) == (0xABC, 0xDEF)
    assert first.parent.is_remote
    assert first.context.trace_state["vendor"] == "1"
    assert (first.name, first.kind, first.start_time, first.end_time) == (
        "service/Rank",
        SpanKind.SERVER,
        1_000,
        251_000,
    )
    assert first.attributes["searchrank.stage.score_us"] == 7
    assert first.status.status_code is StatusCode.UNSET
    assert first.resource.attributes["service.name"] == "searchrank"
    assert (second.parent, second.status.status_code, second.status.description) == (None, StatusCode.ERROR, "it broke")
    assert first.context.span_id != second.context.span_id
    assert seen(metrics, "sent") == 2


def test_the_environment_names_the_service(monkeypatch, counted):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-ranking")
    memory = InMemorySpanExporter()
    export = SpanExport(memory, counted)
    export.take(span())
    export.close()
    (found,) = memory.get_finished_spans()
    assert found.resource.attributes["service.name"] == "shop-ranking"


def test_a_slow_collector_is_not_waited_for_and_what_is_dropped_is_counted(metrics, counted):
    held = Held()
    export = SpanExport(held, counted, queue=512)
    for _ in range(512):
        export.take(span())
    assert held.began.wait(10)
    for _ in range(100):
        export.take(span())  # 512 are under way or wait
    assert seen(metrics, "dropped") == 100
    held.may_end.set()
    export.close()
    assert seen(metrics, "sent") == 512


def test_a_dead_collector_is_said_once_and_every_lost_span_is_counted(metrics, counted, caplog):
    export = SpanExport(Dead(), counted)
    for _ in range(1_100):  # three batches
        export.take(span())
    export.close()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert lines[0].endswith("Failed to export to nowhere")
    assert seen(metrics, "failed") == 1_100
    assert logging.getLogger("opentelemetry").propagate


def test_variables_that_the_library_refuses_are_a_configuration_error(monkeypatch, counted):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "zebra")
    with pytest.raises(ConfigError, match="zebra"):
        open_exporter("http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="OTEL_BSP_"):
        SpanExport(Dead(), counted, queue=5)  # smaller than a batch
