"""Requests that are not as training saw them, in a small shop."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from predictor import pipeline
from predictor.drift import BATCH, EVERY, Drift, Seen
from predictor.metrics import Metrics
from predictor.serving import Serving
from predictor.sketch import Measurer, Sketch
from predictor.testing import TIME_US, make_shop
from searchrank.models import learn
from searchrank.v1 import ranking_pb2

HOUR = 3_600_000_000
KNOWN = 600


class Collecting:
    """Keeps requests as they are picked."""

    def __init__(self):
        self.seen = []

    def saw(self, asked, pool, _condition):
        self.seen.append(Seen(asked, pool, asked.question.time_us))


def request(number, *, eta=None, filter_="") -> ranking_pb2.RankRequest:
    """Return a request for twelve items; a third of the hours brings the next items."""
    made = ranking_pb2.RankRequest(filter=filter_)
    made.candidates.strings.values.extend(f"i{(number + k) % 40}" for k in range(12))
    made.request_time.FromMicroseconds(TIME_US + number * HOUR // 5)
    column = made.candidate_columns.add(name="candidate.eta_min")
    column.doubles.values.extend(float((number * 7 + k) % 30) if eta is None else eta for k in range(12))
    return made


def answered(surface, collecting, numbers, **how):
    """Let requests be answered and return them as they were picked."""
    collecting.seen = []

    async def ask():
        for number in numbers:
            await pipeline.rank(surface, request(number, **how), None)

    asyncio.run(ask())
    return collecting.seen


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


@pytest.fixture(scope="module")
def collecting():
    return Collecting()


@pytest.fixture(scope="module")
def surface(shop, collecting):
    return replace(shop.surface("shop"), drift=collecting)


@pytest.fixture
def sketch(surface, collecting):
    seen = answered(surface, collecting, range(KNOWN))
    measurer = Measurer(surface.release)
    measured, whose = measurer.measure(seen)
    times = np.array([one.asked.question.time_us for one in seen])
    likeness = learn(measurer.names, measured.numbers, measured.categories, whose, times)
    return Sketch("shop", surface.release, likeness)


def fed(sketch, seen):
    for start in range(0, len(seen) - BATCH + 1, BATCH):
        sketch.add(seen[start : start + BATCH])
    return {(alarm.column, alarm.kind) for alarm in sketch.alarms}


def test_requests_as_they_were_alarm_nobody(sketch, surface, collecting):
    assert fed(sketch, answered(surface, collecting, range(KNOWN, 2 * KNOWN))) == set()


def test_values_of_another_unit_are_alarmed_with_how_they_were_and_are(sketch, surface, collecting, caplog):
    found = fed(sketch, answered(surface, collecting, range(512), eta=3_000.0))
    assert ("candidate.eta_min", "values") in found
    assert ("eta", "values") in found, "and what the model reads of it"
    alarm = next(one for one in sketch.alarms if one.column == "candidate.eta_min")
    assert "median of 3000" in alarm.now
    assert "surface shop: candidate.eta_min (values) was" in alarm.words
    assert sum("candidate.eta_min" in line for line in caplog.messages) == 1, "it is logged once"


def test_missing_values_are_alarmed_until_they_are_back(sketch, surface, collecting):
    assert ("candidate.eta_min", "missing") in fed(sketch, answered(surface, collecting, range(512), eta=float("nan")))
    assert fed(sketch, answered(surface, collecting, range(512, 1280))) == set()


def test_callers_an_hour_ahead_are_alarmed(sketch, surface, collecting):
    seen = [replace(one, clock=one.clock - HOUR) for one in answered(surface, collecting, range(512))]
    assert fed(sketch, seen) == {("request.time", "clock")}
    assert "+3600 s" in sketch.alarms[0].now


def test_a_release_without_likenesses_alarms_nobody(shop):
    surface = shop.surface("shop")
    for number in range(2 * EVERY):
        asyncio.run(pipeline.rank(surface, request(number, eta=float("nan")), None))
    surface.drift.settle()
    assert shop.alarms() == []


@pytest.mark.parametrize(("condition", "looked_at"), [(None, BATCH), ("a filter", 0)])
def test_every_fourth_request_is_looked_at_unless_it_has_a_filter(surface, collecting, condition, looked_at):
    drift, batches = Drift("shop", surface.release), []
    drift._sketches["sent"] = type("Kept", (), {"add": staticmethod(batches.append), "alarms": ()})
    drift._waiting["sent"] = []
    one = answered(surface, collecting, [1])[0]
    for _ in range(EVERY * BATCH):
        drift.saw(one.asked, one.pool, condition)
    drift.settle()
    drift.close()
    assert sum(map(len, batches)) == looked_at


def test_metrics_show_alarms_while_they_last(sketch, surface, collecting):
    metrics = Metrics()
    fed(sketch, answered(surface, collecting, range(512), eta=float("nan")))
    metrics.drifting(sketch.alarms)
    labels = {"surface": "shop", "column": "candidate.eta_min", "kind": "missing"}
    assert metrics.registry.get_sample_value("searchrank_drift", labels) == 1
    metrics.drifting([])
    assert metrics.registry.get_sample_value("searchrank_drift", labels) is None
