"""Fixtures over the shop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from searchrank.features import FeatureSet
from searchrank.features.snapshot import Snapshot
from tests.unit.state.shop import FEATURES, Shop, batch_of, random_events


@pytest.fixture(scope="session")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture
def shop(tmp_path, feature_set) -> Shop:
    return Shop(tmp_path, feature_set)


@pytest.fixture(scope="session")
def shop_at(feature_set) -> Callable[[Path], Shop]:
    return lambda root: Shop(root, feature_set)


@pytest.fixture(scope="session")
def base(tmp_path_factory, feature_set) -> Snapshot:
    """A snapshot of no events, for tests without a log."""
    return Shop(tmp_path_factory.mktemp("base"), feature_set).snapshot()


@pytest.fixture(scope="session")
def batch() -> Callable[..., pa.RecordBatch]:
    return batch_of


@pytest.fixture(scope="session")
def random() -> Callable[[np.random.Generator, int], list[dict[str, Any]]]:
    return random_events
