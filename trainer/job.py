"""What is to be trained, and what training gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from searchrank.errors import ConfigError, NotFoundError
from searchrank.events import EventLog, schema
from searchrank.features import FeatureSet
from searchrank.models import Manifest, settle
from searchrank.project import Project
from searchrank.serving_log import ServingLog
from trainer.evaluation.members import parse_slices

if TYPE_CHECKING:
    from searchrank.project import ModelSpec, Surface
    from searchrank.workspace import Workspace
    from trainer.evaluation.comparison import Evaluation
    from trainer.from_log import FromLog

__all__ = ["Job", "Trial"]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is to be trained, read from a workspace.

    Attributes:
        workspace: The workspace.
        name: Name of the model.
        spec: Its specification.
        surface: A surface it serves, or None.
        feature_set: The definitions.
        log: The event log.
        surfaces: Names of all surfaces that it serves.
        served: The serving log, to train on what it says was served; None: to train on the event log alone.
    """

    workspace: Workspace
    name: str
    spec: ModelSpec
    surface: Surface | None
    feature_set: FeatureSet
    log: EventLog
    surfaces: frozenset[str] = frozenset()
    served: ServingLog | None = None

    @classmethod
    def open(cls, workspace: Workspace, name: str = "", *, from_log: bool = False) -> Job:
        """Read a workspace; an empty name means the only model.

        Raises:
            NotFoundError: When there is no such model, or several and none is named, or no log to train on.
            ConfigError: When the project file is wrong, or the model learns nothing that a log could teach.
            DefinitionError: When the feature file is wrong, or the expression of a slice.
            ReleaseRefusedError: When a release whose score the model reads is refused.
        """
        project = Project.load(workspace)
        if not name and len(project.models) == 1:
            name = next(iter(project.models))
        if name not in project.models:
            raise NotFoundError(f"no model {name!r} in {workspace.project}; there are {', '.join(project.models)}")
        spec = project.models[name]
        read = [text.split("|")[0].strip() for text in spec.inputs]
        feature_set = settle(FeatureSet.load(workspace.features), read, workspace, model=name)
        parse_slices(spec.gate.slices, feature_set)
        log = EventLog.open(workspace.events, schema=schema(feature_set))
        if from_log and spec.weights:
            raise ConfigError(f"{name} has weights by hand and learns nothing from a log", field="--from-log")
        mine = {key: one for key, one in project.surfaces.items() if one.model == name}
        served = ServingLog.open(workspace.serving) if from_log else None
        return cls(workspace, name, spec, next(iter(mine.values()), None), feature_set, log, frozenset(mine), served)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trial:
    """What training gave.

    Attributes:
        folder: The release.
        manifest: Its manifest.
        evaluation: How it compares.
        rows: Rows it learnt from.
        trees: Trees of the forest; 0 of a weighted sum.
        parameters: What it was trained with.
        served: What the serving log gave; None when it was not trained on.
    """

    folder: Path
    manifest: Manifest
    evaluation: Evaluation
    rows: int
    trees: int
    parameters: Mapping[str, object]
    served: FromLog | None = None
