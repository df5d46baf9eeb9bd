"""The workspace of ``owners.py``: items of many shops in any order, some of them clicked on, and one model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from recall import IndexSources, RecallConfig, build_indexes
from searchrank.features import FeatureSet, ModelInput, fit
from searchrank.features.history import EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, publish
from searchrank.models import Ledger, ReleaseDraft, profile_columns, write_release
from searchrank.project import Project
from searchrank.workspace import Workspace

__all__ = ["make_world", "name"]

NOW_US: Final = 1_700_000_000_000_000
CLICKS: Final = 20_000
PROJECT: Final = """
surfaces:
  shops: {model: shops, budget_ms: 2000, candidates: 200, recall: {popular: {events: [click], quota: 200}}}
models:
  shops: {inputs: [price]}
"""
FEATURES: Final = """
inputs:
  request.shops: {type: list, of: shop, limit: 10000}
  item.shop: {type: category}
  item.price: {type: float}
features:
  price: item.price * 1
"""


def name(shop: int) -> str:
    """Return the id of a shop."""
    return f"shop-{shop:06}"


def make_world(root: Path, shops: int, items: int) -> Workspace:
    """Write a workspace of some shops with so many items each."""
    workspace = Workspace(root)
    workspace.project.write_text(PROJECT)
    workspace.features.write_text(FEATURES)
    features = FeatureSet.load(workspace.features)
    rng = np.random.default_rng(2)
    owners = rng.permutation(np.arange(shops).repeat(items))
    table = pa.table(
        {
            "item_id": pa.array([f"i{row}" for row in range(len(owners))]),
            "item.shop": pa.array([name(shop) for shop in range(shops)]).take(pa.array(owners)),
            "item.price": rng.random(len(owners)),
        }
    )
    clicked = rng.integers(0, len(owners), CLICKS)
    moments = pa.array(np.arange(NOW_US - CLICKS, NOW_US), pa.timestamp("us", tz="UTC"))
    events = EventColumns.from_table(
        pa.table(
            {
                "kind": ["click"] * CLICKS,
                "event_time": moments,
                "arrival_time": moments,
                "user_id": ["u"] * CLICKS,
                "item_id": table.column("item_id").take(pa.array(clicked)),
                "query": pa.nulls(CLICKS, pa.string()),
                "value": pa.nulls(CLICKS, pa.float64()),
            }
        )
    )
    users = pa.table({"user_id": ["u"]})
    source = SnapshotSource(items=table, users=users, events=events, as_of=NOW_US)
    folder = Snapshot.build(workspace.snapshots / "only", features, source)
    catalogue = Snapshot.open(folder, features).catalogue
    sources = IndexSources(inputs=features.inputs, items=table, events=events, catalogue=catalogue, root=root)
    surface = Project.load(workspace).surfaces["shops"]
    build_indexes(folder, [RecallConfig.parse(surface.recall)], sources)
    publish(folder)
    Ledger(workspace.ledger).promote(_release(workspace, features))
    return workspace


def _release(workspace: Workspace, features: FeatureSet) -> Path:
    draft = ReleaseDraft(
        name="shops",
        feature_set=features,
        inputs=fit([ModelInput.parse("price", features)], lambda _fitted: {}),
        model=json.dumps({"weights": [1.0]}),
        scorer="linear",
        golden=pa.table({"item.price": [1.0, None]}),
        profile=profile_columns(("price",), np.linspace(0.0, 1.0, 8, dtype=np.float32)[None, :]),
    )
    return write_release(workspace.releases, draft)
