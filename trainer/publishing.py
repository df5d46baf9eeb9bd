"""A trained release made known: its run and version in MLflow and, if wanted, its place in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from trainer.promotion import Change, promote
from trainer.registry import Registry, Run
from trainer.tracking import check_unlocked
from trainer.train import Progress, train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.job import Job, Trial

__all__ = ["publish"]


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
    check_unlocked(uri)
    with ThreadPoolExecutor(1) as beside:
        opening = beside.submit(Registry.open, uri)
        trial = train(job, parameters=parameters, progress=progress)
        if progress is not None:
            progress("registering")
        registry = opening.result()
    _register(registry, trial)
    change = promote(job.workspace, trial.folder, uri, registry=registry) if promote_it else None
    return trial, change


def _register(registry: Registry, trial: Trial) -> None:
    """Log the run and register the release."""
    manifest = trial.manifest
    metrics = {
        f"{ranking.replace(' ', '_')}.{name}": value
        for ranking, values in trial.evaluation.metrics.items()
        for name, value in values.items()
    }
    figures = {"trees": float(trial.trees), "gap_closed": trial.evaluation.gap_closed}
    run = Run(
        manifest.name,
        trial.parameters,
        metrics | figures | {"test_requests": float(trial.evaluation.requests)},
        {"release": str(trial.folder.resolve()), "digest": manifest.digest, "version": str(manifest.version)},
    )
    identity = registry.record(run)
    registry.register(manifest.name, trial.folder, digest=manifest.digest, release=str(manifest.version), run=identity)
