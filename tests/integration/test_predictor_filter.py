"""Filters over a real workspace, without a network."""

from dataclasses import replace

import pytest

from predictor import pipeline
from predictor.answers import Explanation, Ranking, SearchResult
from predictor.compiled import MAX_KEPT
from predictor.filtering import admit_filter
from predictor.journey import Filtering
from predictor.query import Query, explain_request, rank_request, search_request
from predictor.screens import Screens
from predictor.serving import Serving
from predictor.testing import ITEMS, make_shop
from searchrank.errors import RequestError

pytestmark = pytest.mark.integration
ASKED = Query(surface="shop", user_id="u1", text="coffee tea", limit=40)


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


@pytest.fixture(scope="module")
def surface(serving):
    return serving.surface("shop")


async def search(surface, query=ASKED, remaining=None, **changes) -> SearchResult:
    return SearchResult.of(await pipeline.search(surface, search_request(replace(query, **changes)), remaining))


async def refusal(surface, text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await search(surface, filter=text)
    return caught.value


async def test_a_filter_of_items_is_exact_over_the_whole_catalogue(surface):
    found = await search(surface, filter="30 <= item.price < 38")
    assert sorted(found.ids) == sorted(f"i{k}" for k in range(30, 38))
    assert found.coverage.filtering == Filtering(looked_at=ITEMS, removed=ITEMS - 8, missing=0, exact=True)
    assert found.candidates == 8


async def test_a_filter_of_item_and_request_is_exact_and_asked_anew(surface):
    for age, expected in ((20.0, 20), (3.0, 3)):
        found = await search(surface, context={"user.age": age}, filter="item.price < user.age")
        assert sorted(found.ids) == sorted(f"i{k}" for k in range(expected))
        assert found.coverage.filtering == Filtering(ITEMS, ITEMS - expected, 0, exact=True)


async def test_what_is_unknown_is_removed_and_counted(surface):
    found = await search(surface, user_id="stranger", filter="item.price < user.age or item.price == 1")
    assert found.ids == ["i1"]
    assert found.coverage.filtering == Filtering(ITEMS, ITEMS - 1, ITEMS - 1, exact=True)


async def test_a_filter_of_counted_values_is_asked_of_candidates_and_more_of_them(surface):
    usual = await search(surface)
    found = await search(surface, filter="item.clicks == 0")
    assert not set(found.ids) & {"i1", "i2", "i5"}
    assert usual.candidates == len(usual.ids) < found.candidates == ITEMS - 3
    told = found.coverage.filtering
    assert (told.looked_at, told.removed, told.exact) == (ITEMS, 3, False)


async def test_a_filter_may_ask_who_found_an_item(surface):
    found = await search(surface, filter="is_missing(recall.lexical_rank)", text="coffee")
    assert set(found.ids) == {"i2"}


async def test_a_feature_may_be_used_in_a_filter(surface):
    found = await search(surface, filter="price < 2 or age_price == 60")
    assert sorted(found.ids) == ["i0", "i1", "i3"]


async def test_a_filter_that_keeps_nothing_gives_an_empty_answer(surface):
    found = await search(surface, filter="item.price < 0")
    assert (found.ids, found.candidates, found.coverage.filtering.removed) == ([], 0, ITEMS)


async def test_a_catalogue_too_large_to_be_asked_gives_the_same_where_branches_reach(surface):
    exact = await search(surface, filter="item.price < 20")
    large = replace(surface, screens=Screens(surface.snapshot.catalogue.records, of_item=10))
    found = await search(large, filter="item.price < 20")
    assert found.ids == exact.ids
    assert (exact.coverage.filtering.exact, found.coverage.filtering.exact) == (True, False)


async def test_without_time_a_filter_still_holds(surface):
    found = await search(surface, filter="item.clicks == 0", remaining=0.001)
    assert found.coverage.degradations
    assert not set(found.ids) & {"i1", "i2", "i5"}


async def test_rank_removes_what_the_filter_says_and_keeps_positions(surface):
    asked = Query(surface="shop", filter="item.price < 10 and candidate.eta_min < 5")
    ids, sent = ["i3", "i30", "i5", "nowhere", "i4", "i2"], {"candidate.eta_min": [1, 1, 9, 1, None, 2]}
    answer = Ranking.of(await pipeline.rank(surface, rank_request(asked, ids, sent), None))
    assert answer.ids == ["i2", "i3"]
    assert answer.order.tolist() == [5, 0]
    assert len(answer.scores) == 2
    assert answer.coverage.filtering == Filtering(looked_at=6, removed=4, missing=2, exact=False)
    unfiltered = Ranking.of(await pipeline.rank(surface, rank_request(replace(asked, filter=""), ids, sent), None))
    scores = dict(zip(unfiltered.ids, unfiltered.scores.tolist(), strict=True))
    assert answer.scores.tolist() == [scores["i2"], scores["i3"]]


async def test_explain_says_what_the_filter_says_of_each_item(surface):
    asked = Query(surface="shop", filter="item.price < 10")
    told = Explanation.of(await pipeline.explain(surface, explain_request(asked, ["i3", "i30", "nowhere"], {}), None))
    assert told.verdicts == (True, False, None)
    plain = Explanation.of(
        await pipeline.explain(surface, explain_request(replace(asked, filter=""), ["i3"], {}), None)
    )
    assert plain.verdicts == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("item.prise < 3", "filter: 1:1: unknown name item.prise"),
        ("item.price", "is a number, not true or false"),
        ("item.title", "is a list, not true or false"),
        ("item.price < 'cheap'", "less does not take (number, category)"),
        ("item.price < nan", "unknown name nan"),
        ("item.price < 1e999", "a number must be finite"),
        ("1" * 1_000_000, "1,000,000 characters, at most 2,048"),
        ("(" * 900 + "1" + ")" * 900, "nested"),
        ("not " * 500 + "1", "nested"),
        ("item.price < 3; import os", "not an expression"),
        ("().__class__", "attribute is not part"),
        ("\x00", "not an expression"),
        ("[i for i in range(10**9)]", "listcomp is not part"),
    ],
)
async def test_a_bad_filter_is_refused_by_name(surface, text, reason):
    error = await refusal(surface, text)
    assert error.field == "filter"
    assert reason in str(error)
    assert len(str(error)) < 1_000


async def test_texts_are_compiled_once_and_only_so_many_are_kept(surface):
    first = admit_filter(surface, "item.price < 1")
    assert admit_filter(surface, "item.price < 1") is first
    for k in range(MAX_KEPT):
        admit_filter(surface, f"item.price < {k + 2}")
    assert admit_filter(surface, "item.price < 1") is not first


def test_answers_of_the_whole_catalogue_stay_within_their_memory(surface):
    screens = Screens(surface.snapshot.catalogue.records, most_bytes=5 * ITEMS)
    record, view = surface.release.feature_set.request_encoder.missing(1), surface.live.view
    conditions = [admit_filter(surface, f"item.price < {k}") for k in range(5)]
    told = [screens.ask(condition, record, view) for condition in conditions]
    assert [int(screen.allowed.sum()) for screen in told] == list(range(5))
    assert screens.ask(conditions[4], record, view) is told[4]
    assert screens.ask(conditions[0], record, view) is not told[0]
