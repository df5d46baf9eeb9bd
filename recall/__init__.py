"""How candidates are found: branches over one snapshot's catalogue, their fusion, and the indexes they read.

Stability: what is listed in ``__all__`` is public and kept, ``recall.testing`` included.
"""

from recall.behaviour.branch import ItemToItemBranch
from recall.behaviour.config import ItemToItemConfig, SessionConfig
from recall.branch import Branch, Candidates, Query
from recall.config import RecallConfig
from recall.coverage import BranchCoverage, Outcome
from recall.dense.branch import DenseBranch
from recall.dense.config import DenseConfig
from recall.fusion.config import FusionConfig
from recall.fusion.fusing import Recalled, fuse
from recall.geo.branch import GeoBranch
from recall.geo.config import GeoConfig
from recall.indexes.build import BuiltIndex, build_indexes
from recall.indexes.refresh import Refreshed, recall_configs, refresh_workspace
from recall.indexes.sources import IndexSources
from recall.late import Late
from recall.lexical.branch import LexicalBranch
from recall.lexical.config import LexicalConfig
from recall.popular.branch import PopularBranch
from recall.popular.config import PopularConfig
from recall.preference.branch import PreferenceBranch
from recall.preference.config import PreferenceConfig
from recall.reading import Reading, listed
from recall.recaller import Recaller, Retrieval

__all__ = [
    "Branch",
    "BranchCoverage",
    "BuiltIndex",
    "Candidates",
    "DenseBranch",
    "DenseConfig",
    "FusionConfig",
    "GeoBranch",
    "GeoConfig",
    "IndexSources",
    "ItemToItemBranch",
    "ItemToItemConfig",
    "Late",
    "LexicalBranch",
    "LexicalConfig",
    "Outcome",
    "PopularBranch",
    "PopularConfig",
    "PreferenceBranch",
    "PreferenceConfig",
    "Query",
    "Reading",
    "RecallConfig",
    "Recalled",
    "Recaller",
    "Refreshed",
    "Retrieval",
    "SessionConfig",
    "build_indexes",
    "fuse",
    "listed",
    "recall_configs",
    "refresh_workspace",
]
