"""Making a release live: proved and judged, then the alias in MLflow, then, atomically, the ledger predictors watch."""

from __future__ import annotations

import getpass
import importlib.util
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from searchrank.errors import ReleaseRefusedError, SearchRankError
from searchrank.models import CHAMPION, Entry, Ledger, Release
from searchrank.project import Project
from trainer.evaluation.champion import live_release
from trainer.evaluation.gate import Verdict, verdict
from trainer.evaluation.report import report_of
from trainer.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.workspace import Workspace

__all__ = ["Change", "Terms", "promote", "roll_back"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became live.

    Attributes:
        entry: The ledger's entry.
        note: What a person should know: what could not be asked about it, and whether MLflow's alias was not written.
    """

    entry: Entry
    note: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a release is to become live.

    Attributes:
        alias: What it is live as; the champion is what serves, and the gate is asked about it alone.
        force: Whether it becomes live even if the gate refuses it; the ledger then says why it would have.
        registry: The MLflow store, if it is open already.
    """

    alias: str = CHAMPION
    force: bool = False
    registry: Registry | None = None


def promote(workspace: Workspace, folder: Path, uri: str, terms: Terms | None = None) -> Change:
    """Make a release live under an alias.

    Args:
        workspace: Whose ledger.
        folder: The release.
        uri: MLflow store; a release it does not know is registered.
        terms: How; None: as the champion, if nothing speaks against it.

    Raises:
        ReleaseRefusedError: When the release fails its proof here, which no force overrules, or the gate refuses it.
        NotFoundError: When there is no release in the folder.
        ConflictError: When another program holds the store or the ledger; nothing has become live.
    """
    how = terms or Terms()
    release = Release.open(folder)
    manifest = release.manifest
    found = _judged(workspace, release) if how.alias == CHAMPION else Verdict()
    if found.objections and not how.force:
        raise ReleaseRefusedError(_refusal(workspace, release, found))
    notes = list(found.notes)
    if _has_mlflow():
        known = how.registry or Registry.open(uri)
        known.register(manifest.name, folder, digest=manifest.digest, release=str(manifest.version))
        known.point(manifest.name, manifest.digest, how.alias)
    else:
        notes.append(f"MLflow is not installed here: only the ledger was written, the alias {how.alias!r} was not")
    ledger, forced = Ledger(workspace.ledger), "; ".join(found.objections)
    return Change(ledger.promote(folder, alias=how.alias, author=_author(), forced=forced), "; ".join(notes))


def _refusal(workspace: Workspace, release: Release, found: Verdict) -> str:
    """Return why a release is refused, where to read more, and how to overrule it."""
    page = report_of(release.folder)
    more = f" Its report: {page}." if page.is_file() else ""
    return (
        f"{release.name} version {release.version} is refused: {'; '.join(found.objections)}.{more} Make it live all "
        f"the same: searchrank release promote {release.version} --model {release.name} --home {workspace.root} --force"
    )


def _judged(workspace: Workspace, release: Release) -> Verdict:
    """Ask the gate about what would replace the champion."""
    champion, live = live_release(workspace, release.name), Ledger(workspace.ledger).live(release.name)
    found = verdict(release, champion, Project.load(workspace))
    if champion is None and live is not None:
        note = f"version {live.version}, which is live, cannot be opened here: nothing is known of how they compare"
        return replace(found, notes=(*found.notes, note))
    return found


def roll_back(workspace: Workspace, name: str, uri: str) -> Change:
    """Make live again what was live before, first in the ledger: MLflow must not stand in the way.

    Raises:
        NotFoundError: When nothing was live before.
        ConflictError: When another writer holds the ledger.
    """
    ledger = Ledger(workspace.ledger)
    entry = ledger.rollback(name, author=_author())
    if not _has_mlflow():
        return Change(entry, "MLflow is not installed here: only the ledger was written, the alias was not")
    try:
        Registry.open(uri).point(name, entry.digest, CHAMPION)
    except SearchRankError as error:
        return Change(entry, f"the ledger was written, the alias 'champion' was not: {error}")
    return Change(entry)


def _has_mlflow() -> bool:
    """Tell whether MLflow can be imported, without doing so."""
    return importlib.util.find_spec("mlflow") is not None


def _author() -> str:
    """Return who runs this program; empty where the system does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
