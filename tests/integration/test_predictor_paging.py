"""Orders and pages of a search over real workspaces, without a network."""

import time
from dataclasses import replace

import numpy as np
import pytest

from predictor import pipeline
from predictor.answers import SearchResult
from predictor.page_token import PageTokens
from predictor.query import Query, Sort, search_request
from predictor.serving import Serving
from predictor.testing import PROJECT, make_shop, make_snapshot, promote, release
from searchrank.errors import RequestError

pytestmark = pytest.mark.integration
WIDE = PROJECT.replace("quota: 20", "quota: 40").replace("candidates: 30", "candidates: 40")
ASKED = Query(surface="shop", user_id="u1", text="coffee tea", limit=7)
EXPERIMENTS = """
surfaces:
  shop:
    page:
      salt: page
      unit: user_id
      parameters: {page_size: {type: integer, sets: limit}}
      experiments:
        longer: {buckets: 0-9999, arms: {long: {weight: 1, set: {page_size: 4}}}}
"""


@pytest.fixture
def serving(tmp_path):
    serving = Serving(make_shop(tmp_path / "shop", project=WIDE))
    serving.load()
    yield serving
    serving.close()


async def search(serving, query=ASKED, record=None, **changes) -> SearchResult:
    request = search_request(replace(query, **changes))
    return SearchResult.of(await pipeline.search(serving.surface("shop"), request, None, record))


async def pages(serving, query=ASKED) -> list[SearchResult]:
    found = [await search(serving, query)]
    while found[-1].next_page_token:
        found.append(await search(serving, query, page_token=found[-1].next_page_token))
    return found


async def refusal(serving, **changes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await search(serving, **changes)
    return caught.value


# --- sort


async def test_items_come_in_the_order_asked_for_with_their_scores(serving):
    by_score = await search(serving, limit=40)
    scores = dict(zip(by_score.ids, by_score.scores.tolist(), strict=True))
    for descending in (False, True):
        found = await search(serving, limit=40, sort=[Sort("item.price", descending)])
        prices = [int(item[1:]) for item in found.ids]
        assert prices == sorted(prices, reverse=descending)
        assert set(found.ids) == set(by_score.ids)
        assert found.scores.tolist() == [scores[item] for item in found.ids]


async def test_ties_go_by_the_next_key_and_then_by_score(serving):
    found = await search(serving, limit=40, sort=[Sort("item.clicks", descending=True), Sort("item.price < 20")])
    clicked = {"i1": 2, "i2": 2, "i5": 1}
    keys = [
        (-clicked.get(item, 0), int(item[1:]) < 20, -score) for item, score in zip(found.ids, found.scores, strict=True)
    ]
    assert keys == sorted(keys)


@pytest.mark.parametrize("descending", [False, True])
async def test_missing_comes_last_in_both_directions(serving, descending):
    found = await search(serving, text="coffee", limit=40, sort=[Sort("recall.lexical_rank", descending)])
    assert found.ids[-1] == "i2"  # found by history alone
    ranks = [branch.rank for by in found.found_by for branch in by if branch.branch == "lexical"]
    assert ranks == sorted(ranks, reverse=descending)


async def test_times_are_an_order_too(serving):
    found = await search(serving, sort=[Sort("request.time")])
    assert found.ids == (await search(serving)).ids


@pytest.mark.parametrize(
    ("sort", "field", "reason"),
    [
        ([Sort("item.title")], "sort[0]", "is a list, which has no order"),
        ([Sort("item.price"), Sort("item.prise")], "sort[1]", "did you mean item.price"),
        ([Sort("")], "sort[0]", "not an expression"),
        ([Sort("1" * 10**6)], "sort[0]", "1,000,000 characters, at most 2,048"),
        ([Sort("item.price")] * 9, "sort", "9 keys, at most 8"),
    ],
)
async def test_a_bad_order_is_refused_by_name(serving, sort, field, reason):
    error = await refusal(serving, sort=sort)
    assert error.field == field
    assert reason in str(error)


# --- pages


async def test_pages_make_the_list_with_absolute_positions(serving):
    whole = await search(serving, limit=40)
    found = await pages(serving)
    assert [len(page.ids) for page in found] == [7] * (len(found) - 1) + [len(whole.ids) % 7 or 7]
    assert [page.position for page in found] == [7 * k for k in range(len(found))]
    assert [item for page in found for item in page.ids] == whole.ids
    assert np.concatenate([page.scores for page in found]).tobytes() == whole.scores.tobytes()
    assert {page.request_id for page in found} == {found[0].request_id}
    assert {page.candidates for page in found} == {whole.candidates}
    assert whole.next_page_token == ""


async def test_pages_keep_filter_and_order(serving):
    asked = replace(ASKED, filter="item.price < 12", sort=[Sort("item.price", descending=True)], limit=5)
    found = [item for page in await pages(serving, asked) for item in page.ids]
    assert found == [f"i{k}" for k in range(11, -1, -1)]


async def test_a_token_alone_is_enough_and_the_page_size_may_change(serving):
    first = await search(serving)
    alone = Query(surface="", page_token=first.next_page_token, limit=3)
    second = await search(serving, alone)
    third = await search(serving, Query(surface="shop", page_token=second.next_page_token))
    whole = await search(serving, limit=40)
    assert first.ids + second.ids + third.ids == whole.ids[:17]
    assert (second.position, third.position) == (7, 10)


async def test_a_token_used_again_gives_the_same_page(serving):
    token = (await search(serving)).next_page_token
    again = [await search(serving, page_token=token) for _ in range(2)]
    assert again[0].ids == again[1].ids


async def test_another_worker_with_another_release_and_snapshot_gives_the_next_page(serving):
    workspace = serving.workspace
    whole = await search(serving, limit=40)
    first = await search(serving)
    promote(workspace, release(workspace, [1.0, 0.0, 0.0, 0.0, 0.0]))
    make_snapshot(workspace, "second")
    other = Serving(workspace)
    other.load()
    try:
        second = await search(other, page_token=first.next_page_token)
        assert second.ids == whole.ids[7:14]
        assert (second.release, second.snapshot_id) == (first.release, "first")
        fresh = await search(other)
        assert (fresh.release.version, fresh.snapshot_id) == ("2", "second")
        assert fresh.ids != first.ids
    finally:
        other.close()


async def test_a_deleted_item_drops_out_and_nothing_is_skipped(serving):
    whole = await search(serving, limit=40)
    first = await search(serving)
    gone = whole.ids[8]
    make_snapshot(serving.workspace, "smaller", without=[gone])
    serving.load()
    second = await search(serving, page_token=first.next_page_token)
    third = await search(serving, page_token=second.next_page_token)
    rest = [item for item in whole.ids[7:] if item != gone]
    assert second.ids + third.ids == rest[:14]
    assert (second.position, third.position) == (7, 14)


async def test_an_arms_page_size_holds_for_its_pages_when_experiments_change(serving):
    file = serving.workspace.experiments
    file.write_text(EXPERIMENTS)
    serving.load()
    first = await search(serving, limit=0)
    assert [(arm.arm, len(first.ids)) for arm in first.arms] == [("long", 4)]
    file.write_text(EXPERIMENTS.replace("page_size: 4", "page_size: 9").replace("long:", "other:"))
    serving.load()
    second = await search(serving, limit=0, page_token=first.next_page_token)
    assert (len(second.ids), second.position) == (4, 4)
    assert second.arms == first.arms
    assert (await search(serving, limit=0)).arms != first.arms


async def test_an_expired_token_says_to_search_again(serving):
    surface = serving.surface("shop")
    left = surface.page_tokens.read((await search(serving)).next_page_token)
    assert 590 <= left.expires - time.time() <= 600
    late = surface.page_tokens.write(replace(left, expires=int(time.time()) - 90))
    error = await refusal(serving, page_token=late)
    assert "expired 9" in str(error)
    assert "search again" in str(error)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": "milk"}, "page_token"),
        ({"filter": "item.price < 3"}, "page_token"),
        ({"sort": [Sort("item.price")]}, "page_token"),
        ({"context": {"user.age": 3.0}}, "page_token"),
        ({"user_id": "u2"}, "page_token"),
        ({"request_id": "another"}, "request_id"),
        ({"limit": 1_001}, "limit"),
    ],
)
async def test_a_token_of_another_search_is_refused(serving, changes, field):
    token = (await search(serving)).next_page_token
    assert (await refusal(serving, **{"page_token": token, **changes})).field == field


async def test_a_token_of_another_surface_or_workspace_is_refused(serving):
    surface = serving.surface("shop")
    left = surface.page_tokens.read((await search(serving)).next_page_token)
    moved = surface.page_tokens.write(replace(left, surface="other"))
    assert "is of surface 'other'" in str(await refusal(serving, page_token=moved))
    forged = PageTokens(bytes(32)).write(left)
    assert "not a page token of this service" in str(await refusal(serving, page_token=forged))


async def test_every_page_is_recorded_with_its_positions(serving):
    answers = []
    found = [await search(serving, record=answers.append)]
    found.append(await search(serving, record=answers.append, page_token=found[0].next_page_token))
    first, second = answers
    assert (first.request_id, first.user_id, first.query) == (second.request_id, second.user_id, second.query)
    assert (first.first, second.first) == (0, 7)
    assert [str(one) for one in second.item_ids] == found[1].ids
    assert second.scores.tobytes() == found[1].scores.tobytes()
