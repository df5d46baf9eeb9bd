"""Making a release live: proved first, then the alias in MLflow, then, atomically, the ledger that predictors watch."""

from __future__ import annotations

import getpass
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from searchrank.errors import SearchRankError
from searchrank.models import CHAMPION, Entry, Ledger, Release
from trainer.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.workspace import Workspace

__all__ = ["Change", "promote", "roll_back"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became live.

    Attributes:
        entry: The ledger's entry.
        note: What a person should know about MLflow; empty when the alias was written too.
    """

    entry: Entry
    note: str = ""


def promote(
    workspace: Workspace, folder: Path, uri: str, *, alias: str = CHAMPION, registry: Registry | None = None
) -> Change:
    """Make a release live under an alias; the champion is what serves.

    Args:
        workspace: Whose ledger.
        folder: The release.
        uri: MLflow store; a release it does not know is registered.
        alias: What it is live as.
        registry: The store, if it is open already.

    Raises:
        ReleaseRefusedError: When the release fails its proof here.
        NotFoundError: When there is no release in the folder.
        ConflictError: When another program holds the store or the ledger; nothing has become live.
    """
    manifest = Release.open(folder).manifest
    note = ""
    if _has_mlflow():
        known = registry or Registry.open(uri)
        known.register(manifest.name, folder, digest=manifest.digest, release=str(manifest.version))
        known.point(manifest.name, manifest.digest, alias)
    else:
        note = f"MLflow is not installed here: only the ledger was written, the alias {alias!r} was not"
    return Change(Ledger(workspace.ledger).promote(folder, alias=alias, author=_author()), note)


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
