"""What a worker counts, for Prometheus.

What every request counts is kept by ``predictor.counting``; what changes rarely is the client library's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from predictor.counting import CounterVec, HistogramVec
from predictor.coverage import OUTCOMES
from searchrank.models import LibraryForest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from predictor.call import Call
    from predictor.overload import Overload
    from predictor.sketch import Alarm
    from predictor.surface import ServedSurface
    from searchrank.v1 import ranking_pb2

__all__ = ["Metrics"]

_SECONDS: Final = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_STAGE_SECONDS: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_ALIKE: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
_CANDIDATES: Final = (0, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)

_SERVED: Final = ("surface", "release")  # the last labels of what is counted by release
_SKIPPED: Final = ("skipped", "not asked")  # of the reasons that a branch and a store give

_RESULTS: Final = {
    "loads": ("taken", "refused"),
    "experiments": ("taken", "refused"),
    "spans": ("sent", "failed", "dropped"),
    "serving_log": ("written", "dropped", "failed", "left_out"),
}


class Metrics:
    """The counters of one worker, in a registry of their own; counted on the event loop."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._counts("requests", "Calls that ended", "rpc", "status", *_SERVED)
        self.seconds = self._measures("request_seconds", "Time inside the servicer", _SECONDS, "rpc", *_SERVED)
        self.stages = self._measures("stage_seconds", "Time inside a stage", _STAGE_SECONDS, "stage", *_SERVED)
        self.candidates = self._measures(
            "candidates", "Items that were sent, or found, to be ordered", _CANDIDATES, "rpc", "surface"
        )
        self.degradations = self._counts("degradations", "Parts left out of answers", "stage", "subject", "surface")
        self.branches = self._counts(
            "branches", "Recall branches by how asking them ended", "branch", "outcome", "surface"
        )
        self.branch_seconds = self._measures(
            "branch_seconds", "Time inside a recall branch that answered", _STAGE_SECONDS, "branch", "surface"
        )
        self.branch_candidates = self._counts(
            "branch_candidates", "Candidates that a recall branch handed over", "branch", "surface"
        )
        self.branch_unique = self._counts(
            "branch_unique", "Candidates that no other branch handed over", "branch", "surface"
        )
        self.skips = self._counts(
            "skips", "Branches and stores that were not asked, being busy or late before", "subject", "surface"
        )
        self.rules = self._counts("rules", "Answers in which a re-ranking rule moved items", "rule", "surface")
        self.arms = self._counts(
            "arms", "Answers by experiment arm, overridden units left out", "surface", "layer", "experiment", "arm"
        )
        self.loads = self._counter("loads", "Releases and snapshots taken into service, or refused", "result")
        self.experiments = self._counter(
            "experiments_loads", "Experiment files taken into service, or refused", "result"
        )
        self.serving_log = self._counter(
            "serving_log_answers",
            "Answers by what became of them in the serving log: written, dropped, failed or left_out",
            "result",
        )
        self.serving_log_queued = self._gauge(
            "serving_log_queued_bytes", "Memory that answers waiting for the serving log hold on to, about"
        )
        self.changes = self._counter("changes", "Changes and reactions handed in, by what became of them", "result")
        self.journal_seconds = self._histogram(
            "journal_seconds", "From admission to the acknowledgement that changes are on disk", _SECONDS
        )
        self.offset = self._gauge("state_offset", "Events of the log that requests know")
        self.follow_failures = self._counter("follow_failures", "Looks at the event log that failed")
        self.library_rows = self._gauge("library_rows", "Rows scored by LightGBM's library: models with linear trees")
        self.library_rows.set_function(lambda: LibraryForest.scored)
        self.pressure = self._gauge(
            "pressure", "0: the worker keeps up; to 1: it does less for a request; above: it refuses some"
        )
        self.queue_seconds = self._gauge("queue_seconds", "How long a request waited before it was looked at, last")
        self.cache = self._counts("cache_requests", "Looks into the head-query cache: hit or miss", "surface", "result")
        self.cache_entries = self._gauge("cache_entries", "Requests whose scores are kept", "surface")
        self.drift = self._gauge(
            "drift", "1 for a column that is not as it was in training", "surface", "column", "kind"
        )
        self.shadow = self._counter(
            "shadow_answers",
            "Sampled answers by what a shadow release would have changed: same, changed, busy, degraded or failed",
            "surface",
            "result",
        )
        self.shadow_rbo = self._histogram("shadow_rbo", "Rank-biased overlap with a shadow release", _ALIKE, "surface")
        self.live = self._gauge("live", "1 for what is served", "surface", "release", "snapshot")
        self.spans = self._counter("spans", "Spans of sampled requests: sent, failed or dropped", "result")
        for counter, results in _RESULTS.items():  # from 0, so that the first of them is an increase
            for result in results:
                getattr(self, counter).labels(result)

    def _counts(self, name: str, words: str, *labels: str) -> CounterVec:
        return CounterVec(self.registry, f"searchrank_{name}", words, *labels)

    def _measures(self, name: str, words: str, bounds: Sequence[float], *labels: str) -> HistogramVec:
        return HistogramVec(self.registry, f"searchrank_{name}", words, bounds, *labels)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"searchrank_{name}", words, labels, registry=self.registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"searchrank_{name}", words, labels, registry=self.registry)

    def _histogram(self, name: str, words: str, bounds: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"searchrank_{name}", words, labels, registry=self.registry, buckets=bounds)

    def ended(self, call: Call, status: str, seconds: float) -> None:
        """Count a call that has ended, one way or the other."""
        self.requests.add((call.rpc, status, call.surface, call.release))
        self.seconds.observe((call.rpc, call.surface, call.release), seconds)

    def answered(
        self,
        call: Call,
        coverage: ranking_pb2.Coverage,
        arms: Sequence[ranking_pb2.AssignedArm],
    ) -> None:
        """Count what is in an answer: its candidates, the time of each stage, what was left out, its arms."""
        surface, release = call.surface, call.release
        self.candidates.observe((call.rpc, surface), call.candidates)
        for part in coverage.stages:
            self.stages.observe((part.stage, surface, release), part.elapsed_us * 1e-6)
        for left_out in coverage.degradations:
            self.degradations.add((left_out.stage, left_out.subject, surface))
            if any(words in left_out.reason for words in _SKIPPED):
                self.skips.add((left_out.subject, surface))
        self._recalled(surface, coverage)
        for applied in coverage.rules:
            self.rules.add((applied.rule, surface))
        for arm in arms:
            if not arm.overridden:
                self.arms.add((surface, arm.layer, arm.experiment, arm.arm))

    def _recalled(self, surface: str, coverage: ranking_pb2.Coverage) -> None:
        for told in coverage.branches:
            outcome, labels = OUTCOMES[told.outcome], (told.branch, surface)
            self.branches.add((told.branch, outcome, surface))
            if outcome == "answered":
                self.branch_seconds.observe(labels, told.elapsed_us * 1e-6)
                self.branch_candidates.add(labels, told.returned)
                self.branch_unique.add(labels, told.unique)

    def keep(self, held: Collection[ServedSurface]) -> None:
        """Forget what was counted of releases that are let go of, so that pages do not grow with every promotion."""
        kept = {(surface.name, surface.release_name) for surface in held}
        for counted in (self.requests, self.seconds, self.stages):
            counted.keep(lambda labels: not labels[-1] or labels[-2:] in kept)

    def watch(self, overload: Overload) -> None:
        """Show whether a worker keeps up."""
        self.pressure.set_function(lambda: overload.pressure)
        self.queue_seconds.set_function(lambda: overload.delay)

    def looked_up(self, surface: str, result: str) -> None:
        """Count a look into the cache of a surface, ``hit`` or ``miss``."""
        self.cache.add((surface, result))

    def drifting(self, alarms: Sequence[Alarm]) -> None:
        """Show which columns are not as they were, and no others."""
        self.drift.clear()
        for alarm in alarms:
            self.drift.labels(alarm.surface, alarm.column, alarm.kind).set(1)

    def serve(self, port: int, host: str) -> None:
        """Answer scrapes on a thread of their own until the process ends."""
        start_http_server(port, addr=host, registry=self.registry)
