"""Makes what a surface serves from what project, ledger and snapshot pointer name, each part opened once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from predictor.block import open_block
from predictor.compiled import Compiler
from predictor.live import Live
from predictor.page_token import PageTokens
from predictor.requests import Schema
from predictor.scoring import Lane, Scoring
from predictor.screens import Screens
from predictor.surface import ServedSurface
from recall import RecallConfig, Recaller
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

_logger = logging.getLogger("searchrank.predictor")
T = TypeVar("T")


class Loader:
    """One load: opens every release and snapshot once, whichever surfaces share them."""

    def __init__(
        self, workspace: Workspace, lane: Lane, patience: float, *, tails: Mapping[Path, Tail], store: UserStore
    ) -> None:
        """Open nothing yet.

        Args:
            workspace: What is served.
            lane: The scoring thread.
            patience: Seconds that a large item block is left to the builder.
            tails: What follows the log already, by the folder of its snapshot.
            store: Where users are found.
        """
        self._workspace = workspace
        self._lane = lane
        self._patience = patience
        self._tails = tails
        self._store = store
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

    def pinned(self, surface: ServedSurface, name: int | str) -> ServedSurface:
        """Return what serves another release of a surface's model, by version or alias, beside the live one.

        Raises:
            NotFoundError: When nothing has the alias.
            SearchRankError: When it cannot be served.
        """
        live = self._release(surface.config.model, name)
        if surface.release.folder.resolve() == live.resolve():
            return surface
        folder = surface.snapshot.folder
        key = (surface.name, live, folder)
        return self._once(key, lambda: self._serve(surface.name, surface.config, live, folder))

    def _release(self, model: str, name: int | str) -> Path:
        if isinstance(name, int):
            return find_release(self._workspace.releases, model, name)
        entry = self._ledger.live(model, name)
        if entry is None:
            raise NotFoundError(
                f"no release of model {model!r} is called {name!r}; 'searchrank release promote --as' does"
            )
        return self._ledger.folder(entry)

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
        short = Scoring(release.evaluator, release.scorer)
        long = Scoring(Evaluator(release.plan), release.scorer)
        followed = Live(self._tail(folder, snapshot, features), snapshot, Evaluator(release.plan), block)
        recent = recalled.item_to_item.recent if recalled and recalled.item_to_item else ""
        return ServedSurface(
            name=name,
            config=config,
            release=release,
            digest=release.digest,
            snapshot=snapshot,
            live=followed,
            store=self._store,
            schema=Schema.of(features.inputs.values()),
            recaller=Recaller.open(snapshot.indexes, recalled) if recalled else Recaller([], {}),
            recent_input=recent if recent in features.inputs else "",
            short=short,
            long=long,
            lane=self._lane,
            seconds_per_row=short.seconds_per_row(block),
            compiler=Compiler(features),
            screens=Screens(snapshot.catalogue.records),
            page_tokens=self._once("page", lambda: PageTokens.open(self._workspace.page_key)),
        )

    def _tail(self, folder: Path, snapshot: Snapshot, features: FeatureSet) -> Tail:
        """Return what follows the log from a snapshot, having read all that there is."""
        if folder in self._tails:
            return self._tails[folder]

        def begin() -> Tail:
            tail = Tail(snapshot, features, self._workspace.events, roots=self._store.followed)
            tail.advance()
            return tail

        return self._once(("tail", folder), begin)

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
