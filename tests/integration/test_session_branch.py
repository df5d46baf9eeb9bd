"""What somebody did a moment ago brings candidates, beside what they did before or without it."""

import time

import pyarrow as pa
import pytest

from predictor import pipeline
from predictor.answers import SearchResult
from predictor.query import Query, search_request
from predictor.serving import Serving
from predictor.testing import PROJECT, make_shop
from searchrank.events import DELETE_ITEM, EventLog, schema
from searchrank.features import FeatureSet

pytestmark = pytest.mark.integration

SESSION = "session: {events: [click], recent: user.recent_items, history: 1, quota: 10}"
BOTH = PROJECT.replace("      popular:", f"      {SESSION}\n      popular:")


@pytest.fixture
def shop(tmp_path):
    return make_shop(tmp_path, project=BOTH)


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


def told(log, kind, item, **who):
    moment = pa.array([time.time_ns() // 1_000], pa.timestamp("us", "UTC"))
    row = {"event_id": [f"e{log.end}"], "kind": [kind], "event_time": moment, "item_id": [item]}
    log.append(pa.table(row | {name: [value] for name, value in who.items()}))


async def found(serving, user):
    """Return the items that each branch of behaviour found for a user."""
    request = search_request(Query(surface="shop", user_id=user, limit=30))
    answer = SearchResult.of(await pipeline.search(serving.surface("shop"), request, None))
    by = dict.fromkeys(("item_to_item", "session"), ())
    for item, ways in zip(answer.ids, answer.found_by, strict=True):
        for way in ways:
            if way.branch in by:
                by[way.branch] = (*by[way.branch], item)
    return {name: set(items) for name, items in by.items()}


async def test_a_click_brings_its_neighbours_and_the_next_one_others(serving, log):
    assert await found(serving, "new") == {"item_to_item": set(), "session": set()}
    told(log, "click", "i5", user_id="new")
    serving.follow()
    assert (await found(serving, "new"))["session"] == {"i1", "i2"}
    told(log, "click", "i7", user_id="new")
    serving.follow()
    assert await found(serving, "new") == {"item_to_item": {"i1", "i2"}, "session": set()}


async def test_a_deleted_item_is_found_by_neither(serving, log):
    told(log, "click", "i5", user_id="new")
    told(log, DELETE_ITEM, "i2")
    serving.follow()
    assert await found(serving, "new") == {"item_to_item": {"i1"}, "session": {"i1"}}


def test_both_branches_read_one_index(shop):
    folders = [folder.name for folder in (shop.snapshots / "first" / "indexes").iterdir()]
    assert sorted(name.rpartition("-")[0] for name in folders) == ["item_to_item", "lexical", "popular"]
