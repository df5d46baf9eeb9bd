"""What a worker counts, and that the guide lists all of it."""

import re
from collections import namedtuple
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from predictor.call import Call
from predictor.counting import CounterVec, HistogramVec
from predictor.coverage import OUTCOMES
from predictor.metrics import Metrics
from recall import Outcome
from searchrank.v1 import ranking_pb2

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "serving.md"
ROW = re.compile(r"^\| `(searchrank_\w+)` \|([^|]*)\|", re.MULTILINE)
SUFFIX = {"counter": "_total"}


Held = namedtuple("Held", "name release_name")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def counted(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"searchrank_{name}", labels) or 0.0


def answer(**stages) -> ranking_pb2.RankResponse:
    made = ranking_pb2.RankResponse()
    for stage, elapsed in stages.items():
        made.coverage.stages.add(stage=stage, elapsed_us=elapsed)
    return made


KINDS = (MetricWrapperBase, CounterVec, HistogramVec)


def test_the_guide_lists_every_metric_with_its_labels(metrics):
    exported = {}
    for one in vars(metrics).values():
        if isinstance(one, KINDS):
            (family,) = one.describe()
            exported[family.name + SUFFIX.get(family.type, "")] = set(
                one._labelnames if isinstance(one, MetricWrapperBase) else one.labels
            )
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in ROW.findall(GUIDE.read_text("utf-8"))}
    assert listed == exported


def test_nothing_is_exported_that_is_no_attribute(metrics):
    own = [one for one in vars(metrics).values() if isinstance(one, KINDS)]
    described = {family.name for one in own for family in one.describe()}
    names = {family.name for family in metrics.registry.collect()}
    assert described == {name for name in names if not name.startswith("process_")}
    assert "process_resident_memory_bytes" in names


def test_calls_are_counted_by_rpc_surface_release_and_status(metrics):
    for status in ("OK", "OK", "INTERNAL"):
        metrics.ended(Call("Rank", "shop", "m@3"), status, 0.004)
    metrics.ended(Call("Rank", "shop", "m@4"), "OK", 0.004)
    told = {"rpc": "Rank", "surface": "shop", "release": "m@3"}
    assert counted(metrics, "requests_total", **told, status="OK") == 2
    assert counted(metrics, "requests_total", **told, status="INTERNAL") == 1
    assert counted(metrics, "request_seconds_sum", **told) == pytest.approx(3 * 0.004)


def test_stages_are_counted_by_surface_and_release(metrics):
    for surface in ("shop", "shop", "plaza"):
        metrics.answered(Call("Rank", surface, "m@3", candidates=7), answer(know=120, score=3_000).coverage, [])
    shop, plaza = ({"surface": surface, "release": "m@3"} for surface in ("shop", "plaza"))
    assert counted(metrics, "stage_seconds_count", stage="score", **shop) == 2
    assert counted(metrics, "stage_seconds_sum", stage="score", **shop) == pytest.approx(2 * 0.003)
    assert counted(metrics, "stage_seconds_bucket", stage="know", **plaza, le="0.0002") == 1
    assert counted(metrics, "stage_seconds_bucket", stage="know", **plaza, le="0.0001") == 0
    assert counted(metrics, "candidates_sum", rpc="Rank", surface="plaza") == 7


def test_thousands_of_releases_leave_the_page_as_long_as_those_that_are_held(metrics):
    sizes = set()
    for version in range(2_000):
        call = Call("Rank", "shop", f"m@{version}")
        metrics.answered(call, answer(know=120, score=3_000).coverage, [])
        metrics.ended(call, "OK", 0.004)
        metrics.ended(Call("Rank", "shop"), "RESOURCE_EXHAUSTED", 0.0)  # before anything was asked
        held = [Held("shop", f"m@{version - back}") for back in range(3)]
        metrics.keep(held)
        sizes.add(sum(len(family.samples) for family in metrics.registry.collect()) if version in {9, 1_999} else 0)
    assert len(sizes - {0}) == 1
    assert counted(metrics, "requests_total", rpc="Rank", surface="shop", release="m@1996", status="OK") == 0
    assert counted(metrics, "requests_total", rpc="Rank", surface="shop", release="m@1997", status="OK") == 1
    refused = {"rpc": "Rank", "surface": "shop", "release": "", "status": "RESOURCE_EXHAUSTED"}
    assert counted(metrics, "requests_total", **refused) == 2_000


def test_what_was_left_out_is_counted_by_subject(metrics):
    made = answer()
    made.coverage.degradations.add(stage="recall", subject="popular", reason="no time")
    metrics.answered(Call("Search", "shop"), made.coverage, [])
    assert counted(metrics, "degradations_total", stage="recall", subject="popular", surface="shop") == 1


def test_arms_are_counted_unless_they_were_overridden(metrics):
    made = answer()
    made.arms.add(layer="page", experiment="longer", arm="long")
    made.arms.add(layer="page", experiment="longer", arm="control", overridden=True)
    metrics.answered(Call("Rank", "shop"), made.coverage, made.arms)
    told = {"surface": "shop", "layer": "page", "experiment": "longer"}
    assert counted(metrics, "arms_total", **told, arm="long") == 1
    assert counted(metrics, "arms_total", **told, arm="control") == 0


def test_what_alerts_ask_for_is_there_before_it_happens(metrics):
    for name in ("loads_total", "experiments_loads_total"):
        assert metrics.registry.get_sample_value(f"searchrank_{name}", {"result": "refused"}) == 0
    assert metrics.registry.get_sample_value("searchrank_serving_log_answers_total", {"result": "dropped"}) == 0


def test_branches_are_counted_by_how_asking_them_ended(metrics):
    made = answer()
    made.coverage.branches.add(branch="lexical", outcome=1, elapsed_us=400, returned=20, unique=12)
    made.coverage.branches.add(branch="dense", outcome=3, elapsed_us=45_000, reason="no answer within 45 ms")
    for _ in range(2):
        metrics.answered(Call("Search", "shop"), made.coverage, [])
    lexical, dense = ({"branch": branch, "surface": "shop"} for branch in ("lexical", "dense"))
    assert counted(metrics, "branches_total", outcome="answered", **lexical) == 2
    assert counted(metrics, "branches_total", outcome="late", **dense) == 2
    assert counted(metrics, "branch_seconds_sum", **lexical) == pytest.approx(2 * 0.0004)
    assert counted(metrics, "branch_seconds_count", **dense) == 0
    assert counted(metrics, "branch_candidates_total", **lexical) == 40
    assert counted(metrics, "branch_unique_total", **lexical) == 24


def test_every_outcome_has_its_number_on_the_wire():
    numbers = {number: f"BRANCH_OUTCOME_{words.upper()}" for number, words in OUTCOMES.items()}
    assert numbers == {n: name for name, n in ranking_pb2.BranchOutcome.items() if n}
    assert set(OUTCOMES.values()) == set(Outcome)
