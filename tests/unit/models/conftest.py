"""A small feature file, its raw rows, and drafts of releases over them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from searchrank.features import Evaluator, FeatureSet, FittedInput, ModelInput, Plan, Rows, fit
from searchrank.models import Linear, ReleaseDraft, profile_columns
from searchrank.models.golden import compute, raw_columns

FEATURES = """
inputs:
  item.price: {type: float, unit: CNY}
  item.category: {type: category, missing: other}
  item.title: {type: tokens, limit: 4}
  item.clicks_7d: {count: click, window: 7d, refresh: 1h, type: signal}
  request.budget: {type: float, missing: 50}
  user.recent_items: {type: list, of: item_id, limit: 3, last: click}
  user.taste: {type: map, limit: 3, count: click, by: item.category}
  candidate.eta_min: {type: float}
features:
  price_log: log1p(item.price)
  share: item.price / request.budget
  eta: candidate.eta_min
  category: item.category
  clicks: log1p(item.clicks_7d)
  recent: size(user.recent_items)
  taste: lookup(user.taste, item.category)
  words: token_count(item.title)
"""
INPUTS = (
    "price_log",
    "share | clip(0, 4)",
    "eta | bucketize(4)",
    "category | vocabulary(1)",
    "clicks",
    "recent",
    "taste",
    "words",
)


def raw_rows(rows: int = 300, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    numbers = {
        "item.price": rng.gamma(2, 40, rows),
        "item.clicks_7d": rng.integers(0, 50, rows).astype(float),
        "request.budget": rng.gamma(2, 60, rows),
        "candidate.eta_min": rng.uniform(0, 60, rows),
    }
    columns = {n: pa.array(v, mask=rng.random(rows) < 0.2) for n, v in numbers.items()}
    words = np.array(["noodles", "火锅", "café", "bar"])
    columns["item.category"] = pa.array(rng.choice(words, rows).tolist(), mask=rng.random(rows) < 0.2)
    columns["item.title"] = pa.array([f"{w} {k}" for k, w in enumerate(rng.choice(words, rows))])
    columns["user.recent_items"] = pa.array([[f"i{k}", "j"][: k % 3] if k % 5 else None for k in range(rows)])
    taste = [[("bar", 1.0), ("café", k / 7)] if k % 4 else None for k in range(rows)]
    columns["user.taste"] = pa.array(taste, pa.map_(pa.string(), pa.float32()))
    return pa.table(columns)


class _Nothing:
    def score(self, columns):
        return np.zeros(columns.shape[1])


def fitted_inputs(feature_set: FeatureSet, raw: pa.Table) -> tuple[FittedInput, ...]:
    """Fit the inputs on raw rows, each row its own item and request."""
    rows = len(raw)

    def evaluate(inputs):
        evaluator = Evaluator(Plan.compile(feature_set, inputs))
        encoders = (feature_set.item_encoder, feature_set.request_encoder, feature_set.candidate_encoder)
        items, requests, candidates = (
            e.encode({n: raw.column(n) for n in e.inputs if n in raw.column_names}, rows) for e in encoders
        )
        own = np.arange(rows, dtype=np.int64)
        block = evaluator.derive(np.concatenate([items, feature_set.item_encoder.missing()]))
        return evaluator.evaluate_columns(block, Rows(own, requests, own, candidates))

    return fit([ModelInput.parse(text, feature_set) for text in INPUTS], evaluate)


@pytest.fixture(scope="session")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture(scope="session")
def inputs(feature_set):
    return fitted_inputs(feature_set, raw_rows())


@pytest.fixture(scope="session")
def matrix(feature_set, inputs):
    """The model columns of the raw rows, float32 (f, n)."""
    plan = Plan.compile(feature_set, inputs)
    return compute(raw_columns(feature_set, raw_rows()), Evaluator(plan), _Nothing()).features


@pytest.fixture
def draft(feature_set, inputs, matrix) -> ReleaseDraft:
    weights = Linear(tuple(0.5 + 0.25 * k for k in range(len(matrix))), -1.0)
    return ReleaseDraft(
        name="city",
        feature_set=feature_set,
        inputs=inputs,
        model=weights.to_text(),
        scorer="linear",
        golden=raw_rows(),
        profile=profile_columns(Plan.compile(feature_set, inputs).columns, matrix),
        lineage={"data": {"events": 1234}, "code": "abc"},
        metrics={"ndcg@10": 0.25},
    )
