"""Training as a sentence: samples, fit, evaluate, release, register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import searchrank
from searchrank.features import Evaluator
from searchrank.models import (
    Release,
    ReleaseDraft,
    with_likenesses,
    write_release,
)
from searchrank.project import HELD_OUT
from trainer.collect import collect
from trainer.evaluation.comparison import MODEL, Evaluation
from trainer.evaluation.measuring import Contender, Measured, measure
from trainer.fit import Split, Trained, fit_model, split_by_time
from trainer.from_log import from_log
from trainer.golden import golden_rows
from trainer.job import Job, Trial
from trainer.labelling import Labelling
from trainer.levels.training import evaluate_held_out, train_held_out
from trainer.served_like import served_likenesses
from trainer.state import open_state, raw_tables
from trainer.weights import weigh

if TYPE_CHECKING:
    from searchrank.features.snapshot import Snapshot

__all__ = ["evaluate_release", "train"]

Progress = Callable[[str], Callable[[int, int], None]]


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
    if job.spec.weights:
        return weigh(job)
    if job.spec.samples == HELD_OUT and job.served is None:
        return train_held_out(job, parameters=parameters, progress=progress)
    begin = progress or (lambda _name: lambda _done, _of: None)
    served = None
    if job.served is not None:
        served = from_log(job, job.served, Labelling.of(job.spec), begin)
        samples = served.collected.samples
    else:
        begin("reading events")
        samples = collect(job.log, job.feature_set, Labelling.of(job.spec)).samples
    begin("counting statistics")
    with open_state(job.workspace, job.feature_set, job.log, int(samples.times[-1])) as snapshot:
        split = split_by_time(samples if served is None else served.seen(snapshot))
        trained = fit_model(job.spec, split, snapshot, parameters=parameters, progress=begin)
        begin("evaluating")
        measured = measure(job, snapshot, split.test, Contender.learnt(trained.plan, trained.model))
        evaluation = measured.evaluation
        begin("writing the release")
        begin("what served rows look like")
        trained = replace(
            trained, profile=with_likenesses(trained.profile, served_likenesses(job, samples, snapshot, trained.plan))
        )
        folder = _write(job, snapshot, split, trained, measured)
    manifest = measured.keep(job, folder)
    return Trial(
        folder=folder,
        manifest=manifest,
        evaluation=evaluation,
        rows=trained.rows,
        trees=trained.model.trees,
        parameters=trained.model.parameters,
        served=served,
    )


def evaluate_release(job: Job, release: Release) -> Evaluation:
    """Measure a release on the test part of a workspace's log and keep what was found beside it.

    Args:
        job: The workspace and model.
        release: The release; its definitions, not the workspace's, read the log.

    Raises:
        DataError: When the log does not hold enough to measure on.
    """
    if job.spec.samples == HELD_OUT:
        return evaluate_held_out(job, release)
    samples = collect(job.log, release.feature_set, Labelling.of(job.spec)).samples
    test = split_by_time(samples).test
    with open_state(job.workspace, release.feature_set, job.log, int(samples.times[-1])) as snapshot:
        measured = measure(job, snapshot, test, Contender.of(release))
    if measured.evaluation.rival is not None:
        measured.keep(job, release.folder)
    return measured.evaluation


def _write(job: Job, snapshot: Snapshot, split: Split, trained: Trained, measured: Measured) -> Path:
    """Write the release with its golden rows, proved against the training library's own scores."""
    golden, rows = golden_rows(split.test, snapshot, *raw_tables(job.workspace, job.feature_set, job.log))
    evaluator = Evaluator(trained.plan)
    columns = evaluator.evaluate(evaluator.derive(snapshot.catalogue.records), rows)
    draft = ReleaseDraft(
        name=job.name,
        feature_set=job.feature_set,
        inputs=trained.plan.inputs,
        model=trained.model.content,
        scorer=trained.model.scorer,
        golden=golden,
        reference=trained.model.score(columns.T),
        profile=trained.profile,
        lineage=_lineage(job, split, trained),
        metrics={name: value for name, value in measured.evaluation.metrics[MODEL].items() if value == value},  # noqa: PLR0124 - NaN
        effort=measured.effort,
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
