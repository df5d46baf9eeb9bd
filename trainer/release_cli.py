"""Releases: list and show them, import and make one live, go back, tell what a shadow would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import NotFoundError
from trainer.console import say, show, table

if TYPE_CHECKING:
    from searchrank.models import Entry, Manifest
    from searchrank.workspace import Workspace

__all__ = ["release"]

release = typer.Typer(
    add_completion=False,
    help="List and show releases, import one, make one live, go back, tell what a shadow would change.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HOME = Path(".searchrank")
Model = Annotated[str, typer.Option("--model", help="Name of the model; may be left out when there is one.")]
Uri = Annotated[str, typer.Option("--tracking-uri", help="MLflow store; the workspace's SQLite file by default.")]
Alias = Annotated[str, typer.Option("--as", help="What it is live as: champion serves, others are for experiments.")]
Number = Annotated[int, typer.Argument(help="Version of the release.")]


@release.command("list")
def list_releases(home: Home = _HOME, model: Model = "", json: Json = False) -> None:
    """List the releases of a workspace and mark the live ones."""
    from searchrank.models import Ledger, releases  # noqa: PLC0415 - the command line starts quickly

    place = workspace(home)
    ledger = Ledger(place.ledger)
    found = [manifest for _, manifest in releases(place.releases, model or None)]
    rows = [_facts(one, ledger.live(one.name)) for one in found]
    if json:
        emit({"releases": rows})
        return
    if not rows:
        say(f"no releases in {place.releases}; run 'searchrank train'")
        return
    cells = [[r["model"], str(r["version"]), r["created"], r["digest"][:12], *_cells(r)] for r in reversed(rows)]
    show(table("releases", ["model", "version", "created", "digest", "ndcg@10", "live"], cells), on_stderr=False)


@release.command("show")
def show_release(version: Number, home: Home = _HOME, model: Model = "", json: Json = False) -> None:
    """Prove a release and show what it is."""
    from searchrank.models import Ledger, Release, find_release  # noqa: PLC0415 - the command line starts quickly

    place = workspace(home)
    name = _only_model(place, model)
    folder = find_release(place.releases, name, version)
    proved = Release.open(folder)
    facts = _facts(proved.manifest, Ledger(place.ledger).live(name))
    if json:
        emit(facts | {"folder": str(folder), "lineage": proved.manifest.lineage, "proved": True})
        return
    say((folder / "card.md").read_text(encoding="utf-8"))
    say(f"{folder}: proved here, every golden row equal to the bit{'; live' if facts['live'] else ''}")


@release.command("import")
def import_release(  # noqa: PLR0913, PLR0917 - one parameter an option
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Text of LightGBM's save_model, or an .onnx file.")],
    home: Home = _HOME,
    model: Annotated[str, typer.Option("--model", help="Model of the project whose inputs it reads.")] = "",
    promote_it: Annotated[bool, typer.Option("--promote", help="Make it live at once.")] = False,
    tracking_uri: Uri = "",
    json: Json = False,
) -> None:
    """Make a release of a model trained elsewhere, on the inputs of a model of the project in their order."""
    from trainer.console import steps  # noqa: PLC0415 - the command line starts quickly
    from trainer.extra import require_training  # noqa: PLC0415 - the command line starts quickly
    from trainer.job import Job  # noqa: PLC0415 - heavy
    from trainer.publishing import publish_file  # noqa: PLC0415 - heavy

    require_training()
    place = workspace(home)
    with steps() as told:
        uri = tracking_uri or place.tracking_uri
        trial, change = publish_file(Job.open(place, model), path, uri, promote_it=promote_it, progress=told.begin)
    made = trial.manifest
    kind = "LightGBM" if made.scorer == "lightgbm" else "ONNX"
    say(
        f"{made.name} version {made.version}: {kind} model of {len(made.columns)} columns; release {trial.folder}",
        on_stderr=json,
    )
    if change is None:
        say(
            f"make it live: searchrank release promote {made.version} --model {made.name} --home {home}", on_stderr=json
        )
    else:
        say("it is live now" + (f"; {change.note}" if change.note else ""), on_stderr=json)
    if json:
        told_of = {"model": made.name, "version": made.version, "digest": made.digest, "scorer": made.scorer}
        emit(told_of | {"release": str(trial.folder), "columns": list(made.columns), "promoted": change is not None})


@release.command("promote")
def promote_release(  # noqa: PLR0913, PLR0917 - one parameter an option
    version: Number,
    home: Home = _HOME,
    model: Model = "",
    alias: Alias = "champion",
    force: Annotated[
        bool, typer.Option("--force", help="Make it live even if the gate refuses it; the ledger says so.")
    ] = False,
    tracking_uri: Uri = "",
    json: Json = False,
) -> None:
    """Make a release live if the gate lets it: the alias in MLflow first, then the ledger that predictors watch."""
    from searchrank.models import find_release  # noqa: PLC0415 - the command line starts quickly
    from trainer.promotion import Terms, promote  # noqa: PLC0415 - the command line starts quickly

    place = workspace(home)
    folder = find_release(place.releases, _only_model(place, model), version)
    change = promote(place, folder, tracking_uri or place.tracking_uri, Terms(alias=alias, force=force))
    _tell(change.entry, change.note, json=json)


@release.command("rollback")
def rollback_release(home: Home = _HOME, model: Model = "", tracking_uri: Uri = "", json: Json = False) -> None:
    """Make live again what was live before."""
    from trainer.promotion import roll_back  # noqa: PLC0415 - the command line starts quickly

    place = workspace(home)
    change = roll_back(place, _only_model(place, model), tracking_uri or place.tracking_uri)
    _tell(change.entry, change.note, json=json)


@release.command("shadow")
def show_shadows(
    home: Home = _HOME,
    surface: Annotated[str, typer.Option("--surface", help="Of this surface alone.")] = "",
    json: Json = False,
) -> None:
    """Tell how the answers of shadow releases would differ from those that were given."""
    from searchrank.models.shadowed import read_shadows  # noqa: PLC0415 - the command line starts quickly
    from searchrank.project import Project  # noqa: PLC0415 - the command line starts quickly
    from trainer.cli import finite  # noqa: PLC0415 - the command line starts quickly
    from trainer.shadow_words import COLUMNS, HOW, cells, facts  # noqa: PLC0415 - the command line starts quickly

    place = workspace(home)
    if surface:
        Project.load(place).surface(surface)
    found = [pair for pair in read_shadows(place.shadow) if surface in {"", pair.surface}]
    if json:
        emit({"shadows": [finite(facts(pair)) for pair in found]})
        return
    if not found:
        say(f"no shadow was asked yet: give a surface of {place.project} a 'shadow: challenger' and send it requests")
        return
    show(table("shadow releases", list(COLUMNS), [list(cells(pair)) for pair in found]), on_stderr=False)
    say(HOW)
    for pair in found:
        if pair.problem:
            name, version, _ = pair.shadow
            say(f"{pair.surface}: {name} {version} could not answer: {pair.problem}")


def _only_model(place: Workspace, model: str) -> str:
    """Return the named model, or the only one that has releases.

    Raises:
        NotFoundError: When none is named and there is not exactly one.
    """
    if model:
        return model
    there = sorted(f.name for f in place.releases.iterdir() if f.is_dir()) if place.releases.is_dir() else []
    if len(there) != 1:
        known = f"there are {', '.join(there)}; name one with --model" if there else "run 'searchrank train'"
        raise NotFoundError(f"no single model in {place.releases}: {known}")
    return there[0]


def _facts(manifest: Manifest, live: Entry | None) -> dict[str, Any]:
    """Return what a list says of a release."""
    return {
        "model": manifest.name,
        "version": manifest.version,
        "created": manifest.created,
        "digest": manifest.digest,
        "ndcg@10": manifest.metrics.get("ndcg@10"),
        "live": live is not None and live.digest == manifest.digest,
        "forced": live.forced if live is not None and live.digest == manifest.digest else "",
    }


def _cells(facts: dict[str, Any]) -> list[str | float]:
    """Return the last cells of a release's row."""
    return [
        "-" if facts["ndcg@10"] is None else facts["ndcg@10"],
        ("live, forced" if facts["forced"] else "live") if facts["live"] else "",
    ]


def _tell(entry: Entry, note: str, *, json: bool) -> None:
    """Say what is live now."""
    say(f"live as {entry.alias}: {entry.name} version {entry.version} ({entry.digest[:12]})", on_stderr=json)
    for line in (f"forced: {entry.forced}" if entry.forced else "", note):
        if line:
            say(line, on_stderr=True)
    if json:
        told = {"model": entry.name, "alias": entry.alias, "version": entry.version, "digest": entry.digest}
        emit(told | {"note": note, "forced": entry.forced})
