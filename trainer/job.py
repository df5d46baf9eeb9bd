"""What is to be trained, and what training gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from searchrank.errors import NotFoundError
from searchrank.events import EventLog, schema
from searchrank.features import FeatureSet
from searchrank.models import Manifest
from searchrank.project import Project

if TYPE_CHECKING:
    from searchrank.project import ModelSpec, Surface
    from searchrank.workspace import Workspace
    from trainer.evaluate import Evaluation

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
    """

    workspace: Workspace
    name: str
    spec: ModelSpec
    surface: Surface | None
    feature_set: FeatureSet
    log: EventLog

    @classmethod
    def open(cls, workspace: Workspace, name: str = "") -> Job:
        """Read a workspace; an empty name means the only model.

        Raises:
            NotFoundError: When there is no such model, or several and none is named.
            ConfigError: When the project file is wrong.
            DefinitionError: When the feature file is wrong.
        """
        project = Project.load(workspace)
        if not name and len(project.models) == 1:
            name = next(iter(project.models))
        if name not in project.models:
            raise NotFoundError(f"no model {name!r} in {workspace.project}; there are {', '.join(project.models)}")
        feature_set = FeatureSet.load(workspace.features)
        log = EventLog.open(workspace.events, schema=schema(feature_set))
        surface = next((one for one in project.surfaces.values() if one.model == name), None)
        return cls(workspace, name, project.models[name], surface, feature_set, log)


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
    """

    folder: Path
    manifest: Manifest
    evaluation: Evaluation
    rows: int
    trees: int
    parameters: Mapping[str, object]
