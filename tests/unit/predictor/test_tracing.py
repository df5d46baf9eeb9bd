"""Which requests are traced, and what their spans say."""

import pytest

from predictor.call import Call
from predictor.metrics import Metrics
from predictor.observer import Observer
from predictor.tracing import Sampling, Trace, Tracer
from searchrank.v1 import ranking_pb2

ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def tracer(ratio=0.0, *, heeds_parent=True):
    spans = []
    return Tracer(Sampling(ratio, heeds_parent), spans.append), spans


def sent(words):
    return (("user-agent", "x"), ("traceparent", words))


@pytest.mark.parametrize(("flags", "ratio", "is_sampled"), [("01", 0.0, True), ("00", 1.0, False), ("03", 0.0, True)])
def test_a_caller_that_traces_decides(flags, ratio, is_sampled):
    decider, _ = tracer(ratio)
    found = decider.sampled(sent(f"00-{ID}-{PARENT}-{flags}"))
    assert found == (Trace(int(ID, 16), int(PARENT, 16)) if is_sampled else None)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "junk",
        f"00-{ID}-{PARENT}",
        f"ff-{ID}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID.upper()}-{PARENT}-01",
        f"00-{ID}-{PARENT}-01-more",
        f"00-{ID}-{PARENT}-01" * 1000,
    ],
)
def test_a_traceparent_that_is_none_is_as_if_it_were_not_there(words):
    assert tracer(0.0)[0].sampled(sent(words)) is None
    assert tracer(1.0)[0].sampled(sent(words)).parent_id == 0


def test_a_later_version_of_traceparent_may_say_more():
    assert tracer(0.0)[0].sampled(sent(f"01-{ID}-{PARENT}-01-more")).parent_id == int(PARENT, 16)


def test_the_state_that_a_caller_sends_goes_on():
    found = tracer()[0].sampled((("tracestate", "a=1"), *sent(f"00-{ID}-{PARENT}-01")))
    assert found.state == "a=1"


def test_chance_decides_for_the_share_that_was_asked_for():
    decider, _ = tracer(0.25)
    found = [trace for _ in range(4_000) if (trace := decider.sampled(())) is not None]
    assert 850 < len(found) < 1_150  # ± 5.5 standard deviations
    assert len({trace.trace_id for trace in found}) == len(found)
    assert all(trace.trace_id % 2**64 < 0.25 * 2**64 for trace in found)  # as any other service would decide


def test_without_heed_of_parents_the_trace_id_decides():
    decider, _ = tracer(0.5, heeds_parent=False)
    low, high = "0" * 31 + "1", "0" * 16 + "f" * 16
    assert decider.sampled(sent(f"00-{low}-{PARENT}-00")).parent_id == int(PARENT, 16)
    assert decider.sampled(sent(f"00-{high}-{PARENT}-01")) is None


def answer():
    made = ranking_pb2.RankResponse(snapshot_id="s-1")
    made.coverage.stages.add(stage="score", elapsed_us=700)
    made.coverage.degradations.add(stage="recall", subject="lexical", reason="too late")
    made.arms.add(layer="page", experiment="longer", arm="long")
    return made


def test_a_span_says_what_was_answered_and_how_long_each_stage_took():
    decider, spans = tracer()
    call = Call("Rank", "shop", "m@3", "r-1", candidates=200, trace=Trace(1))
    decider.ended(call, "OK", 0.25, answer())
    (span,) = spans
    assert span.name == "searchrank.v1.RankingService/Rank"
    assert span.end - span.start == 250_000_000
    assert span.error is None
    assert span.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "searchrank.v1.RankingService/Rank",
        "rpc.response.status_code": "OK",
        "searchrank.surface": "shop",
        "searchrank.release": "m@3",
        "searchrank.request_id": "r-1",
        "searchrank.candidates": 200,
        "searchrank.snapshot": "s-1",
        "searchrank.degraded": True,
        "searchrank.left_out": ["recall lexical: too late"],
        "searchrank.arms": ["page/longer/long"],
        "searchrank.stage.score_us": 700,
    }


@pytest.mark.parametrize(("status", "is_ours"), [("INTERNAL", True), ("INVALID_ARGUMENT", False), ("CANCELLED", False)])
def test_a_span_is_an_error_only_if_the_server_is_at_fault(status, is_ours):
    decider, spans = tracer()
    decider.ended(Call("Ingest", trace=Trace(1)), status, 0.0, words="why")
    (span,) = spans
    assert span.error == ("why" if is_ours else None)
    assert span.attributes["error.type"] == status
    assert span.name == "searchrank.v1.IngestService/Ingest"


class Context:
    def __init__(self, metadata):
        self.metadata = metadata

    def invocation_metadata(self):
        return self.metadata


@pytest.mark.parametrize("metadata", [None, (), sent("junk")])
def test_a_call_that_is_not_sampled_is_counted_and_makes_no_span(metadata):
    decider, spans = tracer(0.0)
    observer, call = Observer(Metrics(), decider), Call("Rank", "shop")
    observer.ended(call, "OK", observer.began(call, Context(metadata)), answer())
    assert spans == []
    told = {"rpc": "Rank", "surface": "shop", "release": "", "status": "OK"}
    assert observer.metrics.registry.get_sample_value("searchrank_requests_total", told) == 1


def test_the_trace_of_a_call_is_in_the_lines_that_the_log_has_of_it():
    assert Call("Rank", trace=Trace(int(ID, 16))).fields()["trace_id"] == ID
    assert "trace_id" not in Call("Rank").fields()
