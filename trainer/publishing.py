"""A new release made known: its run and version in MLflow and, if wanted, its place in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from trainer.evaluation.report import report_of
from trainer.imported import import_model
from trainer.promotion import Change, Terms, promote
from trainer.registry import Registry, Run
from trainer.tracking import check_unlocked
from trainer.train import Progress, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trainer.job import Job, Trial

__all__ = ["publish", "publish_file"]


def publish(
    job: Job,
    uri: str,
    *,
    promote_it: bool = False,
    parameters: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> tuple[Trial, Change | None]:
    """Train a release, log its run, register it and, if wanted, make it live.

    MLflow takes seconds to import and to open; that goes on beside the training.

    Args:
        job: What to train.
        uri: MLflow store.
        promote_it: Whether to make it live.
        parameters: LightGBM parameters over the specification's.
        progress: Begins a named step and gives what to call with (done, of).

    Raises:
        ConflictError: When another program holds the MLflow file: before anything is trained, or, when it was taken
            meanwhile, after the release was written.
    """
    making = partial(train, job, parameters=parameters, progress=progress)
    return _published(job, uri, making, promote_it=promote_it, progress=progress)


def publish_file(
    job: Job, path: Path, uri: str, *, promote_it: bool = False, progress: Progress | None = None
) -> tuple[Trial, Change | None]:
    """Make a release of a model file that another program made, and make it known as ``publish`` does.

    Args:
        job: Whose inputs it reads.
        path: See ``import_model``.
        uri: MLflow store.
        promote_it: Whether to make it live.
        progress: Begins a named step and gives what to call with (done, of).

    Raises:
        ConflictError: As for ``publish``.
    """
    return _published(job, uri, partial(import_model, job, path), promote_it=promote_it, progress=progress)


def _published(
    job: Job, uri: str, make: Callable[[], Trial], *, promote_it: bool, progress: Progress | None
) -> tuple[Trial, Change | None]:
    """Make a release while MLflow opens, log and register it and, if wanted, make it live."""
    check_unlocked(uri)
    with ThreadPoolExecutor(1) as beside:
        opening = beside.submit(Registry.open, uri)
        trial = make()
        if progress is not None:
            progress("registering")
        registry = opening.result()
    _register(registry, trial)
    change = promote(job.workspace, trial.folder, uri, Terms(registry=registry)) if promote_it else None
    return trial, change


def _register(registry: Registry, trial: Trial) -> None:
    """Log the run and register the release."""
    manifest = trial.manifest
    metrics = {
        f"{ranking.replace(' ', '_')}.{name}": value
        for ranking, values in trial.evaluation.metrics.items()
        for name, value in values.items()
    }
    page = report_of(trial.folder)
    made = {"report": str(page.resolve())} if page.is_file() else {}
    figures = {"trees": float(trial.trees), "gap_closed": trial.evaluation.gap_closed}
    run = Run(
        manifest.name,
        trial.parameters,
        metrics | figures | {"test_requests": float(trial.evaluation.requests)},
        {"release": str(trial.folder.resolve()), "digest": manifest.digest, "version": str(manifest.version)} | made,
        (page,) if page.is_file() else (),
    )
    identity = registry.record(run)
    registry.register(manifest.name, trial.folder, digest=manifest.digest, release=str(manifest.version), run=identity)
