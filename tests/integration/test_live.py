"""What the log tells is what the next request knows, in every stage and without a new snapshot."""

import asyncio
import threading
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from predictor import pipeline
from predictor.answers import Ranking, SearchResult
from predictor.follower import Follower
from predictor.metrics import Metrics
from predictor.query import Query, explain_request, rank_request, search_request
from predictor.serving import Serving
from predictor.testing import WEIGHTS, make_shop, make_snapshot
from searchrank.events import DELETE_ITEM, PUT_ITEM, PUT_USER, EventLog, schema
from searchrank.features import FeatureSet

pytestmark = pytest.mark.integration

ASKED = Query(surface="shop", user_id="u1")
PRICE, CLICKS, _, AGE_PRICE, _ = WEIGHTS


@pytest.fixture
def shop(tmp_path):
    return make_shop(tmp_path)


@pytest.fixture
def log(shop):
    with EventLog.open(shop.events, writable=True, schema=schema(FeatureSet.load(shop.features))) as opened:
        yield opened


@pytest.fixture
def serving(shop):
    serving = Serving(shop)
    serving.load()
    yield serving
    serving.close()


def told(log, kind, **values):
    """Append one event and return the offset after it."""
    moment = pa.array([time.time_ns() // 1_000], pa.timestamp("us", "UTC"))
    given = {name.replace("__", "."): [value] for name, value in values.items()}
    return log.append(pa.table({"event_id": [f"e{log.end}"], "kind": [kind], "event_time": moment, **given})).offset


async def rank(serving, ids, query=ASKED):
    answer = Ranking.of(await pipeline.rank(serving.surface("shop"), rank_request(query, ids, {}), None))
    return dict(zip(answer.ids, answer.scores.tolist(), strict=True)), answer


async def search(serving, query):
    return SearchResult.of(await pipeline.search(serving.surface("shop"), search_request(query), None))


async def test_a_click_is_counted_in_the_next_request(serving, log):
    before, _ = await rank(serving, ["i1", "i3"])
    told(log, "click", user_id="u1", item_id="i3")
    serving.follow()
    after, _ = await rank(serving, ["i1", "i3"])
    assert after["i3"] == pytest.approx(before["i3"] + CLICKS)
    assert after["i1"] == before["i1"]


async def test_an_answer_says_how_far_the_log_was_read_and_a_further_page_says_it_of_its_search(serving, log):
    first = await search(serving, asked := Query(surface="shop", user_id="u1", text="tea", limit=3))
    offset = told(log, "click", user_id="u1", item_id="i3")
    assert first.state_offset < offset
    serving.follow()
    assert (await rank(serving, ["i1"]))[1].state_offset == (await search(serving, asked)).state_offset == offset
    told_why = await pipeline.explain(serving.surface("shop"), explain_request(asked, ["i1"], {}), None)
    assert told_why.state_offset == offset
    further = await search(serving, Query(surface="shop", page_token=first.next_page_token))
    assert further.state_offset == first.state_offset


async def test_a_put_replaces_an_item_and_adds_one(serving, log):
    told(log, PUT_ITEM, item_id="i3", item__price=100.0)
    told(log, PUT_ITEM, item_id="new", item__price=7.0)
    serving.follow()
    scores, answer = await rank(serving, ["i3", "new", "i2"])
    assert scores["i3"] == pytest.approx(PRICE * 100 + AGE_PRICE * 20 * 100)
    assert scores["new"] == pytest.approx(PRICE * 7 + AGE_PRICE * 20 * 7)
    assert not len(answer.unknown)


async def test_a_deleted_item_is_unknown_and_not_found_until_it_is_put_again(serving, log):
    asked = Query(surface="shop", user_id="u1", text="tea number 4", limit=30)
    assert "i4" in (await search(serving, asked)).ids
    told(log, DELETE_ITEM, item_id="i4")
    serving.follow()
    assert "i4" not in (await search(serving, asked)).ids
    _, answer = await rank(serving, ["i4"])
    assert answer.unknown.tolist() == [0]
    told(log, PUT_ITEM, item_id="i4", item__price=4.0, item__title="tea number 4")
    serving.follow()
    scores, answer = await rank(serving, ["i4"])
    assert not len(answer.unknown)
    assert scores["i4"] == pytest.approx(PRICE * 4 + AGE_PRICE * 20 * 4)


async def test_a_put_item_is_found_by_its_words_beside_the_old_ones(serving, log):
    told(log, PUT_ITEM, item_id="new", item__price=7.0, item__title="green tea")
    told(log, PUT_ITEM, item_id="i4", item__price=4.0, item__title="cocoa number 4")
    serving.follow()
    asked = Query(surface="shop", user_id="u1", text="green tea", limit=30)
    found = await search(serving, asked)
    assert "new" in found.ids
    assert "i4" not in found.ids
    assert {one.branch for one in found.found_by[found.ids.index("new")]} == {"lexical"}
    cocoa = await search(serving, replace(asked, text="cocoa"))
    assert [one.branch for one in cocoa.found_by[cocoa.ids.index("i4")]] == ["lexical"]
    assert cocoa.scores[cocoa.ids.index("i4")] == pytest.approx(PRICE * 4 + AGE_PRICE * 20 * 4)


async def test_an_item_put_again_is_found_by_behaviour_where_it_is_now(serving, log):
    asked = Query(surface="shop", user_id="u2", limit=30)
    before = await search(serving, asked)
    assert "i1" in before.ids
    told(log, PUT_ITEM, item_id="i1", item__price=30.0, item__title="tea")
    serving.follow()
    after = await search(serving, asked)
    assert after.ids.count("i1") == 1
    assert after.scores[after.ids.index("i1")] == pytest.approx(PRICE * 30 + 2 * CLICKS)


async def test_a_put_item_passes_filters_by_what_it_is_now(serving, log):
    told(log, PUT_ITEM, item_id="new", item__price=7.0, item__title="tea")
    told(log, PUT_ITEM, item_id="i2", item__price=70.0, item__title="tea")
    serving.follow()
    asked = Query(surface="shop", user_id="u1", text="tea", filter="item.price < 8", limit=30)
    found = await search(serving, asked)
    assert "new" in found.ids
    assert "i2" not in found.ids


async def test_a_put_user_is_known(serving, log):
    told(log, PUT_USER, user_id="u9", user__age=30.0)
    serving.follow()
    scores, _ = await rank(serving, ["i3"], Query(surface="shop", user_id="u9"))
    assert scores["i3"] == pytest.approx(PRICE * 3 + AGE_PRICE * 30 * 3)


async def test_many_items_put_one_after_the_other_are_all_derived(serving, log):
    for k in range(70):
        told(log, PUT_ITEM, item_id=f"n{k % 40}", item__price=float(k))
        if k % 9 == 0:
            serving.follow()
    serving.follow()
    ids = [f"n{k}" for k in range(40)]
    scores, _ = await rank(serving, ids)
    prices = np.array([k if k >= 30 else k + 40 for k in range(40)], float)
    assert [scores[one] for one in ids] == pytest.approx((prices * (PRICE + AGE_PRICE * 20)).tolist(), rel=1e-6)


async def test_what_a_request_began_with_stays_until_its_end(serving, log):
    surface = serving.surface("shop")
    view = surface.live.view
    told(log, PUT_ITEM, item_id="i3", item__price=100.0)
    serving.follow()
    assert surface.live.view is not view
    assert view.state.offset == 0
    rows, block = view.gathered(np.array([3]))
    assert rows.tolist() == [3]
    assert block is view.block


async def test_a_click_leaves_what_was_derived_of_the_items(serving, log):
    live = serving.surface("shop").live
    told(log, PUT_ITEM, item_id="new", item__price=7.0, item__title="tea")
    serving.follow()
    before = live.view
    arrivals = before.arrivals()
    offset = told(log, "click", user_id="u1", item_id="new")
    serving.follow()
    assert live.view.state.offset == offset > before.state.offset
    assert live.view.late is before.late
    assert live.view.arrivals() is arrivals
    told(log, PUT_ITEM, item_id="newer", item__price=8.0, item__title="tea")
    serving.follow()
    assert len(live.view.arrivals().rows) == 2


async def test_a_new_snapshot_goes_on_with_the_same_log(serving, shop, log):
    told(log, PUT_ITEM, item_id="new", item__price=7.0)
    make_snapshot(shop, "second")
    assert serving.load().taken == ("shop",)
    scores, answer = await rank(serving, ["new"])
    assert answer.snapshot_id == "second"
    assert scores["new"] == pytest.approx(PRICE * 7 + AGE_PRICE * 20 * 7)


async def test_the_follower_shows_an_event_within_a_tenth_of_a_second(serving, log):
    metrics = Metrics()
    follower = Follower(serving, metrics)
    try:
        waits = []
        for _ in range(20):
            offset = told(log, "click", user_id="u1", item_id="i3")
            began = time.monotonic()
            while serving.surface("shop").live.view.state.offset < offset:
                await asyncio.sleep(0.001)
                assert time.monotonic() - began < 10
            waits.append(time.monotonic() - began)
    finally:
        follower.stop()
    assert metrics.registry.get_sample_value("searchrank_state_offset") == offset
    assert not [thread for thread in threading.enumerate() if thread.name == "follower"]


async def test_a_log_that_cannot_be_read_is_told_once_and_requests_go_on(serving, log, shop, caplog):
    told(log, "click", user_id="u1", item_id="i3")
    serving.follow()
    log.close()
    for path in shop.events.glob("*.arrows"):
        path.unlink()
    (shop.events / "00000000000000000077.arrows").write_bytes(b"nonsense")
    metrics = Metrics()
    follower = Follower(serving, metrics, period=0.005)
    try:
        await asyncio.sleep(0.1)
    finally:
        follower.stop()
    scores, _ = await rank(serving, ["i3"])
    assert scores["i3"] == pytest.approx(PRICE * 3 + CLICKS + AGE_PRICE * 20 * 3)
    assert len([one for one in caplog.records if "known before" in one.message]) <= 1
