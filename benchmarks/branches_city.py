"""A city that is asked for candidates: its people, an index for every branch, and a model that nobody asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from loop_city import Day

from examples.city import CitySize, write_city
from predictor.journey import Deadline, Journey
from predictor.query import Query as Asked
from predictor.query import recall_request
from predictor.requests import admit_question
from predictor.stages import know
from predictor.surface import ServedSurface
from recall import Query, refresh_workspace
from searchrank.features import FeatureSet, ModelInput, fit
from searchrank.models import Ledger, ReleaseDraft, profile_columns, write_release
from searchrank.workspace import Workspace

__all__ = ["asked_of", "day_of", "make_city"]

_MODEL = "city"
_INPUT = "price_log"


def make_city(root: Path, places: int, recall: dict[str, Any]) -> Workspace:
    """Return the workspace of a city with the indexes of some branches; what is there of it is used."""
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    if not workspace.items.exists():
        write_city(workspace, _size(places), lambda _what, _share: None)
        Ledger(workspace.ledger).promote(_release(workspace))
    project = yaml.safe_load(workspace.project.read_text())
    project["surfaces"]["places"] |= {"recall": recall, "budget_ms": 2_000}
    workspace.project.write_text(yaml.safe_dump(project))
    refresh_workspace(workspace)
    return workspace


def _size(places: int) -> CitySize:
    return CitySize(items=places, users=max(10, places // 5), events=max(1_000, 4 * places), days=14)


def _release(workspace: Workspace) -> Path:
    """Write a model that reads one feature: a surface needs one, recall does not."""
    features = FeatureSet.load(workspace.features)
    draft = ReleaseDraft(
        name=_MODEL,
        feature_set=features,
        inputs=fit([ModelInput.parse(_INPUT, features)], lambda _fitted: {}),
        model=json.dumps({"weights": [1.0]}),
        scorer="linear",
        golden=pa.table({"item.price": [1.0, None]}),
        profile=profile_columns((_INPUT,), np.linspace(0.0, 1.0, 8, dtype=np.float32)[None, :]),
    )
    return write_release(workspace.releases, draft)


def day_of(surface: ServedSurface, count: int) -> Day:
    """Return so many requests of the day after the log ends."""
    size = _size(len(surface.snapshot.catalogue))
    return Day(size, size.days, count)


async def asked_of(surface: ServedSurface, day: Day) -> tuple[list[Asked], list[Query]]:
    """Return what people ask on a day, and each as branches read it."""
    requests = [day.query(number) for number in range(len(day))]
    return requests, [await _as_recall_reads(surface, request) for request in requests]


async def _as_recall_reads(surface: ServedSurface, request: Asked) -> Query:
    question = admit_question(recall_request(request), surface.schema)
    asked = await know(surface, question, Journey(Deadline.of_call(None, 60.0)))
    query = Query(text=question.query, time=question.time_us)
    return surface.reading.fill(query, asked.record[0], surface.snapshot.catalogue)
