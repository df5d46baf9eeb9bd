"""A surface that blends the scores of two models: what is answered, logged, explained, tried and swapped."""

import numpy as np
import pytest

from predictor import pipeline
from predictor.answers import Explanation, Ranking
from predictor.query import Query, explain_request, rank_request
from predictor.serving import Serving
from predictor.testing import make_shop, promote, release
from predictor.trials import surroundings
from searchrank.errors import ConfigError, DefinitionError, NotFoundError, ReleaseRefusedError
from searchrank.experiments import lint
from searchrank.features import FeatureSet
from searchrank.models import Ledger
from searchrank.project import Project

pytestmark = pytest.mark.integration
PROJECT = """
surfaces:
  shop:
    model: click
    budget_ms: 2000
    limit: 10
    blend: {models: {click: click, bought: order}, score: "0.7*click + 0.3*bought*log1p(price)"}
models:
  click: {inputs: [price, clicks, eta, age_price, found_at]}
  order: {inputs: [price, clicks, eta, age_price, found_at]}
"""
CLICK, ORDER = (-1.0, 0.5, 0.0, 0.0, 0.0), (0.25, 0.0, 0.0, 0.0, 0.0)
ASKED = Query(surface="shop", user_id="u1")
ITEMS = ["i0", "i3", "i5", "i9", "nowhere"]
PRICES = np.array([0.0, 3.0, 5.0, 9.0])
CLICKS = np.array([0.0, 0.0, 1.0, 0.0])


@pytest.fixture
def workspace(tmp_path):
    place = make_shop(tmp_path, project=PROJECT)
    promote(place, release(place, CLICK, model="click"))
    promote(place, release(place, ORDER, model="order"))
    return place


@pytest.fixture
def serving(workspace):
    serving = Serving(workspace)
    serving.load()
    yield serving
    serving.close()


async def rank(serving, record=None):
    answer = Ranking.of(await pipeline.rank(serving.surface("shop"), rank_request(ASKED, ITEMS, {}), None, record))
    by_id = dict(zip(answer.ids, answer.scores, strict=True))
    return answer, np.array([by_id[item] for item in ITEMS])


def blended(weight, price_weight=0.25):
    click = -PRICES + 0.5 * CLICKS
    return weight * click + 0.3 * (price_weight * PRICES) * np.log1p(PRICES).astype(np.float32)


async def test_the_score_is_the_blend_of_both_models(serving):
    logged = []
    answer, scores = await rank(serving, logged.append)
    np.testing.assert_allclose(scores[:-1], blended(0.7), rtol=1e-12)
    assert np.isnan(scores[-1])  # nothing is known of its price
    assert answer.ids[0] == "i0"
    assert answer.ids[-1] == "nowhere"
    assert answer.release.name == "click"
    assert logged[0].blend == "0.7*click + 0.3*bought*log1p(price)"
    order = Ledger(serving.workspace.ledger).live("order", "champion")
    assert logged[0].models == (f"order@1#{order.digest}",)


async def test_the_features_digest_is_that_of_the_first_release(serving, workspace):
    logged = []
    await rank(serving, logged.append)
    workspace.project.write_text(PROJECT.replace("    blend:", "    # blend:"))
    assert serving.load().taken == ("shop",)
    await rank(serving, logged.append)
    assert logged[0].features_digest == logged[1].features_digest
    assert (logged[1].blend, list(logged[1].models)) == ("", [])


async def test_explain_shows_the_columns_of_all_models_and_what_they_added(serving):
    surface = serving.surface("shop")
    told = Explanation.of(await pipeline.explain(surface, explain_request(ASKED, ITEMS[:-1], {}), None))
    assert tuple(told.columns) == surface.plan.columns
    assert tuple(told.columns[:5]) == surface.release.plan.columns
    assert "bought.price" in told.columns
    np.testing.assert_allclose(told.contributions.sum(axis=1) + told.base_score, told.scores, atol=1e-9)
    np.testing.assert_allclose(told.scores, blended(0.7), rtol=1e-12)


async def test_explain_says_when_a_blend_has_no_contributions(workspace):
    workspace.project.write_text(PROJECT.replace("0.7*click + 0.3*bought*log1p(price)", "click * bought"))
    serving = Serving(workspace)
    serving.load()
    told = Explanation.of(await pipeline.explain(serving.surface("shop"), explain_request(ASKED, ITEMS[:-1], {}), None))
    assert told.contributions.size == 0
    assert told.coverage.degradations[0][1] == "contributions"
    np.testing.assert_allclose(told.scores, (-PRICES + 0.5 * CLICKS) * 0.25 * PRICES, rtol=1e-12)
    serving.close()


async def test_a_promotion_of_either_model_takes_effect(serving, workspace):
    promote(workspace, release(workspace, (1.0, 0.0, 0.0, 0.0, 0.0), model="order"))
    assert serving.load().taken == ("shop",)
    _, scores = await rank(serving)
    np.testing.assert_allclose(scores[:-1], blended(0.7, 1.0), rtol=1e-12)
    assert serving.load().taken == ()


async def test_a_bad_release_of_a_blended_model_changes_nothing(serving, workspace):
    bad = release(workspace, (1.0, 0.0, 0.0, 0.0, 0.0), model="order")
    promote(workspace, bad)
    (bad / "model.txt").chmod(0o644)
    (bad / "model.txt").write_text("{}")
    assert isinstance(serving.load().refused["shop"], ReleaseRefusedError)
    _, scores = await rank(serving)
    np.testing.assert_allclose(scores[:-1], blended(0.7), rtol=1e-12)


TRIED = """
surfaces:
  shop:
    mix:
      salt: mix
      parameters: {mix: {type: text, sets: blend}}
      experiments:
        half: {buckets: 0-9999, arms: {even: {weight: 1, set: {mix: "0.5*click + 0.3*bought*log1p(price)"}}}}
"""


async def test_an_arm_sets_the_blend(workspace):
    workspace.experiments.write_text(TRIED)
    serving = Serving(workspace)
    assert serving.load().experiments_refused is None
    logged = []
    answer, scores = await rank(serving, logged.append)
    np.testing.assert_allclose(scores[:-1], blended(0.5), rtol=1e-12)
    assert answer.arms[0].arm == "even"
    assert logged[0].blend.startswith("0.5*click")
    serving.close()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("0.5*click", "0.5*clack", "unknown name clack"),
        ("0.5*click", "log1p(price", "this is not an expression"),
        ("type: text", "type: integer", "what sets blend is of type text or choice"),
    ],
)
def test_a_faulty_blend_of_an_arm_is_refused_before_it_loads(workspace, old, new, words):
    features = FeatureSet.load(workspace.features)
    around = surroundings(workspace, Project.load(workspace), features.inputs.values(), features)
    faults = lint(TRIED.replace(old, new), surroundings=around)
    assert words in str(faults[0])
    workspace.experiments.write_text(TRIED.replace(old, new))
    serving = Serving(workspace)
    assert words in str(serving.load().experiments_refused)
    serving.close()


def test_an_arm_may_not_set_a_blend_where_there_is_none(workspace):
    workspace.project.write_text(PROJECT.replace("    blend:", "    # blend:"))
    faults = lint(TRIED, surroundings=surroundings(workspace, Project.load(workspace), []))
    assert "shop has no blend: that a parameter could set" in str(faults[0])


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("bought: order", "bought: orders", ConfigError, "no model 'orders'"),
        ("{click: click,", "{click: click@champion,", ConfigError, "own model 'click' is not among them"),
        ("bought: order", "bought: order@rival", NotFoundError, "no release of 'order' is live as 'rival'"),
        ("bought: order", "bought: order@7", NotFoundError, "no version 7 of 'order'"),
        ("bought: order", "Bought: order", ConfigError, "should match pattern"),
        ("0.7*click", "nan*click", DefinitionError, "unknown name nan"),
        ("0.7*click", "cats*click", DefinitionError, r"(?s)surfaces.shop.blend.score.*unknown name cats.*\^"),
        ('score: "0.7', 'scores: "0.7', ConfigError, "score"),
        ("bought: order", "price: order", DefinitionError, "price names a score and a feature"),
    ],
)
def test_a_faulty_blend_never_serves(workspace, old, new, error, words):
    workspace.project.write_text(PROJECT.replace(old, new))
    serving = Serving(workspace)
    with pytest.raises(error, match=words):
        serving.load()
    serving.close()
