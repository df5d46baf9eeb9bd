"""The verbs ``train`` and ``evaluate``."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import ConfigError, NotFoundError
from trainer.console import say, show, steps, table
from trainer.extra import require_training
from trainer.parameters import read_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from searchrank.models import Entry, Ledger
    from searchrank.workspace import Workspace
    from trainer.evaluation import Evaluation, Rival

__all__ = ["evaluate", "train"]

_HOME = Path(".searchrank")
Model = Annotated[str, typer.Option("--model", help="Name of the model; may be left out when there is one.")]
Uri = Annotated[str, typer.Option("--tracking-uri", help="MLflow store; the workspace's SQLite file by default.")]


def train(  # noqa: PLR0913, PLR0917 - one parameter an option
    home: Home = _HOME,
    model: Model = "",
    promote: Annotated[bool, typer.Option("--promote", help="Make the release live.")] = False,
    from_log: Annotated[
        bool, typer.Option("--from-log", help="Train on what was served, by the serving log, instead of on searches.")
    ] = False,
    tracking_uri: Uri = "",
    params: Annotated[Path | None, typer.Option(help="LightGBM parameters: YAML, JSON or .conf.")] = None,
    letor: Annotated[Path | None, typer.Option(help="Train on a prepared LETOR/libsvm file instead.")] = None,
    valid: Annotated[Path | None, typer.Option(help="With --letor: file that decides when to stop.")] = None,
    test: Annotated[Path | None, typer.Option(help="With --letor: file to measure on.")] = None,
    json: Json = False,
) -> None:
    """Train a ranking model on the event log, on what was served with --from-log, or on prepared files with --letor."""
    require_training()
    chosen = read_parameters(params) if params else {}
    if letor is not None:
        _train_letor(letor, valid, test, chosen, json=json)
        return
    _require_letor(valid or test)
    place = workspace(home)
    request = _Wish(model, tracking_uri or place.tracking_uri, promote, from_log)
    _train_log(place, request, chosen, json=json)


def evaluate(
    home: Home = _HOME,
    model: Model = "",
    version: Annotated[int, typer.Option(help="Version of the release; the live one by default.")] = 0,
    json: Json = False,
) -> None:
    """Measure a release again on the test part of a workspace's event log."""
    from searchrank.models import Ledger, Release, find_release  # noqa: PLC0415 - heavy
    from trainer.evaluation.report import report_of  # noqa: PLC0415 - heavy
    from trainer.job import Job  # noqa: PLC0415 - heavy
    from trainer.train import evaluate_release  # noqa: PLC0415 - heavy

    require_training()
    job = Job.open(workspace(home), model)
    number = version or _live(Ledger(job.workspace.ledger), job.name).version
    with steps() as told:
        told.begin("proving the release")
        release = Release.open(find_release(job.workspace.releases, job.name, number))
        told.begin("evaluating")
        found = evaluate_release(job, release)
    _show_evaluation(f"{release.name} version {release.version}", found, on_stderr=json)
    if report_of(release.folder).is_file():
        say(f"report: {report_of(release.folder)}", on_stderr=json)
    if json:
        emit(finite(found.figures() | {"version": release.version, "digest": release.digest}))


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which model to train, where to register it, whether to make it live, and whether on what was served."""

    model: str
    uri: str
    promote: bool
    from_log: bool


def _require_letor(stray: Path | None) -> None:
    """Refuse the options of prepared files without one.

    Raises:
        ConfigError: When one was given.
    """
    if stray is not None:
        raise ConfigError(f"--valid and --test go with --letor, {stray} was given without it", field="letor")


def _live(ledger: Ledger, name: str) -> Entry:
    """Return what is live.

    Raises:
        NotFoundError: When nothing is.
    """
    entry = ledger.live(name)
    if entry is None:
        raise NotFoundError(f"no release of {name!r} is live; name one with --version")
    return entry


def _train_log(place: Workspace, wish: _Wish, chosen: Mapping[str, object], *, json: bool) -> None:
    """Train on a workspace's event log, release, register and, if wanted, promote."""
    from trainer.evaluation.report import report_of  # noqa: PLC0415 - the command line starts quickly
    from trainer.job import Job  # noqa: PLC0415 - heavy
    from trainer.publishing import publish  # noqa: PLC0415 - heavy

    started = time.monotonic()
    with steps() as told:
        trial, change = publish(
            Job.open(place, wish.model, from_log=wish.from_log),
            wish.uri,
            promote_it=wish.promote,
            parameters=chosen,
            progress=told.begin,
        )
    manifest = trial.manifest
    for line in trial.served.words() if trial.served else ():
        say(line, on_stderr=json)
    _show_evaluation(f"{manifest.name} version {manifest.version}", trial.evaluation, on_stderr=json)
    what = f"{trial.trees} trees" if trial.trees else manifest.scorer
    say(f"{what} on {trial.rows:,} rows; release {trial.folder}", on_stderr=json)
    page = report_of(trial.folder)
    if page.is_file():
        say(f"report: {page}", on_stderr=json)
    if change is not None:
        say("it is live now" + (f"; {change.note}" if change.note else ""), on_stderr=json)
    else:
        say(f"make it live: searchrank release promote {manifest.version} --home {place.root}", on_stderr=json)
    if json:
        figures = trial.evaluation.figures() | {"release": str(trial.folder), "version": manifest.version}
        figures |= {"report": str(page) if page.is_file() else None}
        figures |= {"digest": manifest.digest, "promoted": change is not None, "rows": trial.rows}
        figures |= trial.served.figures() if trial.served else {}
        emit(finite(figures | {"trees": trial.trees, "seconds": time.monotonic() - started}))


def _show_evaluation(title: str, found: Evaluation, *, on_stderr: bool) -> None:
    """Print how rankings compare."""
    names = list(next(iter(found.metrics.values())))
    rows: list[list[str | float]] = [[name, *values.values()] for name, values in found.metrics.items()]
    show(table(title, ["ranking", *names], rows), on_stderr=on_stderr)
    say(found.how, on_stderr=on_stderr)
    for name, interval in found.differences.items():
        text = f"NDCG@10 over {name}: {interval.mean:+.4f}, 95 % interval {interval.low:+.4f} to {interval.high:+.4f}"
        say(f"{text}, p {interval.p:.2g}", on_stderr=on_stderr)
    if found.rival is not None:
        _show_slices(found.rival, on_stderr=on_stderr)
    if not math.isnan(found.gap_closed):
        say(f"share of the gap from popularity to the oracle: {found.gap_closed:.0%}", on_stderr=on_stderr)


def _show_slices(rival: Rival, *, on_stderr: bool) -> None:
    """Print where it was compared with the champion."""
    from trainer.evaluation import worst_in_words  # noqa: PLC0415 - the command line starts quickly

    if rival.problem:
        say(f"not compared with version {rival.version}, which is live: {rival.problem}", on_stderr=on_stderr)
    if not rival.slices:
        return
    columns = ["slice", "requests", "champion", "model", "by", "p (Holm)", "findable"]
    rows: list[list[str | float]] = [
        [one.name, f"{one.queries:,}", one.theirs, one.ours, one.difference, one.p_holm, one.detectable]
        for one in rival.slices
    ]
    show(table(f"NDCG@10 against version {rival.version}, which is live", columns, rows), on_stderr=on_stderr)
    say(worst_in_words(rival.slices), on_stderr=on_stderr)


def _train_letor(
    letor: Path, valid: Path | None, test: Path | None, chosen: Mapping[str, object], *, json: bool
) -> None:
    """Train on prepared files and print their metrics.

    Raises:
        ConfigError: When there is nothing to measure on.
    """
    from trainer.prepared import train_prepared  # noqa: PLC0415 - heavy

    if test is None:
        raise ConfigError("name the file to measure on", field="test")
    with steps() as job:
        job.begin("reading")
        result = train_prepared(letor, test, valid, parameters=chosen, progress=job.begin("training"))
    columns, rows = _letor_rows(result.metrics)
    show(table(f"{result.model.trees} trees on {letor}", columns, rows), on_stderr=json)
    if json:
        emit(finite({**result.metrics, "trees": result.model.trees}))


def _letor_rows(
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> tuple[list[str], list[list[str | float]]]:
    """Return one row a part and convention."""
    names = list(next(iter(metrics.values())))
    rows: list[list[str | float]] = []
    for part, found in metrics.items():
        for convention in ("skip", "zero", "one"):
            values = [found[name].get(convention, math.nan) for name in names]
            rows.append([part, convention, *values])
    return ["part", "empty", *names], rows


def finite(figures: Any) -> Any:
    """Return figures for JSON, which knows no NaN: null instead."""
    if isinstance(figures, float):
        return figures if math.isfinite(figures) else None
    if hasattr(figures, "items"):
        return {str(name): finite(value) for name, value in figures.items()}
    return figures
