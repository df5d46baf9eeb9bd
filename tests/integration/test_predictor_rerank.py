"""Re-ranking of whole answers over real workspaces, without a network."""

from dataclasses import replace

import numpy as np
import pytest

from predictor import pipeline
from predictor.answers import Explanation, Ranking, SearchResult
from predictor.call import Call
from predictor.metrics import Metrics
from predictor.query import Query, Sort, explain_request, rank_request, search_request
from predictor.serving import Serving
from predictor.testing import PROJECT, make_shop
from searchrank.errors import DefinitionError
from searchrank.experiments import Surroundings, lint
from searchrank.project import Project
from searchrank.reranking import Reranker

pytestmark = pytest.mark.integration
RERANK = """
    rerank:
      rules:
        - pin "i20" at 2 when contains(request.query, "tea")
        - bury when item.price < 2
        - at most 1 of first 3 when item.price < 6
      variants:
        chance: {explore: {method: epsilon, rate: 0.5, depth: 20}}
models:"""
SHOP = PROJECT.replace("quota: 20", "quota: 40").replace("candidates: 30", "candidates: 40")
RULES = SHOP.replace("\nmodels:", RERANK)
CHANCE = SHOP.replace("\nmodels:", "\n    rerank: {explore: {method: plackett_luce, rate: 1, depth: 30}}\nmodels:")
ASKED = Query(surface="shop", user_id="u1", text="tea", limit=7, request_id="r1")
EXPERIMENTS = """
surfaces:
  shop:
    page:
      salt: page
      unit: user_id
      parameters: {ordering: {type: choice, choices: [default, none, chance], sets: rerank}}
      experiments:
        plain: {buckets: 0-9999, arms: {plain: {weight: 1, set: {ordering: ARM}}}}
"""


@pytest.fixture
def served(tmp_path):
    opened = []

    def serve(project, experiments="") -> Serving:
        shop = make_shop(tmp_path / f"shop{len(opened)}", project=project)
        if experiments:
            shop.experiments.write_text(experiments)
        opened.append(Serving(shop))
        opened[-1].load()
        return opened[-1]

    yield serve
    for serving in opened:
        serving.close()


async def search(serving, query=ASKED, record=None, **changes) -> SearchResult:
    request = search_request(replace(query, **changes))
    return SearchResult.of(await pipeline.search(serving.surface("shop"), request, None, record))


async def test_rules_order_a_search_and_are_named(served):
    plain, ruled = await search(served(SHOP), limit=40), await search(served(RULES), limit=40)
    assert "i0" in plain.ids[:3]
    assert ruled.ids[1] == "i20"
    assert set(ruled.ids[-2:]) == {"i0", "i1"}
    assert len({"i2", "i4"} & set(ruled.ids[:3])) == 1
    assert dict(ruled.coverage.rules)["pin \"i20\" at 2 when contains(request.query, 'tea')"] == 1
    assert sorted(ruled.ids) == sorted(plain.ids)
    assert ("rerank" in ruled.coverage.stages, "rerank" in plain.coverage.stages) == (True, False)
    assert ruled.propensities is None


async def test_rules_order_the_candidates_of_a_caller_and_scores_follow_their_items(served):
    serving = served(RULES)
    request = rank_request(Query(surface="shop", text="tea"), ["i0", "i9", "i20", "i8"], {})
    found = Ranking.of(await pipeline.rank(serving.surface("shop"), request, None))
    assert found.ids == ["i8", "i20", "i9", "i0"]
    assert found.order.tolist() == [3, 2, 1, 0]
    assert found.scores.tolist() == [-8.0, -20.0, -9.0, 0.0] or np.isnan(found.scores).any()


async def test_an_order_that_the_caller_asks_for_is_left_alone(served):
    found = await search(served(RULES), sort=[Sort("item.price")])
    assert found.ids[:3] == ["i0", "i1", "i2"]
    assert found.coverage.rules == ()


async def test_a_pinned_item_that_the_filter_removes_is_named(served):
    found = await search(served(RULES), filter="item.price < 20")
    assert "i20" not in found.ids
    (named,) = [part for part in found.coverage.degradations if part[0] == "rerank"]
    assert named[1].startswith('pin "i20" at 2')
    assert named[2] == "the item is not among the candidates"


async def test_pages_go_on_with_the_list_and_its_propensities(served):
    serving = served(CHANCE)
    whole = await search(serving, limit=40)
    pages = [await search(serving)]
    while pages[-1].next_page_token:
        pages.append(await search(serving, page_token=pages[-1].next_page_token))
    assert [item for page in pages for item in page.ids] == whole.ids
    np.testing.assert_array_equal(np.concatenate([page.propensities for page in pages]), whole.propensities)
    assert ((whole.propensities > 0) & (whole.propensities <= 1)).all()
    assert (whole.propensities < 1).any()


async def test_a_request_is_drawn_alike_again_and_another_otherwise(served):
    serving = served(CHANCE)
    first, again, other = [await search(serving, request_id=name) for name in ("r1", "r1", "r2")]
    assert first.ids == again.ids != other.ids


async def test_the_log_keeps_what_was_drawn_and_from_what_it_can_be_drawn_again(served):
    serving, answers = served(CHANCE), []
    found = await search(serving, record=answers.append)
    (answer,) = answers
    np.testing.assert_array_equal(answer.propensities[answer.order], found.propensities)
    assert np.isnan(np.delete(answer.propensities, answer.order)).all()
    again = Reranker.logged(answer.rerank, serving.surface("shop").release.feature_set)
    assert again.version == answer.rerank == serving.surface("shop").reranker.version


@pytest.mark.parametrize(
    ("arm", "pinned", "drawn"), [("none", False, False), ("default", True, False), ("chance", False, True)]
)
async def test_an_arm_chooses_the_ordering(served, arm, pinned, drawn):
    serving = served(RULES, EXPERIMENTS.replace("ARM", f'"{arm}"'))
    found = await search(serving)
    assert (found.ids[1] == "i20") is pinned
    assert (found.propensities is not None) is drawn


async def test_an_explanation_names_what_moved_an_item(served):
    serving = served(RULES)
    request = explain_request(Query(surface="shop", user_id="u1", text="tea"), ["i20", "i0", "i31"], {})
    told = Explanation.of(await pipeline.explain(serving.surface("shop"), request, None))
    pin, bury, _ = serving.surface("shop").reranker.texts
    assert (told.movements[0].after, told.movements[0].reasons) == (1, (pin,))
    assert told.movements[1].reasons == (bury,)
    assert told.movements[1].before < told.movements[1].after
    assert told.movements[2].reasons == ()


async def test_rules_that_apply_are_counted(served):
    metrics, serving = Metrics(), served(RULES)
    answer = await pipeline.search(serving.surface("shop"), search_request(ASKED), None)
    metrics.answered(Call("Search", "shop"), answer.coverage, answer.arms)
    labels = {"rule": "bury when item.price < 2", "surface": "shop"}
    assert metrics.registry.get_sample_value("searchrank_rules_total", labels) == 1


@pytest.mark.parametrize("rule", ["bury when item.prise < 2", "at most 2 of 10 by item.price", "pin i20 at 2"])
def test_a_surface_whose_rules_are_wrong_is_not_served(served, rule):
    with pytest.raises(DefinitionError, match=r"surfaces.shop.rerank.rules\[0\]:1:.*\n.*\n +\^"):
        served(SHOP.replace("\nmodels:", f"\n    rerank: {{rules: ['{rule}']}}\nmodels:"))


def test_variants_that_do_not_exist_are_refused_before_anything_is_tried():
    around = Surroundings(Project.parse(RULES), {}, {}, frozenset())
    assert lint(EXPERIMENTS.replace("ARM", "chance"), surroundings=around) == ()
    text = EXPERIMENTS.replace("ARM", "chanse").replace("chance]", "chanse]")
    (problem,) = lint(text, surroundings=around)
    assert "no ordering is called 'chanse'; there are default, none, chance" in str(problem)
