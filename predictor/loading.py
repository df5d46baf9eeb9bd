"""Makes what a surface serves from what project, ledger and snapshot pointer name, and keeps what served last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakValueDictionary

from predictor.blending import further_models, open_blend
from predictor.block import Deriver, open_block
from predictor.compiled import Compiler
from predictor.drift import Drift
from predictor.filtering import check_standing
from predictor.head_cache import HeadCache
from predictor.ladder import Ladder
from predictor.lane import Lane
from predictor.live import Live
from predictor.page_token import PageTokens
from predictor.requests import Schema
from predictor.reranking import rerankers
from predictor.scoring import Scoring
from predictor.screens import Screens
from predictor.surface import ServedSurface
from recall import Reading, RecallConfig, Recaller
from searchrank.errors import ConfigError, NotFoundError, SearchRankError
from searchrank.features import Evaluator
from searchrank.features.inputs import REQUEST_ROOTS, InputType
from searchrank.features.snapshot import Snapshot, current
from searchrank.models import Ledger, Release, find_release
from searchrank.project import Surface
from searchrank.state import Tail, UserStore

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.workspace import Workspace

__all__ = ["Loader"]

SPARE: Final = 2
"""Of each surface, how many that serve no more are kept: a rollback, and the way back from it, take no loading."""
_logger = logging.getLogger("searchrank.predictor")
T = TypeVar("T")
_Key = tuple[str, Path, Path, str]
_Models = tuple[Path, Mapping[str, Path]]  # the surface's own release, and those blended with it by name


class Loader:
    """Opens every release and snapshot once, whichever surfaces share them; belongs to one thread at a time.

    Attributes:
        patience: Seconds that a large item block is left to the builder.
        warm: Called with every new surface before anybody gets it; None: nothing is done.
        looked_up: Called with a surface's name and what became of a look into its cache, ``hit`` or ``miss``.
        ledger: Says which release is live.
        held: What serves, by the last ``let_go``, and what served before and may be asked for again.
    """

    def __init__(self, workspace: Workspace, lane: Lane, store: UserStore) -> None:
        """Open nothing yet.

        Args:
            workspace: What is served.
            lane: The scoring thread.
            store: Where users are found.
        """
        self.patience = 0.0
        self.warm: Callable[[ServedSurface], object] | None = None
        self.looked_up: Callable[[str, str], object] = _not_counted
        self.ledger = Ledger(workspace.ledger)
        self.held: tuple[ServedSurface, ...] = ()
        self._workspace = workspace
        self._lane = lane
        self._store = store
        self._surfaces: dict[_Key, ServedSurface] = {}  # the one asked for last is the last
        self._parts: WeakValueDictionary[object, Any] = WeakValueDictionary()

    def load(self, name: str, config: Surface, *, fall_back: bool) -> ServedSurface:
        """Return what should serve a surface.

        Args:
            name: Its name.
            config: Its section of the project.
            fall_back: Whether an earlier release that proves itself will do when the live one is refused.

        Raises:
            SearchRankError: When it cannot be served.
        """
        folder = current(self._workspace.snapshots)
        live = self._live(config.model)
        try:
            return self._surface(name, config, live, folder)
        except SearchRankError as error:
            earlier = self._earlier(config.model) if fall_back else []
            if not earlier:
                raise
            _logger.exception("surface %s: the live release is refused; trying the one before", name)
            return self._fall_back(name, config, earlier, error)

    def pinned(self, surface: ServedSurface, name: int | str | None, score: str | None = None) -> ServedSurface:
        """Return what serves another release of a surface's model, or another blend, beside what is live.

        Args:
            surface: As it is live.
            name: Version or alias of the release; None: the live one.
            score: Expression of the blend; None: the project's.

        Raises:
            NotFoundError: When nothing has the alias.
            SearchRankError: When it cannot be served.
        """
        live = surface.release.folder if name is None else self._release(surface.config.model, name)
        config = surface.config
        if score is not None and config.blend is not None:
            config = config.model_copy(update={"blend": config.blend.model_copy(update={"score": score})})
        if surface.release.folder.resolve() == live.resolve() and config == surface.config:
            return surface
        return self._surface(surface.name, config, live, surface.snapshot.folder)

    def let_go(self, used: Collection[ServedSurface]) -> bool:
        """Forget what is not used, but for what each surface was served by last; return whether there was anything.

        Args:
            used: Surfaces that ``load`` and ``pinned`` returned and that answer from now on.
        """
        spare = dict.fromkeys((one.name for one in used), SPARE)
        unused = [key for key, one in self._surfaces.items() if one not in used]
        for key in reversed(unused):
            left = spare.get(key[0], 0)
            spare[key[0]] = left - 1
            if left <= 0:
                del self._surfaces[key]
        self.held = tuple(self._surfaces.values())
        return any(left < 0 for left in spare.values())

    def _surface(self, name: str, config: Surface, live: Path, folder: Path) -> ServedSurface:
        further = further_models(config, self.ledger, self._workspace.releases)
        key = (name, live.resolve(), folder, f"{config.model_dump_json()} {further}")
        found = self._surfaces.pop(key, None)
        if found is None:
            found = self._serve(name, config, (live, further), folder)
            if self.warm is not None:
                self.warm(found)
        self._surfaces[key] = found
        return found

    def bound(self, name: str, config: Surface, release: Path, tail: Tail) -> ServedSurface:
        """Return what serves a surface by a release, live or not, over the snapshot that a tail follows.

        Raises:
            SearchRankError: When it cannot be served.
        """
        further = further_models(config, self.ledger, self._workspace.releases)
        return self._serve(name, config, (release, further), tail.state.snapshot.folder, tail)

    def _open(self, folder: Path) -> Release:
        return self._once(folder.resolve(), lambda: Release.open(folder))

    def _release(self, model: str, name: int | str) -> Path:
        if isinstance(name, int):
            return find_release(self._workspace.releases, model, name)
        entry = self.ledger.live(model, name)
        if entry is None:
            raise NotFoundError(
                f"no release of model {model!r} is called {name!r}; 'searchrank release promote --as' does"
            )
        return self.ledger.folder(entry)

    def _fall_back(self, name: str, config: Surface, earlier: list[Path], refusal: SearchRankError) -> ServedSurface:
        """Serve the latest earlier release that proves itself, so that a restart survives a bad promotion."""
        folder = current(self._workspace.snapshots)
        for release in earlier:
            try:
                return self._surface(name, config, release, folder)
            except SearchRankError as error:
                _logger.warning("surface %s: %s is refused too: %s", name, release.name, error)
        raise refusal

    def _live(self, model: str) -> Path:
        """Return the folder of a model's live release.

        Raises:
            NotFoundError: When nothing was ever live.
        """
        entry = self.ledger.live(model)
        if entry is None:
            raise NotFoundError(
                f"no release of model {model!r} is live; train one with 'searchrank train' and promote it with "
                f"'searchrank release promote VERSION --model {model}'"
            )
        return self.ledger.folder(entry)

    def _earlier(self, model: str) -> list[Path]:
        """Return the folders of what was live before the live release, the latest first, each once."""
        entries = reversed(self.ledger.entries(model))
        _, *earlier = dict.fromkeys(self.ledger.folder(entry) for entry in entries)
        return earlier

    def _serve(
        self, name: str, config: Surface, models: _Models, folder: Path, tail: Tail | None = None
    ) -> ServedSurface:
        live, further = models
        release = self._open(live)
        features = release.feature_set
        _check_exclude(name, config, features)
        check_standing(config.filter, features, f"surfaces.{name}.filter")
        snapshot = self._once((folder, features.fingerprint), lambda: Snapshot.open(folder, features))
        recalled = RecallConfig.parse(config.recall, field=f"surfaces.{name}.recall") if config.recall else None
        blended = open_blend(name, config, release, further, self._open)
        blend = blended.blend if blended else None
        plan = blend.plan if blend else release.plan
        block = open_block(folder, Deriver.of(release, blend), snapshot.catalogue.records, patience=self.patience)
        short, long = (Scoring(release, Evaluator(plan), blend) for _ in range(2))
        deriver = Deriver.of(release, blend)
        followed = Live(tail or self._tail(folder, snapshot, features), snapshot, deriver, block)
        orderings = rerankers(name, config, features, snapshot.catalogue)
        return ServedSurface(
            name=name,
            config=config,
            release=release,
            digest=release.digest,
            plan=plan,
            blended=blended,
            snapshot=snapshot,
            live=followed,
            store=self._store,
            schema=Schema.of(features.inputs.values()),
            recaller=Recaller.open(snapshot.indexes, recalled) if recalled else Recaller([], {}),
            reading=Reading.of(recalled.branches.values(), features.inputs) if recalled else Reading(),
            short=short,
            long=long,
            lane=self._lane,
            seconds_per_row=short.seconds_per_row(block),
            ladder=Ladder.of(release.effort, config.max_ndcg_loss, lambda trees: short.seconds_per_row(block, trees)),
            compiler=Compiler(features, config.filter),
            screens=Screens(snapshot.catalogue.records),
            page_tokens=self._once("page", lambda: PageTokens.open(self._workspace.page_key)),
            drift=self._once(
                ("drift", name, live.resolve(), config.drift), lambda: Drift(name, release, is_on=config.drift)
            ),
            cache=HeadCache(plan, config.cache.entries, partial(self.looked_up, name)) if config.cache else None,
            rerankers=orderings,
            reranker=orderings.get("default"),
        )

    def _tail(self, folder: Path, snapshot: Snapshot, features: FeatureSet) -> Tail:
        """Return what follows the log from a snapshot, having read all that there is."""

        def begin() -> Tail:
            tail = Tail(snapshot, features, self._workspace.events, roots=self._store.followed)
            tail.advance()
            return tail

        return self._once(("tail", folder), begin)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        """Return a part that surfaces share, made when none of those there are has it."""
        found: T | None = self._parts.get(key)
        if found is None:
            found = self._parts[key] = make()
        return found


def _not_counted(_surface: str, _result: str) -> None:
    """Count nothing."""


def _check_exclude(name: str, config: Surface, features: FeatureSet) -> None:
    """Refuse a list of what is not to be returned that no request has: it would leave out nothing without a word.

    Raises:
        ConfigError: When it is not a list of the request.
    """
    found = features.inputs.get(config.exclude)
    if config.exclude and (found is None or found.type is not InputType.LIST or found.root not in REQUEST_ROOTS):
        raise ConfigError(f"{config.exclude!r} is not a list input of the request", field=f"surfaces.{name}.exclude")
