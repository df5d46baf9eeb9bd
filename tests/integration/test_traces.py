"""Requests over loopback leave spans at a real OTLP receiver, and a dead one costs them nothing."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import make_shop
from predictor.trace_settings import open_tracer
from searchrank.project import Tracing
from searchrank.v1 import ranking_pb2, ranking_pb2_grpc

pytestmark = pytest.mark.integration
ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ASKED = ranking_pb2.RankRequest(
    surface="shop", request_id="r-1", candidates=ranking_pb2.Ids(strings=ranking_pb2.StringIds(values=["i1", "i3"]))
)


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self):
        self.spans, self.services = [], []

    def Export(self, request, context):  # noqa: ARG002, N802 - the form of a servicer
        for resource in request.resource_spans:
            self.services += [
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            ]
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
def receiver():
    found = Receiver()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(found, server)
    found.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield found
    server.stop(0).wait()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


async def answered(shop, tracer, calls):
    """Return the answers to calls, and stop; each is what is asked and its metadata."""
    server = RankingServer(shop, Metrics(), tracer=tracer)
    port = await server.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        rank = ranking_pb2_grpc.RankingServiceStub(channel).Rank
        answers = [await rank(request, metadata=metadata) for request, metadata in calls]
    await server.stop(0)
    return answers


async def test_a_request_that_its_caller_traces_is_one_span_at_the_collector(shop, receiver):
    metrics = Metrics()
    tracer = open_tracer(Tracing(endpoint=receiver.endpoint, ratio=0.0), metrics, {})
    traced = (("traceparent", f"00-{ID}-{PARENT}-01"),)
    answers = await answered(shop, tracer, [(ASKED, traced), (ASKED, None)])
    tracer.close()
    (span,) = receiver.spans
    told = {one.key: one.value for one in span.attributes}
    assert (span.name, span.kind) == ("searchrank.v1.RankingService/Rank", span.SPAN_KIND_SERVER)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (ID, PARENT)
    assert told["searchrank.request_id"].string_value == "r-1"
    assert told["searchrank.surface"].string_value == "shop"
    assert told["searchrank.release"].string_value.startswith(f"{answers[0].release.name}@")
    assert told["searchrank.candidates"].int_value == 2
    stages = {part.stage: part.elapsed_us for part in answers[0].coverage.stages}
    assert {name: told[f"searchrank.stage.{name}_us"].int_value for name in stages} == stages
    assert span.end_time_unix_nano - span.start_time_unix_nano >= 1_000 * sum(stages.values())
    assert receiver.services == ["searchrank"]
    assert metrics.registry.get_sample_value("searchrank_spans_total", {"result": "sent"}) == 1


async def test_a_dead_collector_loses_spans_and_no_request(shop, caplog):
    metrics = Metrics()
    tracer = open_tracer(Tracing(endpoint="http://127.0.0.1:1", ratio=1.0), metrics, {})
    answers = await answered(shop, tracer, [(ASKED, None)] * 20)
    assert all(answer.ids.strings.values for answer in answers)
    tracer.close()
    assert metrics.registry.get_sample_value("searchrank_spans_total", {"result": "failed"}) == 20
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "127.0.0.1:1" in said[0]
