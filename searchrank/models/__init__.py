"""Scorers, the release format and the ledger: what a trained model is, without any training.

Stable: everything in ``__all__``.
"""

from searchrank.models.blend import Blend, parse_blend
from searchrank.models.effort import EffortCurve, EffortPoint
from searchrank.models.forest import Forest
from searchrank.models.golden import record_columns
from searchrank.models.ledger import CHALLENGER, CHAMPION, Entry, Ledger
from searchrank.models.library_forest import LibraryForest
from searchrank.models.likeness import Likeness, evenly, learn
from searchrank.models.linear import Linear
from searchrank.models.manifest import Manifest, find_release, releases
from searchrank.models.pair_scorer import PairScorer
from searchrank.models.profile import profile_columns, read_likenesses, read_profile, with_likenesses
from searchrank.models.release import Release
from searchrank.models.scorer import Scorer
from searchrank.models.stacking import settle
from searchrank.models.traits import Measured, Traits
from searchrank.models.turning import turning_points
from searchrank.models.writing import ReleaseDraft, write_release

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Blend",
    "EffortCurve",
    "EffortPoint",
    "Entry",
    "Forest",
    "Ledger",
    "LibraryForest",
    "Likeness",
    "Linear",
    "Manifest",
    "Measured",
    "PairScorer",
    "Release",
    "ReleaseDraft",
    "Scorer",
    "Traits",
    "evenly",
    "find_release",
    "learn",
    "parse_blend",
    "profile_columns",
    "read_likenesses",
    "read_profile",
    "record_columns",
    "releases",
    "settle",
    "turning_points",
    "with_likenesses",
    "write_release",
]
