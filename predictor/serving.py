"""What a worker serves: for each surface a release, a snapshot and everything bound to the two, never changed.

A load makes new surfaces beside the old ones and swaps all of them by one assignment; requests under way keep what
they began with.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from predictor.lane import Lane
from predictor.loading import Loader
from predictor.memory import trim
from predictor.priority import step_back
from predictor.recent import Recent
from predictor.stamp import take_stamp
from predictor.surface import ServedSurface
from predictor.trials import Trial, TrialLoader
from searchrank.errors import RequestError, SearchRankError, UnavailableError
from searchrank.models import LibraryForest
from searchrank.project import Project
from searchrank.state import EmbeddedStore

if TYPE_CHECKING:
    from predictor.apart import Answer
    from predictor.requests import AnyRequest
    from predictor.shadowing import Shadowing
    from predictor.sketch import Alarm
    from searchrank.state import Tail, UserStore
    from searchrank.workspace import Workspace

__all__ = ["Loaded", "Serving"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a load.

    Attributes:
        taken: Surfaces that now serve something else.
        refused: Why a surface does not serve what it should, by name.
        experiments_taken: Which experiments are tried now in place of others, in words; empty: the same as before.
        experiments_refused: Why the file's experiments are not tried; None when they are.
        shadows_refused: Why a surface's shadow is not asked, by the surface's name.
    """

    taken: tuple[str, ...]
    refused: Mapping[str, SearchRankError]
    experiments_taken: str = ""
    experiments_refused: SearchRankError | None = None
    shadows_refused: Mapping[str, SearchRankError] = field(default_factory=dict)


class Serving:
    """The surfaces of a workspace, as they are live. Read on the event loop, loaded on any one thread at a time.

    Attributes:
        workspace: Where they are defined.
        stamp: Identity of ledger, snapshot pointer, experiments and project at the last load.
        loader: Opens what is served.
        recent: What was asked last.
        lane: Where long work runs, and whether the worker keeps up.
        shadowing: Asks shadows; None: they are not asked.
    """

    def __init__(self, workspace: Workspace, store: UserStore | None = None) -> None:
        """Load nothing yet.

        Args:
            workspace: What is served.
            store: Where users are found; None: in the memory of this process.
        """
        self.workspace = workspace
        self.stamp = take_stamp(workspace)
        self._surfaces: Mapping[str, ServedSurface] = {}
        self._live: Mapping[str, ServedSurface] = {}  # the same without what is tried on them
        self._trials: Mapping[str, Trial] = {}
        self._shadows: Mapping[str, ServedSurface] = {}
        self._problems: Mapping[str, SearchRankError] = {}
        self.lane = Lane()
        self.loader = Loader(workspace, self.lane, store or EmbeddedStore())
        self.recent = Recent()
        self.shadowing: Shadowing | None = None
        self._trial_loader = TrialLoader(workspace)
        self._loading = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loading", initializer=step_back)

    def surface(self, name: str) -> ServedSurface:
        """Return what serves a surface now; an empty name means the only one.

        Raises:
            RequestError: When the project has no such surface.
            UnavailableError: When nothing can serve it yet.
        """
        surfaces = self._surfaces
        if not name and len(surfaces) == 1 and not self._problems:
            return next(iter(surfaces.values()))
        found = surfaces.get(name)
        if found is not None:
            return found
        if name in self._problems:
            raise UnavailableError(f"surface {name!r} is not served yet: {self._problems[name]}")
        known = ", ".join(sorted({*surfaces, *self._problems}))
        what = f"there is no surface {name!r}" if name else "a surface must be named"
        raise RequestError(f"{what}; this project has: {known}", field="surface")

    def called(self, name: str) -> str:
        """Return which surface a request means, for counting; empty when there is no such surface."""
        if name in self._surfaces or name in self._problems:
            return name
        return next(iter(self._surfaces)) if not name and len(self._surfaces) == 1 else ""

    def load(self) -> Loaded:
        """Take into service what project, ledger and snapshot pointer name; what is refused changes nothing.

        Raises:
            problem: The first refusal, when nothing serves and nothing can.
        """
        with self._loading:
            self.stamp = take_stamp(self.workspace)
            project = Project.load(self.workspace)
            surfaces, refused = self._open(project)
            taken = tuple(name for name in surfaces if surfaces[name] is not self._live.get(name))
            before = _words(self._trials)
            refusal = self._load_trials(project, surfaces)
            self._live, self._problems = surfaces, refused
            self._shadows, dropped = self._load_shadows(surfaces)
            self._surfaces = {name: self._dressed(name, one) for name, one in surfaces.items()}
            if self.loader.let_go(self._used()):
                trim()
            now = _words(self._trials)
            return Loaded(taken, refused, now if now != before else "", refusal, dropped)

    def _open(self, project: Project) -> tuple[dict[str, ServedSurface], dict[str, SearchRankError]]:
        """Return what serves each surface, the old one where the new one is refused, and the refusals.

        Raises:
            problem: The first refusal, when nothing serves and nothing can.
        """
        surfaces: dict[str, ServedSurface] = {}
        refused: dict[str, SearchRankError] = {}
        for name, config in project.surfaces.items():
            old = self._live.get(name)
            try:
                surfaces[name] = self.loader.load(name, config, fall_back=old is None)
            except SearchRankError as error:
                refused[name] = error
                if old is not None:
                    surfaces[name] = old
        if not surfaces:
            problem = next(iter(refused.values()))
            raise problem
        return surfaces, refused

    def _load_shadows(
        self, surfaces: Mapping[str, ServedSurface]
    ) -> tuple[dict[str, ServedSurface], dict[str, SearchRankError]]:
        """Return the shadows of surfaces, and why others have none; a release is not its own shadow."""
        found: dict[str, ServedSurface] = {}
        problems: dict[str, SearchRankError] = {}
        for name, surface in surfaces.items():
            try:
                other = self.loader.pinned(surface, surface.config.shadow) if surface.config.shadow else surface
            except SearchRankError as error:
                problems[name] = error
            else:
                found |= {name: other} if other is not surface else {}
        return found, problems

    def _dressed(self, name: str, surface: ServedSurface) -> ServedSurface:
        """Return a surface with its experiments and its shadow, which has arms of its own: it assigns on a thread."""
        trial, shadow = self._trials.get(name), self._shadows.get(name)
        if shadow is not None and trial is not None:
            shadow = replace(shadow, trial=trial.renewed())
        return surface if trial is None and shadow is None else replace(surface, trial=trial, shadow=shadow)

    def answered(self, rpc: str, name: str, request: AnyRequest, answer: Answer) -> None:
        """Take note of a finished answer: what is asked warms what is loaded next, and the shadow may be asked too."""
        self.recent.note(rpc, name, request)
        surface = self._surfaces.get(name)
        if self.shadowing is not None and surface is not None and surface.shadow is not None:
            self.shadowing.offer(surface, request, answer)

    async def load_aside(self) -> Loaded:
        """Do the same beside the requests, on a thread that steps back for them.

        Raises:
            SearchRankError: As ``load``.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.load)

    def _load_trials(self, project: Project, surfaces: Mapping[str, ServedSurface]) -> SearchRankError | None:
        """Take the experiments of the workspace into service, or keep those there are and return why."""
        try:
            self._trials = self._trial_loader.load(project, surfaces, self.loader.pinned)
        except SearchRankError as error:
            self._trials = {name: trial.renewed() for name, trial in self._trials.items()}
            return error
        return None

    def _used(self) -> list[ServedSurface]:
        """Return everything that can answer a request: what is live, other releases that are tried, and shadows."""
        pinned = [one for trial in self._trials.values() for one in trial.releases.values()]
        return [*self._live.values(), *pinned, *self._shadows.values()]

    def _tails(self) -> list[Tail]:
        """Return what follows the log, each once."""
        return list(dict.fromkeys(surface.live.tail for surface in self.loader.held))

    def follow(self) -> int:
        """Take in what the event log has told since; return the offset up to which it was read.

        Raises:
            DataError: When the log is damaged.
        """
        offsets, failure = [], None
        for tail in self._tails():
            try:
                offsets.append(tail.advance().offset)
            except SearchRankError as error:  # the others must not wait for it
                failure = error
        for surface in self.loader.held:
            surface.live.follow()
        if failure is not None:
            raise failure
        return min(offsets, default=0)

    def tidy(self) -> None:
        """Put together the parts that following the log has made; may take a second, changes nothing that is read."""
        for tail in self._tails():
            tail.merge()

    def summary(self) -> str:
        """Return in words what is served."""
        return "; ".join(
            f"{name}: {s.release.name} version {s.release.version} on snapshot {s.snapshot.manifest.id}"
            + (", linear trees, scored by LightGBM's library" if isinstance(s.release.scorer, LibraryForest) else "")
            for name, s in self._surfaces.items()
        )

    def cached(self, name: str) -> int:
        """Return how many requests of a surface are kept with their scores, by what is tried on it too."""
        return sum(len(one.cache) for one in self._used() if one.name == name and one.cache is not None)

    def served(self) -> list[ServedSurface]:
        """Return what serves now."""
        return list(self._surfaces.values())

    def alarms(self) -> list[Alarm]:
        """Return what requests bring that the training of the releases, tried ones too, did not see."""
        drifts = dict.fromkeys(surface.drift for surface in self._used())
        return [alarm for drift in drifts for alarm in drift.alarms]

    def close(self) -> None:
        """Let the threads end."""
        self.lane.close()
        self._thread.shutdown(wait=False, cancel_futures=True)
        shadowing, self.shadowing = self.shadowing, None
        if shadowing is not None:
            shadowing.close()


def _words(trials: Mapping[str, Trial]) -> str:
    return "; ".join(f"{name}: experiments {trial.version}" for name, trial in trials.items()) or "nothing"
