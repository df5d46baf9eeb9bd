"""The dense branch as a kind."""

from __future__ import annotations

from typing import Final

from recall.dense.branch import NAME, DenseBranch
from recall.dense.config import DenseConfig
from recall.dense.sources import build_from_sources, check_inputs
from recall.kind import Kind

__all__ = ["DENSE"]

DENSE: Final = Kind(
    index=NAME, section=DenseConfig, check=check_inputs, build=build_from_sources, open=DenseBranch.open, of_items=True
)
