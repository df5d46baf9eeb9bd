"""Releases and snapshots taken into service beside requests: warmed, kept for the way back, and let go."""

import asyncio
import gc
import shutil
import threading
import weakref
from functools import partial
from pathlib import Path

import pytest

from predictor.apart import answer
from predictor.call import Call
from predictor.metrics import Metrics
from predictor.query import Query, rank_request, search_request
from predictor.recent import Recent
from predictor.serving import Serving
from predictor.testing import FEATURES, make_shop, make_snapshot, promote, release
from predictor.warming import warm
from predictor.watch import watch
from searchrank.errors import NotFoundError
from searchrank.models import Ledger

pytestmark = pytest.mark.integration


def weights(first: float) -> tuple[float, ...]:
    return (first, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def serving(tmp_path):
    serving = Serving(make_shop(tmp_path))
    serving.load()
    yield serving
    serving.close()


def test_a_rollback_and_the_way_back_open_nothing(serving):
    first = serving.surface("shop")
    promote(serving.workspace, release(serving.workspace, weights(1.0)))
    serving.load()
    second = serving.surface("shop")
    shutil.rmtree(serving.workspace.releases)  # nothing of it is read again
    Ledger(serving.workspace.ledger).rollback("taste")
    assert serving.load().taken == ("shop",)
    assert serving.surface("shop") is first
    assert second in serving.loader.held


def test_the_snapshot_before_is_kept_too(serving):
    first = serving.surface("shop")
    make_snapshot(serving.workspace, "second")
    serving.load()
    second = serving.surface("shop")
    assert second.release is first.release
    (serving.workspace.snapshots / "CURRENT").write_text("first\n")
    serving.load()
    assert serving.surface("shop") is first
    serving.follow()
    assert {one.live.tail for one in serving.loader.held} == {first.live.tail, second.live.tail}


def test_what_served_long_ago_is_let_go(serving):
    seen = [weakref.ref(serving.surface("shop").live)]
    for number in range(4):
        promote(serving.workspace, release(serving.workspace, weights(number + 2.0)))
        serving.load()
        seen.append(weakref.ref(serving.surface("shop").live))
    assert [one() is not None for one in seen] == [False, False, True, True, True]


async def test_what_was_tried_on_it_keeps_nothing_that_served(serving):
    serving.workspace.experiments.write_text(
        "surfaces: {shop: {page: {salt: p, unit: user_id, parameters: {v: {type: integer, sets: limit}}, "
        "experiments: {e: {buckets: 0-9999, arms: {a: {weight: 1, set: {v: 2}}}}}}}}"
    )
    seen = []
    for number in range(4):
        promote(serving.workspace, release(serving.workspace, weights(number + 2.0)))
        serving.load()
        surface = serving.surface("shop")
        found = await answer(surface, rank_request(Query(surface="shop", user_id="u"), ["i1", "i2", "i3"], {}))
        assert [arm.arm for arm in found.arms] == ["a"]
        seen.append(weakref.ref(surface.live))
        del surface
    assert [one() is not None for one in seen] == [False, True, True, True]


async def test_thirty_swaps_under_requests_leave_nothing_open(serving):
    serving.loader.warm = partial(warm, recent=serving.recent)
    request = rank_request(Query(surface="shop", user_id="u"), ["i1", "i2", "i3"], {})
    for number in range(30):
        changed = FEATURES.replace("price: item.price * 1", f"price: item.price * {number % 10 + 2}")
        serving.workspace.features.write_text(changed)
        promote(serving.workspace, release(serving.workspace, weights(number + 2.0)))
        assert (await serving.load_aside()).taken == ("shop",)
        serving.answered("Rank", "shop", request, await answer(serving.surface("shop"), request))
        serving.follow()
    maps = Path("/proc/self/maps").read_text().splitlines()
    mapped = {line.split()[-1] for line in maps if str(serving.workspace.snapshots) in line and "/derived/" in line}
    assert 2 <= len(mapped) <= 2 * len(serving.loader.held) == 6


@pytest.fixture(autouse=True)
def nothing_is_collected():
    """What is let go must go at once: a collection that waits for its turn would keep whole releases until then."""
    gc.disable()
    yield
    gc.enable()


def test_releases_with_other_features_serve_one_after_the_other(serving):
    for number in range(3):
        changed = FEATURES.replace("price: item.price * 1", f"price: item.price * {number + 2}")
        serving.workspace.features.write_text(changed)
        promote(serving.workspace, release(serving.workspace))
        assert serving.load().taken == ("shop",)
    assert len({one.release.feature_set.fingerprint for one in serving.loader.held}) == 3


def test_a_pinned_release_is_not_opened_again_by_each_load(serving):
    release(serving.workspace, weights(5.0))
    serving.workspace.experiments.write_text(
        "surfaces: {shop: {page: {salt: p, unit: user_id, parameters: {v: {type: integer, sets: release}}, "
        "experiments: {e: {buckets: 0-9999, arms: {a: {weight: 1, set: {v: 2}}}}}}}}"
    )
    assert serving.load().experiments_refused is None
    pinned = serving.surface("shop").trial.releases[2, None]
    make_snapshot(serving.workspace, "second")  # bound anew, the release is the same
    serving.load()
    assert serving.surface("shop").trial.releases[2, None].release is pinned.release
    promote(serving.workspace, release(serving.workspace, weights(6.0)))
    before = serving.surface("shop").trial.releases[2, None]
    serving.load()
    assert serving.surface("shop").trial.releases[2, None] is before


def test_a_release_that_is_gone_is_refused_and_what_serves_serves_on(serving):
    before = serving.surface("shop")
    gone = release(serving.workspace, weights(1.0))
    promote(serving.workspace, gone)
    shutil.rmtree(gone)
    loaded = serving.load()
    assert isinstance(loaded.refused["shop"], NotFoundError)
    assert serving.surface("shop") is before


def test_a_snapshot_that_is_gone_is_refused_and_what_serves_serves_on(serving):
    before = serving.surface("shop")
    shutil.rmtree(make_snapshot(serving.workspace, "second"))
    assert "which is not there" in str(serving.load().refused["shop"])
    assert serving.surface("shop") is before


def test_half_a_line_in_the_ledger_waits_for_its_other_half(serving):
    ledger = serving.workspace.ledger
    promote(serving.workspace, release(serving.workspace, weights(1.0)))
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:-30])
    assert serving.load().taken == ()
    with ledger.open("ab") as file:
        file.write(whole[-30:])
    assert serving.load().taken == ("shop",)
    assert serving.surface("shop").release.version == 2


def test_of_two_promotions_at_once_the_one_in_the_last_line_serves(serving):
    folders = [release(serving.workspace, weights(number + 1.0)) for number in range(4)]
    threads = [threading.Thread(target=promote, args=(serving.workspace, folder)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    serving.load()
    last = Ledger(serving.workspace.ledger).live("taste")
    assert serving.surface("shop").release.digest == last.digest
    assert len(Ledger(serving.workspace.ledger).entries("taste")) == 5


def test_a_new_surface_answers_the_requests_of_late_before_it_serves(serving):
    asked = []
    recent = Recent()
    for number in range(20):
        recent.note("Rank", "shop", rank_request(Query(surface="shop", limit=2), [f"i{number}"], {}))
    recent.note("Search", "shop", search_request(Query(surface="shop", text="tea", filter="item.price < 9")))
    recent.note("Rank", "plaza", rank_request(Query(surface="plaza"), ["i1"], {}))
    serving.loader.warm = lambda surface: asked.append((surface, recent.of("shop")))
    promote(serving.workspace, release(serving.workspace, weights(1.0)))
    serving.load()
    ((surface, requests),) = asked
    assert surface is serving.surface("shop")
    assert [list(one.candidates.strings.values) for one in requests[:8]] == [[f"i{k}"] for k in range(12, 20)]
    assert len(requests) == 9
    warm(surface, recent)
    assert "item.price < 9" in surface.compiler._kept


def test_a_release_that_would_refuse_what_is_asked_says_so(serving, caplog):
    recent = Recent()
    recent.note("Rank", "shop", rank_request(Query(surface="shop", context={"request.mood": 1.0}), ["i1"], {}))
    warm(serving.surface("shop"), recent)
    assert "would refuse requests that are answered now" in caplog.text
    assert "request.mood" in caplog.text


async def test_a_promotion_is_seen_while_a_task_watches(serving):
    metrics = Metrics()
    serving.loader.warm = partial(warm, recent=serving.recent)
    watching = asyncio.create_task(watch(serving, metrics, period=0.01))
    for number in range(5):
        promote(serving.workspace, release(serving.workspace, weights(number + 1.0)))
        labels = {"surface": "shop", "release": f"taste@{number + 2}", "snapshot": "first"}
        while metrics.registry.get_sample_value("searchrank_live", labels) != 1:
            await asyncio.sleep(0.005)
        assert serving.surface("shop").release.version == number + 2
        metrics.ended(Call("Rank", "shop", labels["release"]), "OK", 0.001)
    watching.cancel()
    (live,) = [metric for metric in metrics.registry.collect() if metric.name == "searchrank_live"]
    assert len(live.samples) == 1
    (requests,) = [metric for metric in metrics.registry.collect() if metric.name == "searchrank_requests"]
    assert {sample.labels["release"] for sample in requests.samples} == {"taste@4", "taste@5", "taste@6"}  # still open
