"""Experiments: check the file, show who has which buckets, assign a unit, and tell what the arms did."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from searchrank.experiments import ArmReport, ExperimentReport, Experiments, Surroundings
    from searchrank.workspace import Workspace

__all__ = ["experiment"]

experiment = typer.Typer(
    help="Check and show experiments, assign a unit, tell what the arms did.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HOME = Path(".searchrank")
File = Annotated[Path | None, typer.Argument(help="File to check; the workspace's by default.")]
UnitId = Annotated[str, typer.Argument(help="User or session id.")]
SurfaceName = Annotated[str, typer.Option("--surface", help="Surface; may be left out when there is one.")]
Where = Annotated[list[str] | None, typer.Option("--where", help="NAME=TEXT of a request input; repeat it.")]
Since = Annotated[str, typer.Option("--since", help="Count answers from this time on, ISO 8601 (UTC without a zone).")]


@experiment.command("lint")
def lint_file(file: File = None, home: Home = _HOME, json: Json = False) -> None:
    """Check an experiment file against itself and, in a workspace, against the project and its releases."""  # noqa: DOC501
    from searchrank.experiments import lint  # noqa: PLC0415 - the command line starts quickly

    place = workspace(home) if file is None or (home / "project.yaml").is_file() else None
    path = file or home / "experiments.yaml"
    faults = lint(_text(path), source=str(path), surroundings=_surroundings(place) if place else None)
    for fault in faults:
        typer.echo(str(fault), err=True)
    if json:
        emit({"file": str(path), "faults": [{"line": f.line, "column": f.column, "message": str(f)} for f in faults]})
    elif not faults:
        typer.echo(f"{path}: no faults{'' if place else ' (not compared with a project)'}")
    if faults:
        raise typer.Exit(1)


@experiment.command("show")
def show_experiments(home: Home = _HOME, json: Json = False) -> None:
    """Show layers, the buckets of each experiment and what is free."""
    found = _load(workspace(home))
    layers = [_layer_facts(surface, layer) for surface, layers in found.surfaces.items() for layer in layers]
    if json:
        emit({"version": found.version, "layers": layers})
        return
    for layer in layers:
        free = layer["free"] or "none"
        title = f"{layer['surface']} / {layer['layer']} (salt {layer['salt']}, by {layer['unit']}; free: {free})"
        rows = [
            (e["experiment"], e["buckets"], f"{e['share']:.2%}", ", ".join(e["arms"]), "" if e["enabled"] else "off")
            for e in layer["experiments"]
        ]
        _table(title, ("experiment", "buckets", "share", "arms", ""), rows)


@experiment.command("assign")
def assign_unit(
    unit: UnitId, surface: SurfaceName = "", where: Where = None, home: Home = _HOME, json: Json = False
) -> None:
    """Tell the arms and parameters of a unit, taken as user and as session."""
    found = _load(workspace(home))
    name = _only(surface, found)
    given = found.assign(name, user_id=unit, session_id=unit, attributes=dict(_attribute(part) for part in where or ()))
    arms = [
        {
            "layer": a.layer,
            "experiment": a.experiment,
            "arm": a.arm,
            "propensity": a.propensity,
            "overridden": a.overridden,
        }
        for a in given.arms
    ]
    if json:
        emit({"surface": name, "unit": unit, "arms": arms, "parameters": dict(given.parameters)})
        return
    rows = [
        (a.layer, a.experiment, a.arm, f"{a.propensity:.2f}", "overridden" if a.overridden else "") for a in given.arms
    ]
    _table(f"{unit} on {name}", ("layer", "experiment", "arm", "propensity", ""), rows)
    for parameter, value in given.parameters.items():
        typer.echo(f"{parameter} = {value}")


@experiment.command("report")
def report_arms(since: Since = "", home: Home = _HOME, json: Json = False) -> None:
    """Tell what the arms did, by serving log and events: CTR with intervals, differences, sample-ratio test."""
    from searchrank.experiments import report  # noqa: PLC0415 - the command line starts quickly

    place = workspace(home)
    found = _load(place)
    moment = _moment(since)
    told = report(found, _answers(place, moment), _events(place, moment))
    if json:
        emit({"version": found.version, "experiments": [_report_facts(one) for one in told]})
        return
    for one in told:
        fair = "nothing to test" if math.isnan(one.sample_ratio_p) else f"sample ratio p = {one.sample_ratio_p:.3g}"
        alarm = "" if one.is_fair else ": NOT AS SPLIT, do not trust the difference"
        heads = ("arm", "units", "shown", "clicked", "ordered", "CTR (95 %)", "difference (95 %)", "p")
        title = f"{one.surface} / {one.layer} / {one.name} ({fair}{alarm})"
        _table(title, heads, [_report_row(arm) for arm in one.arms])


def _text(path: Path) -> str:
    """Return a file's text.

    Raises:
        NotFoundError: When there is none.
        ConfigError: When it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}; see docs/guide/experiments.md for how to begin one") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error.reason}") from None


def _surroundings(place: Workspace) -> Surroundings:
    from predictor.trials import surroundings  # noqa: PLC0415 - the command line starts quickly
    from searchrank.features import FeatureSet  # noqa: PLC0415
    from searchrank.project import Project  # noqa: PLC0415

    features = FeatureSet.load(place.features)
    return surroundings(place, Project.load(place), features.inputs.values(), features)


def _load(place: Workspace) -> Experiments:
    from searchrank.experiments import Experiments  # noqa: PLC0415 - the command line starts quickly

    return Experiments.parse(_text(place.experiments), source=str(place.experiments), surroundings=_surroundings(place))


def _only(surface: str, found: Experiments) -> str:
    """Return the named surface, or the only one.

    Raises:
        NotFoundError: When there is no such surface, or none is named and there are several.
    """
    known = ", ".join(found.surfaces) or "none"
    if surface in found.surfaces:
        return surface
    if surface or len(found.surfaces) != 1:
        raise NotFoundError(f"no surface {surface!r} has experiments; name one with --surface: {known}")
    return known


def _attribute(part: str) -> tuple[str, str]:
    """Return name and text of ``NAME=TEXT``.

    Raises:
        ConfigError: When there is no ``=``.
    """
    name, separator, text = part.partition("=")
    if not separator:
        raise ConfigError(f"{part!r} is not NAME=TEXT", field="--where")
    return name, text


def _moment(text: str) -> datetime | None:
    """Return a time, in UTC unless it says otherwise.

    Raises:
        ConfigError: When it is none.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no time such as 2026-11-23T08:00", field="--since") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _answers(place: Workspace, since: datetime | None) -> pa.Table:
    """Return the columns of the serving log that a report reads, from a moment on."""
    import pyarrow as pa  # noqa: PLC0415 - the command line starts quickly

    from searchrank.experiments.exposure import ANSWERED  # noqa: PLC0415
    from searchrank.serving_log import ServingLog, returned  # noqa: PLC0415

    log = ServingLog.open(place.serving)
    batches = [returned(batch).select(ANSWERED) for batch in log.read([*ANSWERED, "position"], since=since)]
    return pa.Table.from_batches(batches, pa.schema([log.schema.field(name) for name in ANSWERED]))


def _events(place: Workspace, since: datetime | None) -> pa.Table:
    """Return the columns of the event log that a report reads, from a moment on."""
    import pyarrow as pa  # noqa: PLC0415 - the command line starts quickly
    import pyarrow.compute as pc  # noqa: PLC0415

    from searchrank.events import EventLog  # noqa: PLC0415
    from searchrank.experiments.exposure import HAPPENED  # noqa: PLC0415

    with EventLog.open(place.events) as log:
        table = log.table(columns=[*HAPPENED, "event_time"])
    return table if since is None else table.filter(pc.greater_equal(table["event_time"], pa.scalar(since)))


def _layer_facts(surface: str, layer: Any) -> dict[str, Any]:
    from searchrank.experiments.bucket import BUCKETS, shown  # noqa: PLC0415 - the command line starts quickly

    return {
        "surface": surface,
        "layer": layer.name,
        "salt": layer.salt,
        "unit": layer.unit,
        "free": shown(layer.free),
        "experiments": [
            {
                "experiment": one.name,
                "buckets": shown(one.buckets),
                "share": one.taken / BUCKETS,
                "enabled": one.enabled,
                "arms": {arm.name: arm.weight for arm in one.arms},
            }
            for one in layer.experiments
        ],
    }


def _report_facts(one: ExperimentReport) -> dict[str, Any]:
    arms = [
        {
            "arm": arm.name,
            "units": arm.units,
            "shown": arm.shown,
            "clicked": arm.clicked,
            "ordered": arm.ordered,
            "ctr": _number(arm.ctr.value),
            "ctr_interval": [_number(end) for end in arm.ctr.interval],
            "difference": None if arm.change is None else _number(arm.change.value),
            "difference_interval": None if arm.change is None else [_number(arm.change.low), _number(arm.change.high)],
            "p": None if arm.change is None else _number(arm.change.p),
        }
        for arm in one.arms
    ]
    place = {"surface": one.surface, "layer": one.layer, "experiment": one.name}
    return place | {"sample_ratio_p": _number(one.sample_ratio_p), "fair": one.is_fair, "arms": arms}


def _report_row(arm: ArmReport) -> tuple[str, ...]:
    counts = (arm.name, f"{arm.units:,}", f"{arm.shown:,}", f"{arm.clicked:,}", f"{arm.ordered:,}")
    ctr = f"{arm.ctr.value:.4f} ± {arm.ctr.interval[1] - arm.ctr.value:.4f}"
    if arm.change is None:
        return (*counts, ctr, "control", "")
    change = arm.change
    return (*counts, ctr, f"{change.value:+.4f} ± {change.high - change.value:.4f}", f"{change.p:.3g}")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - the command line starts quickly
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=escape(title), title_justify="left", box=None, padding=(0, 1))
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)
