"""What does it cost a request to be counted, traced and logged, beside the straightforward way to do each?

Run as ``python benchmarks/observe.py [--seconds S] [--json]``. In this process and without gRPC: one answer of eight
stages and two experiment arms is told of again and again. ``naive`` looks every labelled metric up where it is needed
(``.labels(...).observe(...)``), asks the SDK's tracer for a span a request and a span a stage, and logs a line a
request. Spans of both go to the SDK's batching thread and there to an exporter that does nothing; what the collector's
encoding of ours takes on that thread is told apart. Contenders take turns; medians.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from observe_naive import Naive, NaiveMetrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from rich.console import Console
from rich.table import Table
from timing import interleaved
from typing_extensions import override

from predictor.call import Call
from predictor.exporting import SpanExport
from predictor.log_lines import JsonLines, RequestLog
from predictor.metrics import Metrics
from predictor.observer import Observer
from predictor.tracing import Sampling, Tracer
from searchrank.v1 import ranking_pb2

if TYPE_CHECKING:
    from timing import Timing

CALLS = 50  # a turn
STAGES = ("admit", "know", "recall", "hydrate", "features", "score", "rerank", "answer")
METADATA = (("user-agent", "grpc-python/1.85.1"), ("x-request-start", "1"), ("grpc-accept-encoding", "gzip"))
TRACED = (*METADATA, ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
QUEUE = 1 << 20  # nothing is dropped: a dropped span costs less


class Context:
    """As much of a call's context as is looked at."""

    def __init__(self, metadata: Sequence[tuple[str, str]]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """Return what the caller sent."""
        return self._metadata


class Nowhere(SpanExporter):
    """Takes spans, and keeps the last batch."""

    def __init__(self) -> None:
        self.last: Sequence[ReadableSpan] = ()

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.last = spans
        return SpanExportResult.SUCCESS

    @override
    def shutdown(self) -> None:
        pass


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each pair of contenders")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    collector, lines = Nowhere(), Lines()
    export = SpanExport(collector, lambda _result, _spans: None, queue=QUEUE)
    logging.getLogger("naive").addHandler(lines)
    try:
        found = _measured(export, options.seconds)
    finally:
        logging.getLogger("naive").removeHandler(lines)
        export.close()
    encode = _encoding(collector.last)
    _print(found, encode)
    if options.json:
        figures: dict[str, object] = {name: _figures(pair) for name, pair in found.items()}
        print(json.dumps(figures | {"encode_us": round(encode, 2)}))


class Lines(logging.Handler):
    """Makes lines, and writes them nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def _measured(export: SpanExport, seconds: float) -> dict[str, dict[str, Timing]]:
    answer = _answer()
    naive, usual = Naive(answer, Nowhere()), NaiveMetrics(answer)
    counted, silent = Observer(Metrics()), RequestLog()
    sometimes, never = (Observer(counted.metrics, Tracer(Sampling(ratio), export.take)) for ratio in (0.01, 0.0))
    tracer = Tracer(Sampling(0.0), export.take)
    plain, traced = Context(METADATA), Context(TRACED)

    def whole(observer: Observer, context: Context) -> None:
        call = Call("Search", "places", "city@7", "r-1", 200)
        began = observer.began(call, context)
        observer.ended(call, "OK", began, answer)
        observer.metrics.answered(call, answer.coverage, answer.arms)
        silent.note(call, answer.coverage, 0.002)

    def metrics() -> None:
        call = Call("Search", "places", "city@7", "r-1", 200)
        counted.ended(call, "OK", counted.began(call, plain), answer)
        counted.metrics.answered(call, answer.coverage, answer.arms)

    def sampled() -> None:
        call = Call("Search", "places", "city@7", "r-1", 200)
        call.trace = tracer.sampled(traced.invocation_metadata())
        tracer.ended(call, "OK", 0.002, answer)

    quiet = Call("Search", "places", "city@7", "r-1", 200)
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "metrics": (metrics, usual.count),
        "unsampled": (lambda: never.tracer and never.tracer.sampled(METADATA), naive.not_traced),
        "sampled": (sampled, naive.traced),
        "log": (lambda: silent.note(quiet, answer.coverage, 0.002), naive.line),
        "request": (lambda: whole(sometimes, plain), lambda: naive.whole(usual)),
        "request_sampled": (lambda: whole(never, traced), lambda: naive.whole(usual, is_traced=True)),
    }

    def drain() -> None:
        export._processor.force_flush()  # noqa: SLF001 - what waits must not grow from turn to turn
        naive.drain()
        gc.collect(0)  # off while turns are timed, and the SDK's spans go round in circles

    try:
        return {name: _pair(*pair, drain, seconds) for name, pair in pairs.items()}
    finally:
        naive.close()


def _pair(
    ours: Callable[[], object], theirs: Callable[[], object], drain: Callable[[], None], seconds: float
) -> dict[str, Timing]:
    def many(one: Callable[[], object]) -> Callable[[], None]:
        def turn() -> None:
            for _ in range(CALLS):
                one()

        return turn

    timed = interleaved({"ours": many(ours), "naive": many(theirs), "drain": drain}, seconds=seconds)
    return {name: timed[name] for name in ("ours", "naive")}


def _answer() -> ranking_pb2.SearchResponse:
    """Return an answer that left nothing out."""
    answer = ranking_pb2.SearchResponse(request_id="r-1", snapshot_id="20250601T000000", candidates=200)
    for number, stage in enumerate(STAGES):
        answer.coverage.stages.add(stage=stage, elapsed_us=40 + 100 * number)
    for layer in ("ranking", "page"):
        answer.arms.add(layer=layer, experiment="longer", arm="control", propensity=0.5)
    return answer


def _encoding(spans: Sequence[ReadableSpan]) -> float:
    """Return microseconds a span that the exporter's thread takes to encode it."""
    gc.collect()
    batch, times = (list(spans) * 512)[:512], []
    for _ in range(7):
        began = perf_counter()
        encode_spans(batch).SerializeToString()
        times.append((perf_counter() - began) / len(batch) * 1e6)
    return sorted(times)[len(times) // 2]


def _figures(pair: dict[str, Timing]) -> dict[str, float]:
    return {f"{name}_us": round(timing.median / CALLS * 1e6, 2) for name, timing in pair.items()}


def _print(found: dict[str, dict[str, Timing]], encode: float) -> None:
    words = {
        "metrics": "metrics",
        "unsampled": "tracing, not sampled",
        "sampled": "tracing, sampled",
        "log": "log, when there is nothing to say",
        "request": "all of it, 1 % sampled",
        "request_sampled": "all of it, sampled",
    }
    table = Table("what", "ours, us", "naive, us", "ratio")
    for name, pair in found.items():
        ours, naive = _figures(pair).values()
        table.add_row(words[name], f"{ours:.2f}", f"{naive:.2f}", f"{naive / ours:.1f}")
    console = Console()
    console.print(table)
    console.print(f"a sampled span takes another {encode:.1f} us to encode, on the exporter's thread")


if __name__ == "__main__":
    main()
