"""Candidates restricted to the items of owners that the request lists."""

import time
from dataclasses import replace

import pyarrow as pa
import pytest

from predictor import AsyncClient, Query, pipeline
from predictor.answers import Explanation, Ranking, SearchResult
from predictor.journey import Filtering, Removed
from predictor.metrics import Metrics
from predictor.query import explain_request, rank_request, search_request
from predictor.recording import open_log
from predictor.replay.audit import replayed
from predictor.screens import Screens
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import ITEMS, PROJECT, make_shop
from searchrank.errors import ConfigError, DefinitionError
from searchrank.events import DELETE_ITEM, PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet
from searchrank.serving_log import ServingLog

pytestmark = pytest.mark.integration
INPUTS = """  item.shop: {type: category}
  request.shops: {type: list, of: shop, limit: 10000}
"""
FILTER = "item.shop in request.shops"
ASKED = Query(surface="shop", user_id="u1", text="coffee tea", limit=40, filter=FILTER)
OWN = PROJECT.replace("    limit: 10\n", f"    limit: 10\n    filter: is_missing(request.shops) or {FILTER}\n")
WITHOUT = ITEMS // 8  # items of no shop


def of(*shops: int) -> set[str]:
    return {f"i{k}" for k in range(ITEMS) if k % 8 in shops}


def served(root, project=PROJECT) -> Serving:
    serving = Serving(make_shop(root, project=project, inputs=INPUTS))
    serving.load()
    return serving


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    serving = served(tmp_path_factory.mktemp("shop"))
    yield serving
    serving.close()


async def search(serving, shops, query=ASKED, screens=None) -> SearchResult:
    surface = serving.surface("shop")
    surface = surface if screens is None else replace(surface, screens=screens)
    query = query if shops is None else replace(query, context={"request.shops": shops})
    return SearchResult.of(await pipeline.search(surface, search_request(query), None))


async def test_ten_thousand_owners_cross_the_wire_and_unknown_and_repeated_ones_do_no_harm(serving):
    server = RankingServer(serving, Metrics())
    target = f"127.0.0.1:{await server.start('127.0.0.1', 0)}"
    shops = [f"far{k}" for k in range(9_996)] + ["s3", "s5", "s3", "s1"]
    async with AsyncClient(target) as client:
        found = await client.search(replace(ASKED, context={"request.shops": shops}))
    await server.stop(0)
    assert set(found.ids) == of(1, 3, 5)
    assert found.coverage.filtering == Filtering(ITEMS, ITEMS - 15, WITHOUT, exact=True)


async def test_an_empty_list_allows_nothing_and_a_missing_one_is_unknown(serving):
    none = await search(serving, [])
    assert (none.ids, none.coverage.filtering) == ([], Filtering(ITEMS, ITEMS, WITHOUT, exact=True))
    missing = await search(serving, None)
    assert (missing.ids, missing.coverage.filtering) == ([], Filtering(ITEMS, ITEMS, ITEMS, exact=True))
    every = replace(ASKED, filter=f"is_missing(request.shops) or {FILTER}")
    assert (await search(serving, None, every)).ids == (await search(serving, None, replace(ASKED, filter=""))).ids
    assert set((await search(serving, ["s2"], every)).ids) == of(2)


async def test_items_put_and_deleted_since_are_those_of_their_shops_now(tmp_path):
    serving = served(tmp_path)
    features = FeatureSet.load(tmp_path / "features.yaml")
    moment = pa.array([time.time_ns() // 1_000], pa.timestamp("us", "UTC"))
    changes = [(PUT_ITEM, "i3", "s4"), (PUT_ITEM, "new", "s3"), (PUT_ITEM, "opened", "s99"), (DELETE_ITEM, "i11", None)]
    with EventLog.open(serving.workspace.events, writable=True, schema=schema(features)) as log:
        for kind, item, shop in changes:
            row = {"event_id": [f"e{item}"], "kind": [kind], "event_time": moment, "item_id": [item]}
            log.append(pa.table(row | ({"item.shop": [shop], "item.title": ["tea"]} if shop else {})))
    serving.follow()
    found = await search(serving, ["s3", "s99"])
    assert set(found.ids) == of(3) - {"i3", "i11"} | {"new", "opened"}
    assert found.coverage.filtering == Filtering(ITEMS + 1, ITEMS + 1 - 5, WITHOUT, exact=True)
    serving.close()


async def test_what_needs_item_and_request_is_asked_of_what_the_owners_leave(serving):
    few = Screens(serving.surface("shop").snapshot.catalogue.records, of_request=10)
    both = replace(ASKED, filter=f"{FILTER} and item.price < user.age")  # the user is 20 years old
    found = await search(serving, ["s3"], both, few)
    assert set(found.ids) == {"i3", "i11", "i19"}
    assert found.coverage.filtering == Filtering(ITEMS, ITEMS - 3, WITHOUT - 2, exact=True)
    more = await search(serving, ["s3", "s4", "s5"], both, few)  # too many: candidates are asked
    assert set(more.ids) == {"i3", "i11", "i19", "i4", "i12", "i5", "i13"}
    assert not more.coverage.filtering.exact


async def test_a_list_that_stays_short_is_named(serving):
    surface = serving.surface("shop")
    narrow = replace(surface, recaller=surface.recaller.with_quotas(dict.fromkeys(surface.recaller.branches, 1)))
    narrow = replace(narrow, screens=Screens(surface.snapshot.catalogue.records, of_item=1))
    asked = search_request(replace(ASKED, context={"request.shops": ["s7"]}))
    found = SearchResult.of(await pipeline.search(narrow, asked, None))
    ((stage, subject, reason),) = found.coverage.degradations
    assert (stage, subject) == ("filter", "candidates")
    assert reason.endswith("of 40 wanted were found")


async def test_a_surface_has_a_filter_of_its_own_beside_that_of_the_request(tmp_path):
    serving = served(tmp_path, OWN)
    free = replace(ASKED, filter="")
    assert len((await search(serving, None, free)).ids) > len(of(2))
    assert set((await search(serving, ["s2"], free)).ids) == of(2)
    cheap = replace(ASKED, filter="item.price < 20")
    assert set((await search(serving, ["s2"], cheap)).ids) == {"i2", "i10", "i18"}
    surface = serving.surface("shop")
    asked = replace(free, context={"request.shops": ["s2"]})
    told = await pipeline.explain(surface, explain_request(asked, ["i2", "i3", "i8"], {}), None)
    assert Explanation.of(told).verdicts == (True, False, None)
    ranked = Ranking.of(await pipeline.rank(surface, rank_request(asked, ["i2", "i3"], {}), None))
    assert set(ranked.ids) == {"i2", "i3"}  # who sends candidates has chosen them
    serving.close()


@pytest.mark.parametrize(
    ("text", "error"), [("item.shup in request.shops", DefinitionError), ("item.price", ConfigError)]
)
def test_a_surface_with_a_bad_filter_is_refused_by_name(tmp_path, text, error):
    with pytest.raises(error, match=r"surfaces\.shop\.filter"):
        served(tmp_path, PROJECT.replace("    limit: 10\n", f"    limit: 10\n    filter: {text}\n"))


async def test_an_answer_over_ten_thousand_owners_is_logged_and_found_again(tmp_path):
    serving = served(tmp_path, OWN)
    log = open_log(serving.workspace, Metrics(), 1.0)
    shops = [f"far{k}" for k in range(9_998)] + ["s3", "s5"]
    for number, sent in enumerate([shops, shops[:9_999], []]):
        asked = replace(ASKED, filter="item.price < 30", context={"request.shops": sent}, request_id=f"r{number}")
        found = await pipeline.search(serving.surface("shop"), search_request(asked), None, log.offer)
        assert len(found.ids.strings.values) == (8, 4, 0)[number]
    log.close()
    serving.close()
    read = ServingLog.open(serving.workspace.serving)
    told = [one async for one in replayed(serving.workspace, read, list(read.checked()), recall=True)]
    assert [one.differences for one in told] == [()] * 3
    assert ["recall" in one.compared for one in told] == [True] * 3


async def test_what_was_found_twice_excluded_or_cut_is_counted(tmp_path):
    project = PROJECT.replace("    limit: 10\n", "    limit: 2\n    exclude: user.recent_items\n")
    serving = served(tmp_path, project.replace("candidates: 30", "candidates: 3"))
    found = await search(serving, None, replace(ASKED, filter="", text="coffee", limit=0))
    returned = {part.branch: part.returned for part in found.coverage.branches}
    assert returned == {"lexical": 19, "item_to_item": 1, "popular": 1}  # i5 thrice; i1 and i2 were clicked on
    assert found.coverage.removed == Removed(duplicates=2, excluded=2, cut=16)
    assert sum(returned.values()) - 2 - 16 == found.candidates == 3
    serving.close()
