"""What a worker counts, for Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

__all__ = ["Metrics"]

_BUCKETS: Final = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """The counters of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "searchrank_requests",
            "Requests by rpc and gRPC status",
            ["rpc", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "searchrank_request_seconds",
            "Time inside the servicer, seconds",
            ["rpc"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.degradations = Counter(
            "searchrank_degradations",
            "Parts left out of answers",
            ["stage", "subject"],
            registry=self.registry,
        )
        self.loads = Counter(
            "searchrank_loads",
            "Releases and snapshots taken into service, or refused",
            ["result"],
            registry=self.registry,
        )
        self.experiments = Counter(
            "searchrank_experiments_loads",
            "Experiment files taken into service, or refused",
            ["result"],
            registry=self.registry,
        )
        self.serving_log = Counter(
            "searchrank_serving_log_answers",
            "Answers by what became of them in the serving log: written, dropped, failed or left_out",
            ["result"],
            registry=self.registry,
        )
        self.serving_log_queued = Gauge(
            "searchrank_serving_log_queued_bytes",
            "Memory that answers waiting for the serving log hold on to, about",
            registry=self.registry,
        )
        self.changes = Counter(
            "searchrank_changes",
            "Changes and reactions handed in, by what became of them",
            ["result"],
            registry=self.registry,
        )
        self.journal_seconds = Histogram(
            "searchrank_journal_seconds",
            "From admission to the acknowledgement that changes are on disk, seconds",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.live = Gauge(
            "searchrank_live",
            "1 for what is served",
            ["surface", "release", "snapshot"],
            registry=self.registry,
        )

    def count(self, rpc: str, status: str, seconds: float) -> None:
        """Count a call that has ended."""
        self.requests.labels(rpc, status).inc()
        self.seconds.labels(rpc).observe(seconds)

    def serve(self, port: int, host: str) -> None:
        """Answer scrapes on a thread of their own until the process ends."""
        start_http_server(port, addr=host, registry=self.registry)
