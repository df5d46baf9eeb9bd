"""Scorers, the release format and the ledger: what a trained model is, without any training.

Stable: everything in ``__all__``.
"""

from searchrank.models.forest import Forest
from searchrank.models.linear import Linear
from searchrank.models.scorer import Scorer

__all__ = ["Forest", "Linear", "Scorer"]
