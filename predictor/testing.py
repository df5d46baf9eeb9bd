"""A small finished workspace, for tests and for trying a server out: a shop of forty items and a linear model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recall import IndexSources, RecallConfig, build_indexes
from searchrank.features import FeatureSet, ModelInput, fit
from searchrank.features.history import EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, publish
from searchrank.models import Ledger, ReleaseDraft, profile_columns, write_release
from searchrank.project import Project
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

__all__ = ["COLUMNS", "ITEMS", "TIME_US", "WEIGHTS", "make_shop", "make_snapshot", "promote", "release"]

ITEMS: Final = 40
TIME_US: Final = 1_700_000_000_000_000
COLUMNS: Final = ("price", "clicks", "eta", "age_price", "found_at")
WEIGHTS: Final = (-1.0, 0.5, -0.25, 0.01, 0.0)
PROJECT: Final = """
surfaces:
  shop:
    model: taste
    budget_ms: 2000
    limit: 10
    candidates: 30
    recall:
      lexical: {fields: {item.title: 1.0}, quota: 20}
      item_to_item: {events: [click], quota: 10}
      popular: {events: [click], quota: 10}
models:
  taste: {inputs: [price, clicks, eta, age_price, found_at]}
"""
FEATURES: Final = """
inputs:
  request.time: {type: time}
  request.query: {type: tokens, limit: 8}
  request.location: {type: point}
  user.age: {type: float}
  user.recent_items: {type: list, of: item_id, limit: 20, last: click}
  item.price: {type: float}
  item.title: {type: tokens, limit: 8}
  item.clicks: {type: signal, count: click}
  candidate.eta_min: {type: float}
  candidate.position: {type: float, training_only: true, serving: 1}
  recall.lexical_rank: {type: float}
features:
  price: item.price * 1
  clicks: item.clicks * 1
  eta: candidate.eta_min * 1
  age_price: user.age * item.price
  found_at: recall.lexical_rank * 1
"""


def make_shop(
    root: Path, *, project: str = PROJECT, inputs: str = "", columns: Mapping[str, pa.Array] | None = None
) -> Workspace:
    """Write a workspace whose one surface, ``shop``, is ready to be served.

    Item ``k`` (``i0`` … ``i39``) costs ``k`` and is called "tea number k" when k is even, "coffee number k" else; user
    ``u1`` is 20 years old and clicked ``i1``, then ``i2``. A score is the sum of ``WEIGHTS`` times ``COLUMNS``.

    Args:
        root: The workspace; what is in it already stays.
        project: Content of ``project.yaml``.
        inputs: Further lines below ``inputs:`` of the feature file.
        columns: Further columns of the items, in their order.
    """
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    workspace.project.write_text(project)
    workspace.features.write_text(FEATURES.replace("inputs:\n", f"inputs:\n{inputs}"))
    workspace.items.parent.mkdir(exist_ok=True)
    items = _items()
    for name, values in (columns or {}).items():
        items = items.append_column(name, values)
    with pa.OSFile(str(workspace.items), "wb") as file, pa.ipc.new_file(file, items.schema) as writer:
        writer.write_table(items)
    make_snapshot(workspace, "first")
    promote(workspace, release(workspace))
    return workspace


def make_snapshot(workspace: Workspace, name: str, *, without: Collection[str] = ()) -> Path:
    """Make a snapshot of all items but some, with its indexes, and publish it."""
    features = FeatureSet.load(workspace.features)
    with pa.memory_map(str(workspace.items)) as file:
        items = pa.ipc.open_file(file).read_all()
    items = items.filter(pc.invert(pc.is_in(items.column("item_id"), pa.array(list(without), pa.string()))))
    users = pa.table({"user_id": ["u1", "u2"], "user.age": [20.0, None]})
    events = EventColumns.from_table(_events())
    source = SnapshotSource(items=items, users=users, events=events, as_of=TIME_US)
    folder = Snapshot.build(workspace.snapshots / name, features, source)
    catalogue = Snapshot.open(folder, features).catalogue
    sources = IndexSources(inputs=features.inputs, items=items, events=events, catalogue=catalogue, root=workspace.root)
    surfaces = Project.load(workspace).surfaces.values()
    build_indexes(folder, [RecallConfig.parse(s.recall) for s in surfaces if s.recall], sources)
    publish(folder)
    return folder


def release(
    workspace: Workspace, weights: Sequence[float] = WEIGHTS, *, model: str = "taste", learnt: float = 0.0
) -> Path:
    """Write a release of a model with these weights and return its folder; it learnt from values from ``learnt`` on."""
    features = FeatureSet.load(workspace.features)
    parsed = [ModelInput.parse(name, features) for name in COLUMNS]
    values = np.linspace(learnt, learnt + 1.0, 1_000, dtype=np.float32)
    draft = ReleaseDraft(
        name=model,
        feature_set=features,
        inputs=fit(parsed, lambda _fitted: {}),
        model=json.dumps({"weights": list(weights)}),
        scorer="linear",
        golden=pa.table({"item.price": [1.0, 2.5, None], "candidate.eta_min": [3.0, None, 4.0], "user.age": [7.0] * 3}),
        profile=profile_columns(COLUMNS, np.tile(values, (len(COLUMNS), 1))),
    )
    return write_release(workspace.releases, draft)


def promote(workspace: Workspace, folder: Path) -> None:
    """Make a release live."""
    Ledger(workspace.ledger).promote(folder)


def _items() -> pa.Table:
    names = [f"{'coffee' if k % 2 else 'tea'} number {k}" for k in range(ITEMS)]
    return pa.table(
        {
            "item_id": [f"i{k}" for k in range(ITEMS)],
            "item.price": [float(k) for k in range(ITEMS)],
            "item.title": names,
            "item.shop": [f"s{k % 8}" if k % 8 else None for k in range(ITEMS)],  # looked at where it is declared
        }
    )


def _events() -> pa.Table:
    clicks = [("u1", "i1"), ("u2", "i1"), ("u2", "i5"), ("u1", "i2"), ("u2", "i2")]
    moments = pa.array([TIME_US - 1_000 + k for k in range(len(clicks))], pa.timestamp("us", tz="UTC"))
    users, items = zip(*clicks, strict=True)
    return pa.table(
        {
            "kind": ["click"] * len(clicks),
            "event_time": moments,
            "arrival_time": moments,
            "user_id": list(users),
            "item_id": list(items),
            "query": pa.nulls(len(clicks), pa.string()),
            "value": pa.nulls(len(clicks), pa.float64()),
        }
    )
