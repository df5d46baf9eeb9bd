"""What a worker serves: for each surface a release, a snapshot and everything bound to the two, never changed.

A load makes new surfaces beside the old ones and swaps all of them by one assignment; requests under way keep what
they began with.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from predictor.block import open_block
from predictor.requests import Schema
from predictor.scoring import Lane, Scoring
from predictor.stamp import take_stamp
from predictor.trials import Trial, load_trials
from recall import RecallConfig, Recaller
from searchrank.errors import ConfigError, NotFoundError, RequestError, SearchRankError, UnavailableError
from searchrank.features import Evaluator
from searchrank.features.inputs import REQUEST_ROOTS, InputType
from searchrank.features.snapshot import Snapshot, current
from searchrank.models import Ledger, Release, find_release
from searchrank.project import Project, Surface

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.workspace import Workspace

__all__ = ["Cost", "Loaded", "ServedSurface", "Serving"]

_WEIGHT: Final = 0.1
_logger = logging.getLogger("searchrank.predictor")
T = TypeVar("T")


class Cost:
    """A running estimate of how long something takes."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def note(self, seconds: float) -> None:
        """Take a measurement into account."""
        self.seconds += _WEIGHT * (seconds - self.seconds)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ServedSurface:
    """Everything that answers requests of one surface.

    Attributes:
        name: Its name in the project.
        config: Its section of the project.
        release: What scores.
        digest: The release's digest, which takes it a while to work out.
        snapshot: What is read.
        schema: What callers may send.
        recaller: Its recall branches.
        recent_input: The request input that lists recent items for recall; empty when there is none.
        short: Scores on the event loop.
        long: Scores on the scoring thread.
        lane: The scoring thread.
        seconds_per_row: Cost of features and score of a candidate on this machine.
        recall_cost: Running estimate of the cost of recall.
        trial: What is tried on it; None: nothing.
    """

    name: str
    config: Surface
    release: Release
    digest: str
    snapshot: Snapshot
    schema: Schema
    recaller: Recaller
    recent_input: str
    short: Scoring
    long: Scoring
    lane: Lane
    seconds_per_row: float
    recall_cost: Cost
    trial: Trial | None = None

    @property
    def budget(self) -> float:
        """Seconds for a request without a deadline."""
        return self.config.budget_ms / 1000

    def serves(self, folder: Path, snapshot: Path, config: Surface) -> bool:
        """Whether it was made of exactly these."""
        return (self.release.folder, self.snapshot.folder, self.config) == (folder, snapshot, config)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a load.

    Attributes:
        taken: Surfaces that now serve something else.
        refused: Why a surface does not serve what it should, by name.
        experiments_taken: Which experiments are tried now in place of others, in words; empty: the same as before.
        experiments_refused: Why the file's experiments are not tried; None when they are.
    """

    taken: tuple[str, ...]
    refused: Mapping[str, SearchRankError]
    experiments_taken: str = ""
    experiments_refused: SearchRankError | None = None


class Serving:
    """The surfaces of a workspace, as they are live. Read on the event loop, loaded on any one thread at a time.

    Attributes:
        workspace: Where they are defined.
        stamp: Identity of ledger, snapshot pointer and experiments at the last load.
        patience: Seconds that a load leaves a large item block to the supervisor's builder.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.stamp = take_stamp(workspace)
        self._surfaces: Mapping[str, ServedSurface] = {}
        self._live: Mapping[str, ServedSurface] = {}  # the same without what is tried on them
        self._trials: Mapping[str, Trial] = {}
        self._problems: Mapping[str, SearchRankError] = {}
        self.patience = 0.0
        self._lane = Lane()
        self._loading = threading.Lock()

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

    def load(self) -> Loaded:
        """Take into service what project, ledger and snapshot pointer name; what is refused changes nothing.

        Raises:
            problem: The first refusal, when nothing serves and nothing can.
        """
        with self._loading:
            self.stamp = take_stamp(self.workspace)
            project = Project.load(self.workspace)
            loader = _Loader(self.workspace, self._lane, self.patience)
            surfaces: dict[str, ServedSurface] = {}
            refused: dict[str, SearchRankError] = {}
            for name, config in project.surfaces.items():
                old = self._live.get(name)
                try:
                    surfaces[name] = loader.load(name, config, old)
                except SearchRankError as error:
                    refused[name] = error
                    if old is not None:
                        surfaces[name] = old
            if not surfaces:
                problem = next(iter(refused.values()))
                raise problem
            taken = tuple(name for name in surfaces if surfaces[name] is not self._live.get(name))
            before = _words(self._trials)
            refusal = self._load_trials(loader, project, surfaces)
            self._live, self._problems = surfaces, refused
            tried = {
                name: replace(surfaces[name], trial=trial) for name, trial in self._trials.items() if name in surfaces
            }
            self._surfaces = {**surfaces, **tried}
            now = _words(self._trials)
            return Loaded(taken, refused, now if now != before else "", refusal)

    def _load_trials(
        self, loader: _Loader, project: Project, surfaces: Mapping[str, ServedSurface]
    ) -> SearchRankError | None:
        """Take the experiments of the workspace into service, or keep those there are and return why."""
        try:
            self._trials = load_trials(self.workspace, project, surfaces, loader.pinned)
        except SearchRankError as error:
            self._trials = {name: trial.renewed() for name, trial in self._trials.items()}
            return error
        return None

    def summary(self) -> str:
        """Return in words what is served."""
        return "; ".join(
            f"{name}: {s.release.name} version {s.release.version} on snapshot {s.snapshot.manifest.id}"
            for name, s in self._surfaces.items()
        )

    def served(self) -> list[ServedSurface]:
        """Return what serves now."""
        return list(self._surfaces.values())

    def close(self) -> None:
        """Let the scoring thread end."""
        self._lane.close()


def _words(trials: Mapping[str, Trial]) -> str:
    return "; ".join(f"{name}: experiments {trial.version}" for name, trial in trials.items()) or "nothing"


class _Loader:
    """One load: opens every release and snapshot once, whichever surfaces share them."""

    def __init__(self, workspace: Workspace, lane: Lane, patience: float) -> None:
        self._workspace = workspace
        self._lane = lane
        self._patience = patience
        self._opened: dict[object, object] = {}
        self._ledger = Ledger(workspace.ledger)

    def load(self, name: str, config: Surface, old: ServedSurface | None) -> ServedSurface:
        """Return what should serve a surface, the old one if that is it.

        Raises:
            SearchRankError: When it cannot be served.
        """
        folder = current(self._workspace.snapshots)
        live, *earlier = self._releases(config.model)
        if old is not None and old.serves(live, folder, config):
            return old
        try:
            return self._serve(name, config, live, folder)
        except SearchRankError as error:
            if old is not None or not earlier:
                raise
            _logger.exception("surface %s: the live release is refused; trying the one before", name)
            return self._fall_back(name, config, earlier, error)

    def pinned(self, surface: ServedSurface, version: int) -> ServedSurface:
        """Return what serves another version of a surface's model beside the live one.

        Raises:
            SearchRankError: When it cannot be served.
        """
        live = find_release(self._workspace.releases, surface.config.model, version)
        if surface.release.folder.resolve() == live.resolve():
            return surface
        folder = surface.snapshot.folder
        key = (surface.name, live, folder)
        return self._once(key, lambda: self._serve(surface.name, surface.config, live, folder))

    def _fall_back(self, name: str, config: Surface, earlier: list[Path], refusal: SearchRankError) -> ServedSurface:
        """Serve the latest earlier release that proves itself, so that a restart survives a bad promotion."""
        folder = current(self._workspace.snapshots)
        for release in earlier:
            try:
                return self._serve(name, config, release, folder)
            except SearchRankError as error:
                _logger.warning("surface %s: %s is refused too: %s", name, release.name, error)
        raise refusal

    def _releases(self, model: str) -> list[Path]:
        """Return the folders of a model's releases, the live one first, then what was live before, each once.

        Raises:
            NotFoundError: When nothing was ever live.
        """
        entries = reversed(self._ledger.entries(model))
        folders = list(dict.fromkeys(self._ledger.folder(entry) for entry in entries))
        if not folders:
            raise NotFoundError(
                f"no release of model {model!r} is live; train one with 'searchrank train' and promote it with "
                f"'searchrank release promote VERSION --model {model}'"
            )
        return folders

    def _serve(self, name: str, config: Surface, live: Path, folder: Path) -> ServedSurface:
        release = self._once(live, lambda: Release.open(live))
        features = release.feature_set
        _check_exclude(name, config, features)
        snapshot = self._once((folder, features.fingerprint), lambda: Snapshot.open(folder, features))
        recalled = RecallConfig.parse(config.recall, field=f"surfaces.{name}.recall") if config.recall else None
        block = open_block(folder, release.evaluator, snapshot.catalogue.records, patience=self._patience)
        short = Scoring(release.evaluator, release.scorer, block)
        long = Scoring(Evaluator(release.plan), release.scorer, block)
        recent = recalled.item_to_item.recent if recalled and recalled.item_to_item else ""
        return ServedSurface(
            name=name,
            config=config,
            release=release,
            digest=release.digest,
            snapshot=snapshot,
            schema=Schema.of(features.inputs.values()),
            recaller=Recaller.open(snapshot.indexes, recalled) if recalled else Recaller([], {}),
            recent_input=recent if recent in features.inputs else "",
            short=short,
            long=long,
            lane=self._lane,
            seconds_per_row=short.seconds_per_row(),
            recall_cost=Cost(),
        )

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._opened:
            self._opened[key] = make()
        return self._opened[key]  # type: ignore[return-value]


def _check_exclude(name: str, config: Surface, features: FeatureSet) -> None:
    """Refuse a list of what is not to be returned that no request has: it would leave out nothing without a word.

    Raises:
        ConfigError: When it is not a list of the request.
    """
    found = features.inputs.get(config.exclude)
    if config.exclude and (found is None or found.type is not InputType.LIST or found.root not in REQUEST_ROOTS):
        raise ConfigError(f"{config.exclude!r} is not a list input of the request", field=f"surfaces.{name}.exclude")
