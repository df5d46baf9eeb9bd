"""Blends as they are served: which releases a surface scores with beside its own, and what of it is logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from searchrank.errors import DefinitionError, NotFoundError
from searchrank.features.node import ScoreNode
from searchrank.models import CHAMPION, Blend, Release, find_release, parse_blend

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.models import Ledger
    from searchrank.project import Project, Surface

__all__ = ["Blended", "blend_problem", "further_models", "open_blend"]


@dataclass(frozen=True, slots=True, eq=False)
class Blended:
    """A blend and what of it is logged.

    Attributes:
        blend: Scores; its plan computes the columns of all its releases.
        folders: Where the releases beside the surface's own lie, by the name of their score.
        models: ``name@version#digest`` of each of them.
    """

    blend: Blend
    folders: Mapping[str, Path]
    models: tuple[str, ...]


def further_models(config: Surface, ledger: Ledger, releases: Path) -> dict[str, Path]:
    """Return the folders of the releases that a surface scores with beside its own, by the name of their score.

    Raises:
        NotFoundError: When nothing is live under a name.
    """
    found = {}
    for name, reference in config.blend.models.items() if config.blend else ():
        if reference == config.model:
            continue
        model, _, alias = reference.partition("@")
        if alias.isdecimal():
            found[name] = find_release(releases, model, int(alias))
            continue
        entry = ledger.live(model, alias or CHAMPION)
        if entry is None:
            raise NotFoundError(
                f"the blend scores with {reference!r}, but no release of {model!r} is live as {alias or CHAMPION!r}; "
                f"'searchrank release promote VERSION --model {model}' does that"
            )
        found[name] = ledger.folder(entry)
    return found


def open_blend(
    surface: str, config: Surface, own: Release, folders: Mapping[str, Path], opened: Callable[[Path], Release]
) -> Blended | None:
    """Return the blend of a surface, proved and compiled whole; None when it has none.

    Args:
        surface: Its name.
        config: Its section of the project.
        own: The release of its own model.
        folders: Of the other releases, as ``further_models`` gives them.
        opened: Opens a release.

    Raises:
        DefinitionError: When the expression is faulty; points at it.
        DataError: When a release was trained with other declarations of its inputs.
        ReleaseRefusedError: When a release fails its proof.
    """
    if config.blend is None:
        return None
    first = [name for name, reference in config.blend.models.items() if reference == config.model]
    releases = dict.fromkeys(first, own) | {name: opened(folder) for name, folder in folders.items()}
    blend = Blend.compile(config.blend.score, releases, source=f"surfaces.{surface}.blend.score")
    models = tuple(f"{one.name}@{one.version}#{one.digest}" for name, one in releases.items() if name in folders)
    return Blended(blend, folders, models)


def blend_problem(project: Project, feature_set: FeatureSet | None) -> Callable[[str, str], str]:
    """Return what says why an expression cannot be the blend of a surface, by both; empty when it can.

    Args:
        project: Surfaces and their models.
        feature_set: What names mean; None checks nothing but that there is a blend.
    """

    def problem(surface: str, text: str) -> str:
        config = project.surfaces[surface]
        if config.blend is None:
            return f"{surface} has no blend: that a parameter could set"
        if feature_set is None:
            return ""
        names = {name: ScoreNode.of(name, "", None) for name in config.blend.models}
        try:
            parse_blend(text, names, feature_set, source="blend")
        except DefinitionError as error:
            return str(error)
        return ""

    return problem
