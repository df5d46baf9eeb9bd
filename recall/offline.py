"""Recall without a server: what a surface would be asked, of the live snapshot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from recall.branch import Query
from recall.indexes.refresh import recall_configs
from recall.narrowing import Narrowing, narrow
from recall.reading import Reading
from recall.recaller import Recaller
from searchrank.features import Encoder, FeatureSet, hash_text
from searchrank.features.history import query_hash
from searchrank.features.snapshot import Snapshot, current, fill_requests
from searchrank.project import Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchrank.workspace import Workspace

__all__ = ["of_project"]


def of_project(
    place: Workspace, surface: str = "", user: str = "", words: tuple[str, str] = ("", "")
) -> tuple[Recaller, Sequence[str], Query, Narrowing]:
    """Return the recall of a surface over the live snapshot, the item of each row, what is asked, what is kept out.

    Args:
        place: The workspace.
        surface: Its name; may be empty when there is only one.
        user: Whose recent items count; may be empty, and need not be known.
        words: The text that is looked for, and the filter.

    Raises:
        NotFoundError: When there is no project, snapshot or index.
        ConfigError: When the project or the filter is wrong, or there is no such surface.
        DataError: When an index is damaged.
    """
    text, condition = words
    project = Project.load(place)
    name = surface or (next(iter(project.surfaces)) if len(project.surfaces) == 1 else "")
    spec = project.surface(name)
    condition = " and ".join(f"({part})" for part in (spec.filter, condition) if part)
    config = recall_configs(project)[name]
    features = FeatureSet.load(place.features)
    snapshot = Snapshot.open(current(place.snapshots), features)
    asked = Query(text=text, time=time.time_ns() // 1_000)
    record = _record(snapshot, features, user, text)
    if user:
        reading = Reading.of(config.branches.values(), features.request_layout.names)
        asked = reading.fill(asked, record[0], snapshot.catalogue)
    asked, narrowing = narrow(asked, (record, snapshot.catalogue, features), spec.exclude, condition)
    return Recaller.open(snapshot.indexes, config), snapshot.catalogue.ids.to_pylist(), asked, narrowing


def _record(snapshot: Snapshot, features: FeatureSet, user: str, text: str) -> Any:
    """Return what is known of a user, shape (1,), as a request made now would read it; of nobody, the time."""
    record = Encoder(features.request_inputs).missing()
    users, times = np.array([hash_text(user) if user else 0]), np.array([time.time_ns() // 1_000])
    fill_requests(snapshot, record, users, np.array([query_hash(text)]), times)
    return record
