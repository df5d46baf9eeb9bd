"""Digests of logged answers against features computed again, in both forms that logs hold."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from searchrank.features import Evaluator, FeatureSet, ModelInput, Plan, Rows, fit
from searchrank.serving_log import FeaturesDigest
from trainer.recheck import _agree

FEATURES = """
inputs:
  item.price: {type: float}
  request.budget: {type: float}
features:
  price: item.price
  share: item.price / request.budget
"""


@pytest.fixture
def past():
    """Two answers of two and one candidates, as a past gives them."""
    features = FeatureSet.parse(FEATURES)
    plan = Plan.compile(features, fit([ModelInput.parse(n, features) for n in ("price", "share")], dict))
    documents = features.item_encoder.encode({"item.price": np.array([1.0, 2.0, np.nan])}, 3)
    requests = features.request_encoder.encode({"request.budget": np.array([10.0, 20.0])}, 2)
    rows = Rows(np.arange(3), requests, np.array([0, 0, 1]), features.candidate_encoder.missing(3))
    release = SimpleNamespace(plan=plan, evaluator=Evaluator(plan))
    return SimpleNamespace(rows=lambda _answers: (documents, rows)), release


@pytest.mark.parametrize("earlier", [False, True])
def test_the_digest_of_an_earlier_log_is_still_understood(past, earlier):
    known, release = past
    documents, rows = known.rows(None)
    columns = release.evaluator.evaluate(release.evaluator.derive(documents), rows)
    assert release.plan.item_only == (0,)
    logged = []
    for part in (columns[:, :2], columns[:, 2:]):
        digest = FeaturesDigest(() if earlier else release.plan.item_only)
        digest.add(part)
        logged.append(digest.value)
    answers = pa.record_batch({"item_id": [["a", "b"], ["c"]], "features_digest": logged})
    assert _agree(answers, release, known).tolist() == [True, True]
    wrong = pa.record_batch({"item_id": [["a", "b"], ["c"]], "features_digest": logged[::-1]})
    assert _agree(wrong, release, known).tolist() == [False, False]
