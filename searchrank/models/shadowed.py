"""What came of shadow releases: a small file of each worker, read together by anybody."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from searchrank.errors import DataError
from searchrank.models.agreement import Agreement

__all__ = ["ShadowFile", "Shadowed", "read_shadows"]

KEPT_SECONDS: Final = 30 * 86_400.0
MOST: Final = 50
"""Pairs of releases that a worker's file holds; the one that began first goes first."""
_log = logging.getLogger(__name__)
_Key = tuple[str, tuple[str, int, str], tuple[str, int, str]]


@dataclass(slots=True)
class Shadowed:
    """A surface's answers beside those that a shadow release would have given.

    Attributes:
        surface: Name of the surface.
        live: Name, version and digest of the release that answered.
        shadow: Name, version and digest of the one that would have.
        since: When the first pair of lists was looked at, seconds since 1970 UTC.
        until: When the last one was.
        agreement: How alike they are.
        problem: Why the shadow could not answer, the last time that it could not; empty: it always could.
    """

    surface: str
    live: tuple[str, int, str]
    shadow: tuple[str, int, str]
    since: float
    until: float
    agreement: Agreement
    problem: str = ""

    @property
    def key(self) -> _Key:
        """What is compared."""
        return self.surface, self.live, self.shadow

    def joined(self, other: Shadowed) -> Shadowed:
        """Return both, which compare the same, together."""
        late = self if self.until >= other.until else other
        since, agreement = min(self.since, other.since), self.agreement.joined(other.agreement)
        return Shadowed(*self.key, since, late.until, agreement, late.problem or self.problem or other.problem)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        names = ("surface", "live", "shadow", "since", "until", "problem")
        return {name: getattr(self, name) for name in names} | {"agreement": self.agreement.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Shadowed:
        """Read what ``to_json`` returned.

        Raises:
            DataError: When it is something else.
        """
        try:
            live, shadow = ((str(n), int(v), str(d)) for n, v, d in (content["live"], content["shadow"]))
            span, agreement = (float(content["since"]), float(content["until"])), content["agreement"]
            found = cls(content["surface"], live, shadow, *span, Agreement.from_json(agreement), content["problem"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"not what a worker writes of a shadow release: {error}") from error
        return found


class ShadowFile:
    """The file of one worker, replaced whole whenever something is added; belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        """Begin with nothing; files that no worker has written for a month are removed."""
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{time.time_ns()}.json"
        self._pairs: dict[_Key, Shadowed] = {}
        for path in folder.glob("*.json"):
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                path.unlink(missing_ok=True)

    def of(self, surface: str, live: tuple[str, int, str], shadow: tuple[str, int, str]) -> Shadowed:
        """Return what there is of two releases, to be added to."""
        now = time.time()
        found = self._pairs.get((surface, live, shadow))
        if found is None:
            found = Shadowed(surface, live, shadow, now, now, Agreement())
            self._pairs[found.key] = found
            if len(self._pairs) > MOST:
                del self._pairs[next(iter(self._pairs))]
        found.until = now
        return found

    def write(self) -> None:
        """Let others see it."""
        self._folder.mkdir(exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps([one.to_json() for one in self._pairs.values()]), encoding="utf-8")
        fresh.replace(self._path)


def read_shadows(folder: Path) -> list[Shadowed]:
    """Return what the files of all workers say together, what was looked at last first.

    A file that cannot be read is passed over with a warning.
    """
    found: dict[_Key, Shadowed] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            pairs = [Shadowed.from_json(one) for one in json.loads(path.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError, DataError) as error:
            _log.warning("%s cannot be read, passed over: %s", path, error)
            continue
        for pair in pairs:
            found[pair.key] = found[pair.key].joined(pair) if pair.key in found else pair
    return sorted(found.values(), key=lambda one: -one.until)
