"""A model's score as a feature of another: which release it means, and that it means the same for ever."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from searchrank.errors import ConfigError, DefinitionError, NotFoundError, ReleaseRefusedError
from searchrank.features import Evaluator, Expression, FeatureSet, ModelInput, Plan, fit
from searchrank.models import Ledger, Linear, Release, profile_columns, settle, write_release
from searchrank.models.golden import compute, raw_columns
from searchrank.workspace import Workspace
from tests.unit.models.conftest import FEATURES, raw_rows

OUTER = (
    FEATURES
    + """  relevance: model("city@champion")
  dear: relevance * price_log
"""
)


@pytest.fixture
def workspace(tmp_path, draft):
    place = Workspace(tmp_path)
    Ledger(place.ledger).promote(write_release(place.releases, draft))
    return place


def outer_draft(draft, feature_set, read=("dear", "clicks"), name="outer"):
    inputs = fit([ModelInput.parse(text, feature_set) for text in read], lambda _fitted: {})
    Plan.compile(feature_set, inputs)
    profile = profile_columns(read, np.zeros((len(read), 8), np.float32))
    model = Linear(tuple(1.0 + k for k in range(len(read)))).to_text()
    return replace(draft, name=name, feature_set=feature_set, inputs=inputs, model=model, profile=profile)


def make_outer(workspace, draft, name="outer"):
    feature_set = settle(FeatureSet.parse(OUTER), ["dear", "clicks"], workspace, model=name)
    return write_release(workspace.releases, outer_draft(draft, feature_set, name=name))


def test_the_feature_is_the_inner_releases_score_to_the_bit(workspace, draft):
    outer = Release.open(make_outer(workspace, draft))
    inner = Release.open(next((workspace.releases / "city").glob("1-*")))
    raw = raw_columns(outer.feature_set, raw_rows())
    scores = compute(raw, inner.evaluator, inner.scorer).scores
    plan = Plan.of_nodes(outer.feature_set, {"relevance": outer.feature_set.features["relevance"].node})
    found = compute(raw, Evaluator(plan), Linear((1.0,))).features[0]
    np.testing.assert_array_equal(found, scores.astype(np.float32))
    assert np.isfinite(found).any()


def test_blocks_of_rows_give_the_same_bits(workspace, draft):
    outer = Release.open(make_outer(workspace, draft))
    many = raw_columns(outer.feature_set, raw_rows(3000))
    whole = compute(many, outer.evaluator, outer.scorer).features
    tail = compute(many.slice(2900), outer.evaluator, outer.scorer).features
    assert whole[:, 2900:].tobytes() == tail.tobytes()


def test_a_settled_model_goes_on_meaning_the_release_it_meant(workspace, draft):
    folder = make_outer(workspace, draft)
    other = replace(draft, model=Linear((9.0,) * 8, 3.0).to_text())
    Ledger(workspace.ledger).promote(write_release(workspace.releases, other))
    reopened = Release.open(folder)
    inner = Release.open(next((workspace.releases / "city").glob("1-*")))
    assert f"digest='{inner.digest}'" in reopened.feature_set.canonical
    again = settle(FeatureSet.parse(OUTER), ["dear"], workspace, model="outer")
    assert again.fingerprint != reopened.feature_set.fingerprint


def test_a_version_may_be_named(workspace):
    text = OUTER.replace("city@champion", "city@1")
    found = settle(FeatureSet.parse(text), ["dear"], workspace, model="outer")
    assert Plan.of_nodes(found, {"dear": found.features["dear"].node}).scored


def test_a_release_is_refused_without_the_one_whose_score_it_reads(workspace, draft):
    folder = make_outer(workspace, draft)
    shutil.rmtree(next((workspace.releases / "city").glob("1-*")))
    with pytest.raises(ReleaseRefusedError, match=r"reads the score of city@champion, whose release .* is not in"):
        Release.open(folder)


def test_a_release_is_refused_when_the_one_it_reads_was_changed(workspace, draft):
    folder = make_outer(workspace, draft)
    model = next((workspace.releases / "city").glob("1-*")) / "model.txt"
    model.write_text(model.read_text().replace("0.5", "0.6"))
    with pytest.raises(ReleaseRefusedError, match=r"release city 1 .* model.txt was changed"):
        Release.open(folder)


def test_a_model_may_read_what_reads_another(workspace, draft):
    Ledger(workspace.ledger).promote(make_outer(workspace, draft))
    text = OUTER + """  twice: model("outer@champion") + model("city@champion")\n"""
    feature_set = settle(FeatureSet.parse(text), ["twice"], workspace, model="third")
    opened = Release.open(
        write_release(workspace.releases, outer_draft(draft, feature_set, read=("twice",), name="third"))
    )
    outer = Release.open(next((workspace.releases / "outer").glob("1-*")))
    raw = raw_columns(opened.feature_set, raw_rows())
    both = [compute(raw, r.evaluator, r.scorer).scores.astype(np.float32) for r in (outer, inner_of(workspace))]
    np.testing.assert_array_equal(compute(raw, opened.evaluator, opened.scorer).features[0], both[0] + both[1])


def inner_of(workspace):
    return Release.open(next((workspace.releases / "city").glob("1-*")))


def test_a_circle_of_models_is_refused(workspace, draft):
    Ledger(workspace.ledger).promote(make_outer(workspace, draft))
    own = FEATURES + """  relevance: model("outer@champion")\n"""
    with pytest.raises(ConfigError, match="circle: outer -> outer"):
        settle(FeatureSet.parse(own), ["relevance"], workspace, model="outer")
    with pytest.raises(ConfigError, match="circle: city -> outer -> city"):
        settle(FeatureSet.parse(own), ["relevance"], workspace, model="city")


def test_what_nothing_reads_stays_a_name(tmp_path):
    text = FEATURES + """  relevance: model("nobody@champion")\n"""
    feature_set = FeatureSet.parse(text)
    assert settle(feature_set, ["price_log"], Workspace(tmp_path), model="city") is feature_set
    with pytest.raises(NotFoundError, match="no release of 'nobody' is live as 'champion'"):
        settle(feature_set, ["relevance"], Workspace(tmp_path), model="city")
    with pytest.raises(DefinitionError, match="was not looked up here"):
        Plan.of_nodes(feature_set, {"r": Expression.parse("relevance > 0", feature_set).node})


@pytest.mark.parametrize(
    "text", ["model(city)", 'model("city")', 'model("city@champion", 1)', 'model("city@champion", digest="abc")']
)
def test_a_model_that_is_not_named_as_it_must_be_is_pointed_at(text):
    with pytest.raises(DefinitionError, match=r"this names no model(.|\n)*\^"):
        FeatureSet.parse(FEATURES + f"  relevance: '{text}'\n")


def test_inputs_must_mean_the_same_in_both(workspace):
    text = OUTER.replace("request.budget: {type: float, missing: 50}", "request.budget: {type: float, missing: 60}")
    with pytest.raises(DefinitionError, match=r"city@champion reads request.budget, which is declared otherwise here"):
        settle(FeatureSet.parse(text), ["dear"], workspace, model="outer")
