"""A demo's folder: made, marked, and begun afresh only when nothing of anybody's own is in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from searchrank.errors import ConflictError
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["fresh", "mark"]

_MARK: Final = "demo.json"
_LOCK: Final = ".demo.lock"
_OURS: Final = (
    "catalogue", "events", "snapshots", "releases", "mlruns", "project.yaml", "features.yaml", "truth.arrow",
    "ledger.jsonl", "ledger.jsonl.lock", "mlflow.db", "serving", "serving.log", "page.key", _MARK,
)  # fmt: skip
_LEFT_OVER: Final = (".training-*", ".recall-*", ".demo-*", "mlflow.db-*")  # of a run that was killed


@contextmanager
def fresh(home: Path, say: Callable[[str], None]) -> Iterator[Workspace]:
    """Hold a folder that has nothing in it but what this run of the demo makes.

    The world that an earlier run left there is removed, except when its definitions were edited since.

    Args:
        home: The folder; made if need be.
        say: Told when something is removed.

    Raises:
        ConflictError: When the folder is not a demo's, holds edited definitions, or another run is at work in it.
    """
    if home.exists() and not home.is_dir():
        raise ConflictError(f"{home} is a file; name a folder with --home")
    marked = (home / _MARK).is_file()
    if home.is_dir() and not marked and any(entry.name != _LOCK for entry in home.iterdir()):
        raise ConflictError(f"{home} holds files that are not a demo's; name an empty folder with --home")
    try:
        home.mkdir(parents=True, exist_ok=True)
        held = (home / _LOCK).open("w")
    except OSError as error:
        raise ConflictError(f"{home} cannot be written: {error.strerror}; name another --home") from error
    with held as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"another demo is at work in {home}; wait for it, or name another --home") from None
        if marked:
            _require_unedited(home)
            say(f"beginning afresh: removing the world that an earlier demo left in {home}")
            _clear(home)
        _write_mark(home, {})
        yield Workspace(home)


def mark(workspace: Workspace) -> None:
    """Remember the definitions as they are now, so that a later run can tell whether somebody edited them."""
    there = [path for path in (workspace.project, workspace.features) if path.is_file()]
    _write_mark(workspace.root, {path.name: _digest(path) for path in there})


def _write_mark(home: Path, definitions: dict[str, str]) -> None:
    words = {"made_by": "searchrank demo", "definitions": definitions}
    (home / _MARK).write_text(json.dumps(words, indent=1) + "\n", encoding="utf-8")


def _require_unedited(home: Path) -> None:
    """Refuse to remove what somebody wrote.

    Raises:
        ConflictError: When a definition was edited.
    """
    try:
        definitions = json.loads((home / _MARK).read_text(encoding="utf-8"))["definitions"]
    except (ValueError, KeyError):
        raise ConflictError(f"{home / _MARK} is damaged; delete {home} or name another --home") from None
    for name, digest in definitions.items():
        path = home / name
        if path.is_file() and _digest(path) != digest:
            raise ConflictError(
                f"{path} was edited and a new demo would lose that; train with it: searchrank train --home {home} "
                f"--promote, or delete {home}, or name another --home"
            )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _clear(home: Path) -> None:
    """Remove what demos make, and nothing else."""
    for entry in [*(home / name for name in _OURS), *(path for glob in _LEFT_OVER for path in home.glob(glob))]:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
