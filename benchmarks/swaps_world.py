"""The workspace of ``swaps.py``: 20,000 items, two snapshots, and any number of releases with features of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.features import Evaluator, FeatureSet, FittedInput, Plan, Rows
from searchrank.features.history import EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, publish
from searchrank.models import Ledger, ReleaseDraft, profile_columns, write_release
from searchrank.v1 import ranking_pb2
from searchrank.workspace import Workspace

__all__ = ["CANDIDATES", "MODEL", "Swapped", "encode", "make_world"]

MODEL: Final = "items"
ITEMS: Final = 20_000
NUMBERS: Final = 16
CANDIDATES: Final = 200
ROWS: Final = 600
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
      salt: items-page
      unit: user_id
      parameters:
        page_size: {type: integer, sets: limit}
      experiments:
        longer: {buckets: 0-9999, arms: {control: {weight: 1}, long: {weight: 1, set: {page_size: 40}}}}
"""
_FORMS: Final = (
    "clip(log1p(item.n{a} * item.n{a}) * candidate.eta_min / {c}, 0, 50)",
    "item.n{a} * {c} - item.n{b}",
    "log1p(item.n{a} * item.n{a} + {c}) * request.mood",
    "item.n{a} * user.age / {c}",
    "clip(candidate.eta_min - item.n{b}, -{c}, {c})",
    "item.n{a} * item.n{b} + request.mood * {c}",
)


class Swapped:
    """What is swapped.

    Attributes:
        workspace: The workspace, its first release and snapshot live.
        releases: Folders of distinct releases, the live one first.
        snapshots: Folders of snapshots, the live one first.
    """

    def __init__(self, workspace: Workspace, releases: list[Path], snapshots: list[Path]) -> None:
        self.workspace, self.releases, self.snapshots = workspace, releases, snapshots


def make_world(root: Path, count: int) -> Swapped:
    """Write a workspace with so many releases, every third a small forest, the others weighted sums."""
    workspace = Workspace(root)
    root.mkdir(parents=True, exist_ok=True)
    workspace.project.write_text(PROJECT, encoding="utf-8")
    workspace.experiments.write_text(EXPERIMENTS, encoding="utf-8")
    rng = np.random.default_rng(5)
    workspace.features.write_text(_features(rng, 20), encoding="utf-8")
    features = FeatureSet.load(workspace.features)
    items = pa.table(
        {"item_id": [f"i{k}" for k in range(ITEMS)]}
        | {f"item.n{k}": rng.gamma(2.0, 2.0, ITEMS) for k in range(NUMBERS)}
    )
    users = pa.table({"user_id": [f"u{k}" for k in range(1000)], "user.age": rng.uniform(18, 80, 1000)})
    source = SnapshotSource(items=items, users=users, events=EventColumns.from_batches([]), as_of=NOW_US)
    snapshots = [Snapshot.build(workspace.snapshots / name, features, source) for name in ("first", "second")]
    publish(snapshots[0])
    releases = [_release(workspace, number, rng) for number in range(count)]
    Ledger(workspace.ledger).promote(releases[0])
    return Swapped(workspace, releases, snapshots)


def _features(rng: np.random.Generator, count: int) -> str:
    lines = [
        "inputs:",
        "  request.mood: {type: float}",
        "  user.age: {type: float}",
        "  candidate.eta_min: {type: float}",
        *(f"  item.n{k}: {{type: float}}" for k in range(NUMBERS)),
        "features:",
    ]
    for number in range(count):
        a, b = rng.choice(NUMBERS, 2, replace=False)
        form = _FORMS[rng.integers(len(_FORMS))]
        lines.append(f"  f{number}: " + form.format(a=a, b=b, c=round(float(rng.uniform(1, 9)), 3)))
    return "\n".join(lines) + "\n"


def _release(workspace: Workspace, number: int, rng: np.random.Generator) -> Path:
    """Write a release of 20 to 60 features that no other has."""
    count = int(rng.integers(20, 61))
    features = FeatureSet.parse(_features(rng, count))
    inputs = tuple(FittedInput(f"f{k}", f"f{k}", ()) for k in range(count))
    plan = Plan.compile(features, inputs)
    raw = {name: rng.gamma(2.0, 2.0, ROWS) for name in features.inputs}
    columns = _evaluate(plan, raw)
    is_forest = number % 3 == 2
    model, reference = _forest(columns, rng) if is_forest else (_weights(count, rng), None)
    draft = ReleaseDraft(
        name=MODEL,
        feature_set=features,
        inputs=inputs,
        model=model,
        scorer="lightgbm" if is_forest else "linear",
        golden=pa.table(raw),
        reference=reference,
        profile=profile_columns(plan.columns, columns),
    )
    return write_release(workspace.releases, draft)


def _evaluate(plan: Plan, raw: dict[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float32]:
    """Return the model's columns of rows that have a request and an item each, ``(columns, rows)``."""
    sets, evaluator = plan.feature_set, Evaluator(plan)

    def of(*roots: str) -> dict[str, npt.NDArray[np.float64]]:
        return {name: values for name, values in raw.items() if name.partition(".")[0] in roots}

    items = np.concatenate([sets.item_encoder.encode(of("item"), ROWS), sets.item_encoder.missing()])
    requests = sets.request_encoder.encode(of("request", "user"), ROWS)
    candidates = sets.candidate_encoder.encode(of("candidate"), ROWS)
    every = np.arange(ROWS)
    return evaluator.evaluate(evaluator.derive(items), Rows(every, requests, every, candidates))


def _forest(columns: npt.NDArray[np.float32], rng: np.random.Generator) -> tuple[str, npt.NDArray[np.float64]]:
    """Return a forest of 60 trees with up to 31 leaves, and its scores of the rows."""
    labels = np.nan_to_num(columns[:3]).sum(axis=0) + rng.normal(size=ROWS)
    parameters = {"objective": "regression", "num_leaves": 31, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(columns.T, labels), 60)
    return booster.model_to_string(), np.asarray(booster.predict(columns.T, raw_score=True), np.float64)


def _weights(count: int, rng: np.random.Generator) -> str:
    return json.dumps({"weights": rng.normal(size=count).tolist()})


def encode(rng: np.random.Generator) -> bytes:
    """Return a ``Rank`` request of 200 distinct items that nobody sent before."""
    rows = rng.choice(ITEMS, CANDIDATES, replace=False, shuffle=False)
    request = ranking_pb2.RankRequest(surface="items", user_id=f"u{rng.integers(1000)}")
    request.candidates.strings.values.extend([f"i{row}" for row in rows.tolist()])
    mood = request.context.add(name="request.mood")
    mood.doubles.values.append(rng.uniform(0, 5))
    eta = request.candidate_columns.add(name="candidate.eta_min")
    eta.doubles.values.extend(rng.uniform(1, 60, CANDIDATES).tolist())
    return request.SerializeToString()
