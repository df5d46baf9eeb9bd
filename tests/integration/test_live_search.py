"""Filters and pages over what the log has told since the snapshot."""

import time
from dataclasses import replace

import pyarrow as pa
import pytest

from predictor import pipeline
from predictor.answers import SearchResult
from predictor.journey import Filtering
from predictor.query import Query, Sort, search_request
from predictor.screens import Screens
from predictor.serving import Serving
from predictor.testing import ITEMS, make_shop
from searchrank.events import DELETE_ITEM, PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet

pytestmark = pytest.mark.integration
ASKED = Query(surface="shop", user_id="u1", text="coffee tea", limit=40)
CHEAP = replace(ASKED, filter="item.price < 10")
FRUGAL = replace(ASKED, filter="item.price < user.age / 2")  # the user is 20 years old: the same, asked at each request


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


def tell(serving, log, kind, ids, prices=None) -> None:
    """Append one event an item and let the server follow."""
    moment = pa.array([time.time_ns() // 1_000] * len(ids), pa.timestamp("us", "UTC"))
    events = [f"e{log.end + place}" for place in range(len(ids))]
    columns = {"event_id": events, "kind": [kind] * len(ids), "event_time": moment, "item_id": ids}
    if prices is not None:
        columns |= {"item.price": prices, "item.title": ["tea"] * len(ids)}
    log.append(pa.table(columns))
    serving.follow()


async def search(serving, query, screens=None) -> SearchResult:
    surface = serving.surface("shop")
    surface = surface if screens is None else replace(surface, screens=screens)
    return SearchResult.of(await pipeline.search(surface, search_request(query), None))


@pytest.mark.parametrize("asked", [CHEAP, FRUGAL])
async def test_a_filter_sees_items_as_they_are_now(serving, log, asked):
    assert set((await search(serving, asked)).ids) == {f"i{k}" for k in range(10)}
    tell(serving, log, PUT_ITEM, ["i3", "i30", "i31"], [99.0, 1.0, None])
    tell(serving, log, DELETE_ITEM, ["i4", "i35"])
    found = await search(serving, asked)
    assert set(found.ids) == {f"i{k}" for k in (0, 1, 2, 5, 6, 7, 8, 9, 30)}
    assert found.coverage.filtering == Filtering(ITEMS - 2, ITEMS - 2 - 9, missing=1, exact=True)


@pytest.mark.parametrize("asked", [CHEAP, FRUGAL])
async def test_a_filter_is_asked_of_new_items_too(serving, log, asked):
    tell(serving, log, PUT_ITEM, ["cheap", "dear", "gone", "cheap"], [50.0, 60.0, 1.0, 1.0])
    tell(serving, log, DELETE_ITEM, ["gone"])
    found = await search(serving, asked)
    assert set(found.ids) == {"cheap", *(f"i{k}" for k in range(10))}
    assert found.coverage.filtering == Filtering(ITEMS + 2, ITEMS + 2 - 11, missing=0, exact=True)


async def test_a_put_of_nearly_everything_leaves_a_filter_exact(serving, log):
    tell(serving, log, PUT_ITEM, [f"i{k}" for k in range(1, ITEMS)], [100.0 + k for k in range(1, ITEMS)])
    found = await search(serving, replace(ASKED, filter="item.price >= 137"))
    assert set(found.ids) == {"i37", "i38", "i39"}
    assert found.coverage.filtering == Filtering(ITEMS, ITEMS - 3, 0, exact=True)


async def test_with_too_many_put_candidates_are_asked(serving, log):
    tell(serving, log, PUT_ITEM, ["i3", "i30"], [99.0, 1.0])
    few = Screens(serving.surface("shop").snapshot.catalogue.records, put=1)
    found = await search(serving, CHEAP, few)
    assert set(found.ids) == {f"i{k}" for k in (0, 1, 2, 4, 5, 6, 7, 8, 9, 30)}
    assert not found.coverage.filtering.exact


async def test_an_item_deleted_between_pages_drops_out(serving, log):
    asked = replace(ASKED, limit=5)
    whole = (await search(serving, replace(asked, limit=30))).ids
    first = await search(serving, asked)
    tell(serving, log, DELETE_ITEM, [whole[6], whole[2]])
    second = await search(serving, replace(asked, page_token=first.next_page_token))
    third = await search(serving, replace(asked, page_token=second.next_page_token))
    assert first.ids + second.ids + third.ids == whole[:6] + whole[7:16]
    assert (second.position, third.position) == (5, 10)


async def test_a_worker_that_lags_behind_takes_no_item_for_deleted(serving, log, shop):
    behind = Serving(shop)
    behind.load()
    try:
        asked = replace(ASKED, limit=5)
        tell(serving, log, PUT_ITEM, ["i1"], [1.0])
        left = serving.surface("shop").page_tokens.read((await search(serving, asked)).next_page_token)
        unheard = replace(left, ids=[*left.ids[:1], "brand-new", *left.ids[1:-1]])
        token = serving.surface("shop").page_tokens.write(unheard)
        assert (await search(behind, replace(asked, page_token=token))).ids[1] == "brand-new"
        assert "brand-new" not in (await search(serving, replace(asked, page_token=token))).ids
    finally:
        behind.close()


async def test_an_order_sees_items_as_they_are_now(serving, log):
    tell(serving, log, PUT_ITEM, ["i5"], [1_000.0])
    found = await search(serving, replace(CHEAP, filter="item.price > 36", sort=[Sort("item.price", descending=True)]))
    assert found.ids == ["i5", "i39", "i38", "i37"]
