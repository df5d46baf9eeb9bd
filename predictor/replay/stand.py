"""What answered, as it stood then: the logged release over the logged snapshot, and the log up to an offset."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from typing_extensions import override

from predictor.lane import Lane
from predictor.loading import Loader
from predictor.replay.verdict import Difference
from recall.indexes.retention import made_snapshots
from searchrank.errors import ConfigError, DataError, NotFoundError, SearchRankError
from searchrank.events import EventLog
from searchrank.features.inputs import Root
from searchrank.features.snapshot import Snapshot
from searchrank.features.snapshot_manifest import read_manifest
from searchrank.models import Release, find_release
from searchrank.project import Project, Surface
from searchrank.state import EVERYTHING, Fetched, Tail

if TYPE_CHECKING:
    import numpy.typing as npt

    from predictor.replay.logged import Logged
    from predictor.surface import ServedSurface
    from searchrank.state import State
    from searchrank.workspace import Workspace

__all__ = ["Stand", "Stands", "without_recall"]

_INLINE_SECONDS: Final = 1e9  # nobody else waits: everything runs on the loop


@dataclass(frozen=True, slots=True, eq=False)
class _OfOtherOffset(Fetched):
    """A user as known at another offset than the rest, as from a store that the log is fed to."""

    rest: State | None = None

    @override
    def fill(self, requests: npt.NDArray[np.void], query: int, time: int) -> None:
        """Write the user as of one offset, the query as of the other."""
        super(_OfOtherOffset, self).fill(requests, 0, time)
        if self.rest is not None:
            self.rest.history.fill(Root.QUERY, requests, np.array([query]), np.array([time]))


class _PastUsers:
    """Finds users as they were known at an offset, or not, as an answer says."""

    followed: Collection[Root] = EVERYTHING

    def __init__(self) -> None:
        self.users: State | None = None
        self.problem = ""

    async def ready(self) -> None:
        """Do nothing."""

    async def fetch(self, state: State, user: int, patience: float = math.inf) -> Fetched:  # noqa: ARG002 - no wait
        """Return what was known of a user."""
        if self.users is None:
            return Fetched(state, user, state.offset, self.problem)
        return _OfOtherOffset(self.users, user, self.users.offset, self.problem, rest=state)

    async def close(self) -> None:
        """Do nothing."""


class Stand:
    """One release over one snapshot, taken to any offset; going back begins anew at the snapshot.

    Attributes:
        snapshot_id: The snapshot that is read.
        no_recall: Why its branches cannot be asked again; empty when they can.
    """

    def __init__(self, workspace: Workspace, surface: tuple[str, Surface], release: Release, snapshot: Path) -> None:
        """Open a snapshot for a release.

        Raises:
            SearchRankError: When one of them is refused, or they do not fit.
        """
        self._made = (workspace, surface, release, snapshot)
        self._end = EventLog.open(workspace.events).end if workspace.events.is_dir() else 0
        self._lane = Lane(_INLINE_SECONDS)
        self._store = _PastUsers()
        self.no_recall = "" if surface[1].recall else "it is not asked again"
        self._begin()
        self.snapshot_id = self._surface.snapshot.manifest.id

    def _begin(self) -> None:
        workspace, (name, config), made, _ = self._made
        self._tail = self._new_tail()
        self._users: Tail | None = None
        loader = Loader(workspace, self._lane, self._store)
        try:
            self._surface = loader.bound(name, config, made.folder, self._tail)
        except (ConfigError, NotFoundError) as error:  # what is configured now, that snapshot has no indexes for
            self.no_recall = str(error)
            self._surface = loader.bound(name, without_recall(config), made.folder, self._tail)

    def _new_tail(self) -> Tail:
        workspace, _, release, folder = self._made
        features = release.feature_set
        snapshot = Snapshot.open(folder, features)
        tail = Tail(snapshot, features, workspace.events)
        tail.advance(snapshot.manifest.event_offset)  # learns who was one person by then
        return tail

    def at(self, logged: Logged) -> ServedSurface:
        """Return the surface with everything that an answer knew, and nothing later.

        Raises:
            DataError: When the event log is another one.
        """
        if max(logged.offset, logged.user_offset) > self._end:
            seen = max(logged.offset, logged.user_offset)
            raise DataError(f"the answer saw the event log up to {seen}, but it ends at {self._end}: it is another log")
        if logged.offset < self._tail.state.offset:
            self._begin()
        if logged.offset < self._tail.state.offset:
            first = self._tail.state.offset
            raise DataError(
                f"the answer saw the event log up to {logged.offset}, snapshot {self.snapshot_id} to {first}"
            )
        self._tail.advance(logged.offset)
        self._surface.live.follow()
        self._store.users = self._users_at(logged.user_offset) if logged.user_offset != logged.offset else None
        self._store.problem = logged.problem
        return self._surface

    def _users_at(self, offset: int) -> State:
        if self._users is None or offset < self._users.state.offset:
            self._users = self._new_tail()
        return self._users.advance(offset).over(self._surface.snapshot)


def without_recall(config: Surface) -> Surface:
    """Return a surface that finds nothing by itself."""
    return config.model_copy(update={"recall": {}, "exclude": ""})


class Stands:
    """Finds what an answer was made by; keeps the last one, so that answers are best asked for in groups."""

    def __init__(self, workspace: Workspace, *, recall: bool) -> None:
        """Open nothing yet.

        Args:
            workspace: Where releases, snapshots and the event log are.
            recall: Whether recall will be asked again.
        """
        self._workspace = workspace
        self._recall = recall
        self._project = Project.load(workspace)
        self._key: object = None
        self._stand: Stand | Difference | None = None

    def of(self, logged: Logged) -> Stand | Difference:
        """Return what made an answer, or what of it is gone, was changed or is another one."""
        blend = logged.value("blend"), tuple(logged.value("models") or ())
        key = (logged.surface, logged.release, logged.snapshot_id, blend)
        if self._stand is None or key != self._key:
            self._stand = self._open(logged)
            self._key = key
        return self._stand

    def _open(self, logged: Logged) -> Stand | Difference:
        name, version, digest = logged.release
        config = self._project.surfaces.get(logged.surface) or Surface(model=name)
        config = config if self._recall else without_recall(config)
        try:
            release = Release.open(find_release(self._workspace.releases, name, version))
        except SearchRankError as error:
            return Difference("release", str(error))
        if release.digest != digest:
            was, now = digest[:12], release.digest[:12]
            return Difference("release", f"{name} version {version} is another one: {was} in the log, {now} now")
        try:
            config = _blended_as(config, logged)
            return Stand(self._workspace, (logged.surface, config), release, self._snapshot(logged))
        except SearchRankError as error:
            return Difference("snapshot", str(error))

    def _snapshot(self, logged: Logged) -> Path:
        """Return the snapshot of an answer, or the latest one that ends before what it saw.

        Raises:
            NotFoundError: When there is neither.
        """
        folder = self._workspace.snapshots / logged.snapshot_id
        if folder.is_dir():
            return folder
        known = min(logged.offset, logged.user_offset)
        ends = [(read_manifest(other).event_offset, other) for _, other in made_snapshots(self._workspace.snapshots)]
        earlier = [one for one in ends if one[0] <= known]
        if not earlier:
            raise NotFoundError(
                f"snapshot {logged.snapshot_id} is gone, and none is left that ends before offset {logged.offset}: "
                "what the answer knew cannot be made again"
            )
        return max(earlier)[1]


def _blended_as(config: Surface, logged: Logged) -> Surface:
    """Return a surface with the blend that an answer was scored by: its expression and the versions that it read.

    Raises:
        NotFoundError: When the project no longer says which score is which model's.
    """
    score, read = logged.value("blend"), logged.value("models") or ()
    if not score:
        return config.model_copy(update={"blend": None})
    models = dict(config.blend.models) if config.blend else {}
    others = [name for name, reference in models.items() if reference != config.model]
    if config.blend is None or [models[name].partition("@")[0] for name in others] != [
        one.partition("@")[0] for one in read
    ]:
        raise NotFoundError(
            f"the answer blends its score with {', '.join(read) or 'no other'}; its models are others now"
        )
    models |= {name: one.partition("#")[0] for name, one in zip(others, read, strict=True)}
    return config.model_copy(update={"blend": config.blend.model_copy(update={"models": models, "score": score})})
