"""Which releases a new model's features mean when they read other models' scores: settled when it is made."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from searchrank.errors import ConfigError, NotFoundError
from searchrank.features import FeatureSet
from searchrank.features.model_call import ModelCall, named_models, with_digests
from searchrank.models.ledger import Ledger
from searchrank.models.manifest import find_release
from searchrank.models.release import Release
from searchrank.workspace import Workspace

__all__ = ["settle"]


def settle(feature_set: FeatureSet, features: Collection[str], workspace: Workspace, *, model: str) -> FeatureSet:
    """Return definitions in which every model that some features read is a certain release.

    Args:
        feature_set: As written.
        features: What the new model reads; models that nothing of it reads stay names.
        workspace: Where releases lie and what is live.
        model: Name of the new model.

    Raises:
        NotFoundError: When nothing is live under a name, or there is no such version.
        ReleaseRefusedError: When a release fails its proof.
        ConfigError: When a model would read its own score, through others too.
        DefinitionError: When a release reads inputs that are declared otherwise.
    """
    texts = {name: feature.text for name, feature in feature_set.features.items()}
    named = named_models(texts, features)
    if not named:
        return feature_set
    digests: dict[ModelCall, str] = {}
    for call in {call for calls in named.values() for call in calls if not call.digest}:
        _refuse_circle([model, call.name])
        release = Release.open(_folder(workspace, call))
        _look_for_circle(release, [model, call.name], workspace.releases)
        digests[call] = release.digest
    texts |= {name: with_digests(texts[name], digests) for name in named}
    return feature_set.rewritten(texts, lambda call: Release.open(_by_digest(workspace.releases, call)))


def _folder(workspace: Workspace, call: ModelCall) -> Path:
    """Return the release that a name means now.

    Raises:
        NotFoundError: When there is none.
    """
    if call.alias.isdecimal():
        return find_release(workspace.releases, call.name, int(call.alias))
    ledger = Ledger(workspace.ledger)
    entry = ledger.live(call.name, call.alias)
    if entry is None:
        raise NotFoundError(
            f'model("{call.label}") is read, but no release of {call.name!r} is live as {call.alias!r}; train one, '
            f"then 'searchrank release promote VERSION --model {call.name} --as {call.alias}'"
        )
    return ledger.folder(entry)


def _by_digest(releases: Path, call: ModelCall) -> Path:
    """Return the folder of a release that a digest names.

    Raises:
        NotFoundError: When it is not there.
    """
    found = next(iter((releases / call.name).glob(f"*-{call.digest[:12]}")), None)
    if found is None:
        raise NotFoundError(f"release {call.digest[:12]} of {call.name!r} is not in {releases}")
    return found


def _look_for_circle(release: Release, path: list[str], releases: Path) -> None:
    """Follow the models that a release reads.

    Raises:
        ConfigError: When they lead back to the first of the path.
    """
    texts = {name: feature.text for name, feature in release.feature_set.features.items()}
    for calls in named_models(texts, [item.feature for item in release.plan.inputs]).values():
        for call in calls:
            further = [*path, call.name]
            _refuse_circle(further)
            _look_for_circle(Release.open(_by_digest(releases, call)), further, releases)


def _refuse_circle(path: list[str]) -> None:
    """Refuse a model that reads its own score.

    Raises:
        ConfigError: When a path of models ends where it began.
    """
    if path[-1] == path[0]:
        raise ConfigError(
            f"models read each other's scores in a circle: {' -> '.join(path)}", field=f"models.{path[0]}.inputs"
        )
