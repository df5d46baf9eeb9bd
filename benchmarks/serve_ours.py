"""The workspace that our predictor serves in ``serve.py``: catalogue, snapshot, release, ledger, as any project's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from serve_world import CANDIDATES, ITEMS, MORE, WIDTH, World, compiled, draw_asked, evaluate, item_id
from sixty import Request, feature_text, texts_of

from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, publish
from searchrank.models import EffortCurve, Ledger, ReleaseDraft, profile_columns, write_release
from searchrank.workspace import Workspace

__all__ = ["make_workspace"]

NOW_US: Final = 1_700_000_000_000_000
PROJECT: Final = """
surfaces:
  items: {model: items, budget_ms: 1000}
models:
  items: {inputs: [f0]}
"""
EXPERIMENTS: Final = """
surfaces:
  items:
    page:
      salt: page
      unit: user_id
      parameters:
        page_size: {type: integer, sets: limit}
      experiments:
        longer: {buckets: 0-9999, arms: {control: {weight: 1}, longer: {weight: 1, set: {page_size: 40}}}}
    banner:
      salt: banner
      unit: user_id
      parameters:
        banner: {type: choice, choices: [none, new], default: none}
      experiments:
        new_banner: {buckets: 0-4999, arms: {control: {weight: 1}, new: {weight: 1, set: {banner: new}}}}
"""


def make_workspace(
    root: Path, world: World, model: Path, width: int = WIDTH, *, effort: EffortCurve | None = None
) -> Workspace:
    """Write everything a worker needs to serve the world by a model of the first columns, two experiments included."""
    workspace = Workspace(root)
    workspace.root.mkdir(parents=True, exist_ok=True)
    workspace.project.write_text(PROJECT, encoding="utf-8")
    workspace.experiments.write_text(EXPERIMENTS, encoding="utf-8")
    workspace.features.write_text(feature_text("item", MORE), encoding="utf-8")
    features = FeatureSet.load(workspace.features)
    items = _items(world)
    events = EventColumns.from_batches([])
    source = SnapshotSource(items=items, events=events, as_of=NOW_US)
    publish(Snapshot.build(workspace.snapshots / "first", features, source))
    draft = replace(_draft(world, items, model.read_text(encoding="utf-8"), width), effort=effort)
    release = write_release(workspace.releases, draft)
    Ledger(workspace.ledger).promote(release)
    return workspace


def _items(world: World) -> pa.Table:
    """Return the raw catalogue, texts and all."""
    table = world.items
    columns: dict[str, Any] = {"item_id": [item_id(row) for row in range(ITEMS)]}
    columns |= {f"item.number_{k}": _numbers(values) for k, values in enumerate(table.numbers)}
    columns |= {f"item.category_{k}": pa.array(texts_of(hashes)) for k, hashes in enumerate(table.categories)}
    columns |= {f"item.more_{k}": _numbers(values) for k, values in enumerate(world.more)}
    columns["item.vector"] = _lists(table.vectors, pa.float32())
    columns["item.place"] = _lists(table.places, pa.float64())
    columns["item.words"] = pa.array([_words(hashes) for hashes in table.words])
    return pa.table(columns)


def _numbers(values: npt.NDArray[np.float32]) -> pa.Array:
    return pa.array(values.astype(np.float64), from_pandas=True)


def _lists(values: npt.NDArray[np.floating], kind: pa.DataType) -> pa.Array:
    """Return rows of one length; a row of NaN is missing."""
    cells = pa.array(values.ravel(), kind)
    return pa.FixedSizeListArray.from_arrays(cells, values.shape[1], mask=pa.array(np.isnan(values[:, 0])))


def _words(hashes: npt.NDArray[np.int64]) -> str | None:
    words = list(filter(None, texts_of(hashes)))
    return " ".join(words) if words else None


def _draft(world: World, items: pa.Table, model: str, width: int) -> ReleaseDraft:
    """Return a release proved by the rows of one request."""
    plan = compiled(width)
    asked = draw_asked(np.random.default_rng(13))
    columns = evaluate(world, plan, [asked.request], [asked.rows])
    golden = items.take(pa.array(asked.rows)).drop_columns("item_id")
    for name, value in _raw(asked.request).items():
        golden = golden.append_column(name, pa.array([value] * CANDIDATES, value.type))
    return ReleaseDraft(
        name="items",
        feature_set=plan.feature_set,
        inputs=plan.inputs,
        model=model,
        golden=golden,
        reference=np.asarray(lightgbm.Booster(model_str=model).predict(columns.T, raw_score=True), np.float64),
        profile=profile_columns(plan.columns, columns),
    )


def _raw(request: Request) -> dict[str, pa.Scalar]:
    """Return a request's raw values by input name."""
    values = {f"request.number_{k}": pa.scalar(float(number)) for k, number in enumerate(request.numbers)}
    values["request.category"] = pa.scalar(texts_of(np.array([request.category]))[0])
    values["request.vector"] = pa.scalar(request.vector.tolist(), pa.list_(pa.float32(), len(request.vector)))
    values["request.place"] = pa.scalar(request.place.tolist(), pa.list_(pa.float64(), 2))
    values["request.words"] = pa.scalar(_words(request.words))
    return values
