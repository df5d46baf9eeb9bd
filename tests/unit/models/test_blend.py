"""Several scores made into one by an expression: its values, its place in the language, what it may not read."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from searchrank.errors import DataError, DefinitionError
from searchrank.features import Evaluator, FeatureSet, Plan
from searchrank.features.node import ScoreNode
from searchrank.models import Blend, Linear, Release, ReleaseDraft, parse_blend, profile_columns, write_release
from searchrank.models.double import DOUBLE
from searchrank.models.golden import compute, raw_columns
from tests.unit.models.conftest import FEATURES, fitted_inputs, raw_rows


@pytest.fixture(scope="module")
def releases(tmp_path_factory, feature_set, inputs):
    root = tmp_path_factory.mktemp("releases")
    plan = Plan.compile(feature_set, inputs)
    found = {}
    for name, weights in (("click", [0.5 + 0.25 * k for k in range(8)]), ("order", [1.0 / (k + 3) for k in range(8)])):
        draft = ReleaseDraft(
            name=name,
            feature_set=feature_set,
            inputs=inputs,
            model=Linear(tuple(weights), -0.125).to_text(),
            scorer="linear",
            golden=raw_rows(),
            profile=profile_columns(plan.columns, np.zeros((8, 4), np.float32)),
        )
        found[name] = Release.open(write_release(root, draft))
    return found


def blended(text, releases):
    """Return the scores of the raw rows, the blend, and what each model and the price give them."""
    blend = Blend.compile(text, releases)
    raw = raw_columns(blend.plan.feature_set, raw_rows())
    found = compute(raw, Evaluator(blend.plan), blend)
    alone = [compute(raw, one.evaluator, one.scorer).scores for one in releases.values()]
    price = np.array(raw.column("item.price").to_pylist(), float).astype(np.float32)
    return found, blend, *alone, price


def test_scores_stay_float64_and_features_are_float32(releases):
    found, _, click, order, price = blended("0.7*click + 0.3*order*log1p(item.price)", releases)
    logarithm = np.log1p(price.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(found.scores, 0.7 * click + 0.3 * order * logarithm.astype(np.float64))
    assert np.isfinite(found.scores).any()
    assert np.isnan(found.scores[np.isnan(price)]).all()


def test_a_blend_of_one_score_is_that_score(releases):
    found, _, click, *_ = blended("click", releases)
    assert found.scores.tobytes() == click.tobytes()


def test_what_every_operator_does_to_scores(releases):
    cases = {
        "(click + order) * -order - click / order": lambda a, b: (a + b) * -b - a / b,
        "minimum(click, order) + maximum(click, 2)": lambda a, b: np.minimum(a, b) + np.maximum(a, 2),
        "clip(click, 0.1, 0.3)": lambda a, _: np.clip(a, 0.1, 0.3),
        "where(click > order, click, order)": lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, np.fmax(a, b)),
        "sqrt(absolute(click)) + floor(order)": lambda a, b: np.sqrt(np.abs(a)) + np.floor(b),
        "exp(click / 10) + log(absolute(order)) + log1p(absolute(click)) + tanh(order)": lambda a, b: (
            np.exp(a / 10) + np.log(np.abs(b)) + np.log1p(np.abs(a)) + np.tanh(b)
        ),
        "absolute(click) ** 0.5": lambda a, _: np.abs(a) ** 0.5,
        "click > 1 and not order > 3 or click == 0": lambda a, b: ((a > 1) & (b <= 3)) | (a == 0),
        "is_missing(click) + coalesce(click, 0)": lambda a, _: np.where(np.isnan(a), 1.0, a),
        "(click < 2) + (click <= 2) + (click >= 2) + (click != 2)": lambda a, _: np.full(len(a), 2.0),
    }
    for text, expected in cases.items():
        found, _, click, order, _ = blended(text, releases)
        np.testing.assert_allclose(found.scores, expected(click, order), rtol=1e-13, err_msg=text)


def test_missing_values_pass_through_scores_as_through_features():
    a, b = np.array([math.nan, 1.0, 0.0, math.nan, 2.0]), np.array([0.0, math.nan, math.nan, math.nan, 0.0])
    expected = {
        "both": [0, math.nan, 0, math.nan, 0],
        "either": [math.nan, 1, math.nan, math.nan, 1],
        "coalesce": [0, 1, 0, math.nan, 2],
        "divide": [math.nan] * 5,
        "minimum": [math.nan] * 4 + [0],
        "maximum": [math.nan] * 4 + [2],
        "equal": [math.nan] * 4 + [0],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(DOUBLE[name](a, b), values, err_msg=name)


def test_blocks_of_rows_give_the_same_bits(releases):
    _, blend, *_ = blended("exp(click / 9) + order ** 2 * log1p(item.price)", releases)
    raw = raw_columns(blend.plan.feature_set, raw_rows())
    columns = compute(raw, Evaluator(blend.plan), blend).features
    whole = blend.score(columns)
    assert whole.tobytes() == b"".join(blend.score(columns[:, [row]].copy()).tobytes() for row in range(300))


def test_the_first_columns_are_those_of_the_surfaces_own_release(releases):
    _, blend, *_ = blended("order + eta", releases)
    own = releases["click"].plan.columns
    assert blend.plan.columns[: len(own)] == own
    assert blend.plan.columns[len(own)] == "order.price_log"
    assert blend.plan.columns[-1] == "blend.0"


def test_a_score_that_is_not_named_is_not_computed(releases):
    _, blend, *_ = blended("click * 2", releases)
    assert blend.plan.columns == releases["click"].plan.columns


@pytest.mark.parametrize(
    "text", ["0.7*click + 0.3*order", "0.7*click - 0.3*order*log1p(eta) + 2", "click / eta + words"]
)
def test_what_the_columns_added_makes_the_score(releases, text):
    found, blend, *_ = blended(text, releases)
    for row in np.flatnonzero(np.isfinite(found.scores))[:40]:
        told = blend.contributions(found.features, int(row))
        np.testing.assert_allclose(told.sum(), found.scores[row], rtol=1e-9, atol=1e-9)


def test_a_product_of_scores_says_no_contributions(releases):
    found, blend, *_ = blended("click * order", releases)
    assert blend.contributions(found.features, 0) is None
    with pytest.raises(DataError, match="row 900 does not exist"):
        blend.contributions(found.features, 900)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0.7*clock", r"unknown name clock\n.*\n +\^\n  did you mean click"),
        ("nan*click", "unknown name nan"),
        ("1e999*click", "a number must be finite"),
        ("click +", "this is not an expression"),
        ("log1p(item.price)", "this reads no score"),
        ("click * item.category", "multiply does not take"),
        ("bucket(click, [1, 2])", r"bucket is computed of features alone(.|\n)*\^"),
        ('model("click@champion")', "reads no score"),
        ("click.imag", "unknown name click.imag"),
        ("__import__('os')", "unknown operator"),
    ],
)
def test_a_faulty_expression_is_pointed_at(releases, text, problem):
    with pytest.raises(DefinitionError, match=problem):
        Blend.compile(text, releases, source="surfaces.shop.blend.score")


def test_a_score_may_not_be_called_as_a_feature_is(releases):
    with pytest.raises(DefinitionError, match="eta names a score and a feature"):
        Blend.compile("eta", {"eta": releases["click"]})


def test_deep_definitions_are_looked_through_once():
    doubled = "\n".join(f"  f{k}: f{k - 1} + f{k - 1}" for k in range(1, 60))
    feature_set = FeatureSet.parse(FEATURES + "  f0: item.price\n" + doubled + "\n")
    assert parse_blend("click * f59", {"click": ScoreNode.of("click", "", None)}, feature_set, source="blend")


def test_a_release_of_other_declarations_is_refused(releases, tmp_path, draft):
    other = FeatureSet.parse(FEATURES.replace("missing: 50", "missing: 60"))
    changed = replace(draft, name="order", feature_set=other, inputs=fitted_inputs(other, raw_rows()))
    release = Release.open(write_release(tmp_path, changed))
    with pytest.raises(DataError, match=r"blend.models.order: release order 1 reads request.budget, which is declared"):
        Blend.compile("click + order", {"click": releases["click"], "order": release})
