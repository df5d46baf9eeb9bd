"""Own counters and histograms are scraped as the client library's would be."""

import random

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from predictor.counting import CounterVec, HistogramVec

BOUNDS = (0.001, 0.01, 0.1, 1.0)


def lines(registry):
    text = generate_latest(registry).decode()
    return [line for line in text.splitlines() if "_created" not in line]


def test_a_page_reads_as_the_client_librarys():
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counter, histogram = CounterVec(ours, "calls", "Calls", "a", "b"), HistogramVec(ours, "took", "Time", BOUNDS, "a")
    usual = Counter("calls", "Calls", ("a", "b"), registry=theirs)
    measured = Histogram("took", "Time", ("a",), registry=theirs, buckets=BOUNDS)
    drawn = random.Random(1)  # noqa: S311 - any values will do
    for _ in range(200):
        label, value = drawn.choice("xyz"), drawn.choice((*BOUNDS, 0.0, -1.0, 7.5, drawn.random() / 20))
        counter.add((label, 'said "no"\n'))
        usual.labels(label, 'said "no"\n').inc()
        histogram.observe((label,), value)
        measured.labels(label).observe(value)
    assert lines(ours) == lines(theirs)


def test_what_was_never_counted_has_no_samples_but_its_name_is_taken():
    registry = CollectorRegistry()
    CounterVec(registry, "calls", "Calls", "a")
    assert [len(family.samples) for family in registry.collect()] == [0]
    with pytest.raises(ValueError, match="Duplicated"):
        CounterVec(registry, "calls", "Calls", "a")


def test_only_labels_that_are_wanted_are_kept():
    registry = CollectorRegistry()
    counter, histogram = CounterVec(registry, "calls", "Calls", "a"), HistogramVec(registry, "took", "T", BOUNDS, "a")
    for label in "xy":
        counter.add((label,))
        histogram.observe((label,), 0.5)
    for counted in (counter, histogram):
        counted.keep(lambda labels: labels == ("y",))
    assert registry.get_sample_value("calls_total", {"a": "x"}) is None
    assert registry.get_sample_value("calls_total", {"a": "y"}) == 1
    assert registry.get_sample_value("took_count", {"a": "x"}) is None
    assert registry.get_sample_value("took_sum", {"a": "y"}) == 0.5
