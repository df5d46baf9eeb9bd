"""Training as a sentence: samples, fit, evaluate, release, register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

import searchrank
from searchrank.errors import NotFoundError
from searchrank.events import EventLog, schema
from searchrank.features import Evaluator, FeatureSet
from searchrank.models import Forest, Manifest, ReleaseDraft, Scorer, write_release
from searchrank.project import Project
from trainer.baselines import logged_order, oracle, popularity
from trainer.collect import Collected, Labelling, collect
from trainer.evaluate import MODEL, ORACLE, POPULARITY, RECALL_ORDER, Evaluation, compare, unbiased
from trainer.fit import Split, Trained, fit_model, split_by_time
from trainer.golden import golden_rows
from trainer.recall_order import recall_order
from trainer.samples import matrix
from trainer.state import open_state, raw_tables

if TYPE_CHECKING:
    import numpy as np

    from searchrank.features import Plan
    from searchrank.features.snapshot import Snapshot
    from searchrank.project import ModelSpec, Surface
    from searchrank.workspace import Workspace
    from trainer.samples import Samples

__all__ = ["Job", "Trial", "evaluate_release", "train"]

Progress = Callable[[str], Callable[[int, int], None]]


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


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What training gave.

    Attributes:
        folder: The release.
        manifest: Its manifest.
        evaluation: How it compares.
        collected: The samples and what was left out of them.
        trained: The plan and the forest.
    """

    folder: Path
    manifest: Manifest
    evaluation: Evaluation
    collected: Collected
    trained: Trained


def train(job: Job, *, parameters: Mapping[str, object] | None = None, progress: Progress | None = None) -> Trial:
    """Train a model on everything a workspace has logged, measure it, and write a release.

    Args:
        job: What to train.
        parameters: LightGBM parameters over the specification's.
        progress: Begins a named step and gives what to call with (done, of).

    Raises:
        DataError: When the log does not hold enough to learn from and measure on.
        ConfigError: When the specification or the parameters are wrong.
        DefinitionError: When a model input is wrong.
    """
    begin = progress or (lambda _name: lambda _done, _of: None)
    begin("reading events")
    collected = collect(job.log, job.feature_set, Labelling.of(job.spec))
    split = split_by_time(collected.samples)
    begin("counting statistics")
    with open_state(job.workspace, job.feature_set, job.log, int(collected.samples.times[-1])) as snapshot:
        trained = fit_model(job.spec, split, snapshot, parameters=parameters, progress=begin)
        begin("evaluating")
        evaluation = _evaluate(job, snapshot, split.test, trained.plan, Forest.parse(trained.model.text))
        begin("writing the release")
        folder = _write(job, snapshot, split, trained, evaluation)
    return Trial(folder, Manifest.read(folder), evaluation, collected, trained)


def evaluate_release(job: Job, plan: Plan, scorer: Scorer) -> Evaluation:
    """Measure a release on the test part of a workspace's log.

    Args:
        job: The workspace and model.
        plan: The release's plan; its definitions, not the workspace's, read the log.
        scorer: The release's scorer.

    Raises:
        DataError: When the log does not hold enough to measure on.
    """
    samples = collect(job.log, plan.feature_set, Labelling.of(job.spec)).samples
    test = split_by_time(samples).test
    with open_state(job.workspace, plan.feature_set, job.log, int(samples.times[-1])) as snapshot:
        return _evaluate(job, snapshot, test, plan, scorer)


def _evaluate(job: Job, snapshot: Snapshot, test: Samples, plan: Plan, scorer: Scorer) -> Evaluation:
    """Compare a plan and scorer with the baselines and, in a simulated world, with the truth."""
    chosen, exploration = unbiased(test)
    evaluator = Evaluator(plan)
    columns = matrix(chosen, snapshot, evaluator, evaluator.derive(snapshot.catalogue.records))
    rankings: dict[str, npt.NDArray[np.float64]] = {
        MODEL: scorer.score(columns),
        POPULARITY: popularity(chosen, snapshot, job.spec),
        RECALL_ORDER: logged_order(chosen)
        if job.surface is None or not job.surface.recall
        else recall_order(chosen, snapshot, job.workspace, job.log, job.surface),
    }
    truth = oracle(chosen, job.workspace.root)
    if truth is not None:
        rankings[ORACLE] = truth
    return compare(chosen, rankings, exploration=exploration)


def _write(job: Job, snapshot: Snapshot, split: Split, trained: Trained, evaluation: Evaluation) -> Path:
    """Write the release with its golden rows, proved against LightGBM's own scores."""
    golden, rows = golden_rows(split.test, snapshot, *raw_tables(job.workspace))
    evaluator = Evaluator(trained.plan)
    columns = evaluator.evaluate(evaluator.derive(snapshot.catalogue.records), rows)
    draft = ReleaseDraft(
        name=job.name,
        feature_set=job.feature_set,
        inputs=trained.plan.inputs,
        model=trained.model.text,
        golden=golden,
        reference=trained.model.score(columns.T),
        profile=trained.profile,
        lineage=_lineage(job, split, trained),
        metrics={name: value for name, value in evaluation.metrics[MODEL].items() if value == value},  # noqa: PLR0124 - NaN
    )
    return write_release(job.workspace.releases, draft)


def _lineage(job: Job, split: Split, trained: Trained) -> dict[str, Any]:
    """Return where data and code came from."""
    parts = {
        name: {
            "requests": len(part.sizes),
            "rows": len(part),
            "from_us": int(part.times[0]),
            "to_us": int(part.times[-1]),
        }
        for name, part in (("train", split.train), ("valid", split.valid), ("test", split.test))
    }
    return {
        "events": job.log.end,
        "samples": parts,
        "labels": dict(job.spec.labels),
        "parameters": {name: value for name, value in trained.model.parameters.items() if name != "num_threads"},
        "trees": trained.model.trees,
        "searchrank": searchrank.__version__,
    }
