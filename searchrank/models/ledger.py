"""The ledger: which release is and was live, one line an event, the only thing that predictors watch."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from searchrank.durable import sync
from searchrank.errors import DataError, NotFoundError
from searchrank.models.manifest import Manifest
from searchrank.models.storage import exclusive

__all__ = ["CHALLENGER", "CHAMPION", "Entry", "Ledger"]

log = logging.getLogger(__name__)

Action = Literal["promote", "rollback"]
CHAMPION: Final = "champion"
"""The alias of what serves."""
CHALLENGER: Final = "challenger"
"""The alias of what is tried against it, by an experiment."""
NEVER: Final = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """From its time on, until the next entry of the same name and alias, this release is live under the alias.

    Attributes:
        time: When it became live, UTC.
        name: Name of the model.
        action: ``promote``, or ``rollback`` to what was live before.
        version: Version of the release that is live now.
        digest: Its digest.
        folder: Its folder, relative to the ledger's.
        author: Who did it.
        previous: Digest of what was live before, or None.
        alias: ``champion`` for what serves.
        forced: Why it would have been refused, when it was made live all the same; empty when nothing spoke against it.
    """

    time: datetime
    name: str
    action: Action
    version: int
    digest: str
    folder: str
    author: str = ""
    previous: str | None = None
    alias: str = CHAMPION
    forced: str = ""

    def to_line(self) -> str:
        """Write the entry as one line of JSON."""
        content = asdict(self) | {"time": self.time.isoformat()}
        if not self.forced:
            del content["forced"]
        return json.dumps(content, ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Entry:
        """Read what ``to_line`` wrote.

        Raises:
            ValueError: When a part is missing or of the wrong kind.
        """
        content = json.loads(line)
        try:
            entry = cls(**content | {"time": datetime.fromisoformat(content["time"])})
            known = entry.action in {"promote", "rollback"} and isinstance(entry.version, int)
            if not known or entry.time.tzinfo is None:
                raise ValueError("not an entry of a ledger")
        except (TypeError, KeyError) as error:
            raise ValueError(str(error)) from error
        return entry


class Ledger:
    """An append-only file of entries; safe for many readers and writers in many processes.

    A line is written by one append and synced before the call returns. A line torn by a crash was never answered for:
    it is passed over with a warning and cut off by the next writer. What was read once is kept, so that reading again
    costs what was added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: tuple[bytes, tuple[Entry, ...]] = b"", ()

    def stamp(self) -> tuple[int, int, int]:
        """Return (size, modification time in ns, inode): equal stamps mean that nothing changed."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return NEVER
        return found.st_size, found.st_mtime_ns, found.st_ino

    def entries(self, name: str | None = None, alias: str = CHAMPION) -> tuple[Entry, ...]:
        """Return all entries, or those of one model and alias, oldest first.

        Raises:
            DataError: When a line that was written in full cannot be read.
        """
        whole = self._whole()
        known, found = self._kept
        if not whole.startswith(known):
            known, found = b"", ()
        added = []
        for number, line in enumerate(whole[len(known) :].splitlines(), start=len(found) + 1):  # bytes: U+2028 is text
            try:
                added.append(Entry.from_line(line.decode()))
            except ValueError as error:
                raise DataError(f"{self.path}:{number} cannot be read ({error}); restore it from a copy") from error
        found = (*found, *added)
        self._kept = whole, found
        return tuple(e for e in found if name is None or (e.name, e.alias) == (name, alias))

    def live(self, name: str, alias: str = CHAMPION) -> Entry | None:
        """Return what is live under a name and alias, or None."""
        entries = self.entries(name, alias)
        return entries[-1] if entries else None

    def at(self, name: str, time: datetime) -> Entry | None:
        """Return what was live at a time (which carries its zone), or None before the first entry."""
        return next((e for e in reversed(self.entries(name)) if e.time <= time), None)

    def folder(self, entry: Entry) -> Path:
        """Return an entry's release folder."""
        return self.path.parent / entry.folder

    def promote(self, folder: Path, *, alias: str = CHAMPION, author: str = "", forced: str = "") -> Entry:
        """Make a release live; promoting what is live already changes nothing.

        Args:
            folder: The release's folder. Its proof is not repeated here: open it first.
            alias: What it is live as.
            author: Who does it.
            forced: Why it would have been refused, if it was and that is overruled.

        Raises:
            NotFoundError: When there is no release in the folder.
            ReleaseRefusedError: When its ``release.json`` is damaged.
            ConflictError: When another writer does not finish.
        """
        manifest = Manifest.read(folder)
        with exclusive(self._lock):
            live = self.live(manifest.name, alias)
            if live is not None and live.digest == manifest.digest:
                return live
            return self._append(
                Entry(
                    time=datetime.now(UTC),
                    name=manifest.name,
                    action="promote",
                    version=manifest.version,
                    digest=manifest.digest,
                    folder=os.path.relpath(folder.resolve(), self.path.parent.resolve()),
                    author=author,
                    previous=live.digest if live else None,
                    alias=alias,
                    forced=forced,
                )
            )

    def rollback(self, name: str, *, author: str = "") -> Entry:
        """Let what was live before the last promotion serve again; a second rollback goes one further back.

        Raises:
            NotFoundError: When nothing was live before.
            ConflictError: When another writer does not finish.
        """
        with exclusive(self._lock):
            history: list[Entry] = []
            for entry in self.entries(name):
                if entry.action == "promote":
                    history.append(entry)
                else:
                    history.pop()
            if len(history) < 2:
                raise NotFoundError(
                    f"nothing was live under {name!r} before {f'version {history[-1].version}' if history else 'now'}; "
                    "there is no release to roll back to"
                )
            before = history[-2]
            return self._append(
                replace(before, time=datetime.now(UTC), action="rollback", author=author, previous=history[-1].digest)
            )

    @property
    def _lock(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")

    def _whole(self) -> bytes:
        """Return all lines that end; a torn one is left out."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        end = content.rfind(b"\n") + 1
        if end < len(content):
            log.warning("%s ends in a torn line of %d bytes, passed over", self.path, len(content) - end)
        return content[:end]

    def _append(self, entry: Entry) -> Entry:
        """Write one entry, never earlier than the one before it; the caller holds the lock."""
        whole = self._whole()
        earlier = self.entries()
        if earlier and earlier[-1].time > entry.time:
            entry = replace(entry, time=earlier[-1].time)
        with self.path.open("ab") as file:
            file.truncate(len(whole))
            file.write(entry.to_line().encode())
            file.flush()
            os.fsync(file.fileno())
        sync(self.path.parent)
        return entry
