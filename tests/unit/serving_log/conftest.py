"""Answers about one small catalogue, by a feature set that has an input of every type."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from searchrank.features import FeatureSet
from searchrank.serving_log import Answered

FEATURES = """
inputs:
  request.time: {type: time}
  request.query: {type: tokens, limit: 4}
  request.location: {type: point}
  session.device: {type: category}
  user.age: {type: float}
  user.recent: {type: list, of: item_id, limit: 4}
  query.weights: {type: map, limit: 4}
  item.price: {type: float}
  item.clicks: {type: signal, count: click}
  candidate.eta: {type: float}
  candidate.badge: {type: category}
  candidate.vector: {type: vector, size: 2}
  candidate.place: {type: float, training_only: true, serving: 1}
  recall.score: {type: float}
features:
  price: item.price * 1
"""
CATALOGUE = pa.array([f"i{k}" for k in range(10)])


@pytest.fixture(scope="session")
def features() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture
def answered(features) -> Callable[..., Answered]:
    def make(number: int = 0, **changed) -> Answered:
        """Return answer number k: three candidates, the last two returned in reverse."""
        given = {
            "rpc": "Search",
            "surface": "shop",
            "request_id": f"r{number}",
            "user_id": "u1",
            "session_id": "",
            "query": "tea",
            "request_time": 1_700_000_000_000_000 + number,
            "answered_at": 1_700_000_000_500_000 + number,
            "elapsed_us": 900,
            "release": ("taste", 3, "ab" * 32),
            "feature_set": features,
            "snapshot_id": "first",
            "offset": 17,
            "context": {"request.time": np.array([1_700_000_000_000_000 + number]), "request.query": ["tea"]},
            "columns": {},
            "item_ids": None,
            "catalogue_ids": CATALOGUE,
            "rows": np.array([4, 2, 7]),
            "scores": np.array([0.25, np.nan, 1.5]),
            "order": np.array([2, 1]),
            "features_digest": -5,
        }
        return Answered(**(given | changed))

    return make
