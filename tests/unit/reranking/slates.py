"""Candidates to arrange: a few items of brands, sellers and vectors."""

import numpy as np

from searchrank.features import FeatureSet, Rows, hash_texts
from searchrank.project import Ordering
from searchrank.reranking import Reranker, Slate

FEATURES = FeatureSet.parse("""
inputs:
  item.brand: {type: category}
  item.seller: {type: category}
  item.in_stock: {type: float}
  item.price: {type: float}
  item.embedding: {type: vector, size: 6}
  request.query: {type: category}
  request.words: {type: tokens, limit: 8}
  candidate.eta: {type: float}
features:
  cheap: item.price < 10
""")


def slate(n, *, query=None, **columns) -> Slate:
    """Items ``i0`` … with the columns of their items by noun; ``eta`` comes with the candidates."""
    items = FEATURES.item_encoder.encode({f"item.{k}": v for k, v in columns.items() if k != "eta"}, n)
    asked = FEATURES.request_encoder.encode({"request.query": [query], "request.words": [query]}, 1)
    candidates = FEATURES.candidate_encoder.encode({"candidate.eta": columns["eta"]} if "eta" in columns else {}, n)
    own = np.arange(n)
    return Slate(hash_texts([f"i{k}" for k in range(n)]), items, Rows(own, asked, np.zeros(n, np.int64), candidates))


def reranker(*rules, **parts) -> Reranker:
    return Reranker.parse(Ordering.model_validate({"rules": list(rules), **parts}), FEATURES, source="rerank")


def arranged(rules=(), *, scores, request_id="r1", parts=None, **columns):
    made = reranker(*rules, **(parts or {}))
    return made.arrange(slate(len(scores), **columns), np.asarray(scores, np.float64), request_id)


def falling(n) -> np.ndarray:
    """Scores n … 1, so that item k stands at place k by score."""
    return np.arange(n, 0, -1.0)
