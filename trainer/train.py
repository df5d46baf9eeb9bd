"""Training as a sentence: samples, fit, evaluate, release, register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy.typing as npt

import searchrank
from searchrank.features import Evaluator
from searchrank.models import (
    EffortCurve,
    Forest,
    Manifest,
    Release,
    ReleaseDraft,
    Scorer,
    with_likenesses,
    write_release,
)
from searchrank.project import HELD_OUT
from trainer.baselines import logged_order, oracle, popularity
from trainer.collect import collect
from trainer.effort import RankedLists, measure_effort, places
from trainer.evaluation.champion import Champion
from trainer.evaluation.comparison import MODEL, ORACLE, POPULARITY, RECALL_ORDER, Evaluation, compare, unbiased
from trainer.evaluation.findings import Findings
from trainer.evaluation.metrics import mean, ndcg
from trainer.evaluation.ranking import Ranking
from trainer.fit import Split, Trained, fit_model, split_by_time
from trainer.from_log import from_log
from trainer.golden import golden_rows
from trainer.job import Job, Trial
from trainer.labelling import Labelling
from trainer.levels.training import evaluate_held_out, train_held_out
from trainer.recall_order import recall_order
from trainer.samples import matrix
from trainer.served_like import served_likenesses
from trainer.state import open_state, raw_tables
from trainer.weights import weigh

if TYPE_CHECKING:
    import numpy as np

    from searchrank.features import Plan
    from searchrank.features.snapshot import Snapshot
    from trainer.samples import Samples

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
        measured = _measure(job, snapshot, split.test, _Contender(trained.plan, Forest.parse(trained.model.text)))
        evaluation = measured.evaluation
        begin("writing the release")
        begin("what served rows look like")
        trained = replace(
            trained, profile=with_likenesses(trained.profile, served_likenesses(job, samples, snapshot, trained.plan))
        )
        folder = _write(job, snapshot, split, trained, measured)
    manifest = Manifest.read(folder)
    Findings.of(manifest.digest, evaluation, manifest.metrics).write(folder)
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
        return evaluate_held_out(job, release.plan, release.scorer)
    samples = collect(job.log, release.feature_set, Labelling.of(job.spec)).samples
    test = split_by_time(samples).test
    with open_state(job.workspace, release.feature_set, job.log, int(samples.times[-1])) as snapshot:
        found = _measure(job, snapshot, test, _Contender(release.plan, release.scorer, release.digest)).evaluation
    Findings.of(release.digest, found, found.metrics[MODEL]).write(release.folder)
    return found


class _Contender(NamedTuple):
    plan: Plan
    scorer: Scorer
    digest: str = ""


class _Measured(NamedTuple):
    evaluation: Evaluation
    effort: EffortCurve | None


def _measure(job: Job, snapshot: Snapshot, test: Samples, contender: _Contender) -> _Measured:
    """Compare with the champion, the baselines and, in a simulated world, the truth; and with less work."""
    plan, scorer, digest = contender
    chosen, exploration = unbiased(test)
    evaluator = Evaluator(plan)
    columns = matrix(chosen, snapshot, evaluator, evaluator.derive(chosen.items(snapshot)))
    rankings: dict[str, npt.NDArray[np.float64]] = {
        MODEL: scorer.score(columns),
        POPULARITY: popularity(chosen, snapshot, job.spec),
        RECALL_ORDER: logged_order(chosen)
        if job.surface is None or not job.surface.recall
        else recall_order(chosen, snapshot, job.workspace, job.log, job.surface),
    }
    champion = Champion.of(job, chosen, snapshot, but=digest)
    rankings |= champion.rankings() if champion is not None else {}
    truth = oracle(chosen, job.workspace.root)
    if truth is not None:
        rankings[ORACLE] = truth
    lists = RankedLists(columns, places(rankings[RECALL_ORDER], chosen.sizes), chosen.sizes)
    effort = measure_effort(scorer, lists, lambda s: mean(ndcg(Ranking.of(s, chosen.labels, chosen.sizes), 10)))
    found = compare(chosen, rankings, exploration=exploration)
    return _Measured(found if champion is None else champion.judge(job, found, snapshot), effort)


def _write(job: Job, snapshot: Snapshot, split: Split, trained: Trained, measured: _Measured) -> Path:
    """Write the release with its golden rows, proved against LightGBM's own scores."""
    golden, rows = golden_rows(split.test, snapshot, *raw_tables(job.workspace, job.feature_set, job.log))
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
