"""How candidates are found: branches over one snapshot's catalogue, their fusion, and the indexes they read.

Stability: what is listed in ``__all__`` is public and kept, ``recall.testing`` included.
"""

from recall.behaviour import ItemToItemBranch
from recall.branch import Branch, Candidates, Query
from recall.build import BuiltIndex, IndexSources, build_indexes
from recall.config import DenseConfig, ItemToItemConfig, LexicalConfig, PopularConfig, RecallConfig
from recall.dense import DenseBranch
from recall.fusion import Recalled, fuse
from recall.indexing import Refreshed, recall_configs, refresh_workspace
from recall.late import Late
from recall.lexical import LexicalBranch
from recall.popular import PopularBranch
from recall.recaller import BranchCoverage, Recaller, Retrieval

__all__ = [
    "Branch",
    "BranchCoverage",
    "BuiltIndex",
    "Candidates",
    "DenseBranch",
    "DenseConfig",
    "IndexSources",
    "ItemToItemBranch",
    "ItemToItemConfig",
    "Late",
    "LexicalBranch",
    "LexicalConfig",
    "PopularBranch",
    "PopularConfig",
    "Query",
    "RecallConfig",
    "Recalled",
    "Recaller",
    "Refreshed",
    "Retrieval",
    "build_indexes",
    "fuse",
    "recall_configs",
    "refresh_workspace",
]
