"""Counters and histograms that cost a request next to nothing: plain numbers, made into samples when they are scraped.

Each belongs to one thread, which counts; scrapes read on another. A histogram keeps how many values fell into each
bucket and their sum, so whatever moment a scrape sees, its buckets and its count agree.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client import CollectorRegistry

__all__ = ["CounterVec", "HistogramVec", "Labels"]

Labels = tuple[str, ...]
"""Values of the labels, in their order."""


class CounterVec(Collector):
    """Counts by labels.

    Attributes:
        labels: Names of the labels.
    """

    def __init__(self, registry: CollectorRegistry, name: str, words: str, *labels: str) -> None:
        """Count nothing yet.

        Args:
            registry: What scrapes read.
            name: Without the ``_total`` that it is exported with.
            words: What is counted.
            labels: Names of the labels.
        """
        self.labels = labels
        self._name, self._words = name, words
        self._counts: dict[Labels, int] = {}
        registry.register(self)

    def add(self, labels: Labels, count: int = 1) -> None:
        """Count one, or so many."""
        self._counts[labels] = self._counts.get(labels, 0) + count

    def keep(self, wanted: Callable[[Labels], bool]) -> None:
        """Forget the labels that are not wanted."""
        self._counts = {labels: count for labels, count in self._counts.items() if wanted(labels)}

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Say what is exported, without samples."""
        yield CounterMetricFamily(self._name, self._words, labels=self.labels)

    @override
    def collect(self) -> Iterator[CounterMetricFamily]:
        (family,) = self.describe()
        for labels, count in list(self._counts.items()):
            family.add_metric(labels, count)
        yield family


class HistogramVec(Collector):
    """Histograms by labels.

    Attributes:
        labels: Names of the labels.
    """

    def __init__(
        self, registry: CollectorRegistry, name: str, words: str, bounds: Sequence[float], *labels: str
    ) -> None:
        """Count nothing yet.

        Args:
            registry: What scrapes read.
            name: As it is exported.
            words: What is measured.
            bounds: Largest value of each bucket, ascending; one more takes what is larger.
            labels: Names of the labels.
        """
        self.labels = labels
        self._name, self._words = name, words
        self._bounds: Final = tuple(bounds)
        self._found: dict[Labels, list[float]] = {}  # of each bucket its count, then the sum of all values
        registry.register(self)

    def observe(self, labels: Labels, value: float) -> None:
        """Count a value."""
        found = self._found.get(labels)
        if found is None:
            found = self._found[labels] = [0] * (len(self._bounds) + 1) + [0.0]
        found[bisect_left(self._bounds, value)] += 1
        found[-1] += value

    def keep(self, wanted: Callable[[Labels], bool]) -> None:
        """Forget the labels that are not wanted."""
        self._found = {labels: found for labels, found in self._found.items() if wanted(labels)}

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Say what is exported, without samples."""
        yield HistogramMetricFamily(self._name, self._words, labels=self.labels)

    @override
    def collect(self) -> Iterator[HistogramMetricFamily]:
        (family,) = self.describe()
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, found in list(self._found.items()):
            *counts, total = list(found)
            reached, buckets = 0.0, []
            for bound, count in zip(bounds, counts, strict=True):
                reached += count
                buckets.append((bound, reached))
            family.add_metric(labels, buckets, total)
        yield family
