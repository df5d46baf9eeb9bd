"""What is tried on a surface: who is in which arm, and the surface as an arm has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Final

from predictor.blending import blend_problem
from predictor.stamp import identity
from searchrank.errors import NotFoundError
from searchrank.experiments import Experiments, Surroundings, Value
from searchrank.features.inputs import Input, InputType, Root
from searchrank.models import Ledger, releases

if TYPE_CHECKING:
    from predictor.journey import Journey
    from predictor.requests import AnyRequest
    from predictor.surface import ServedSurface
    from searchrank.experiments.assignment import Assigner
    from searchrank.features import FeatureSet
    from searchrank.project import Project
    from searchrank.workspace import Workspace

__all__ = ["Trial", "TrialLoader", "assign", "surroundings"]

MAX_VARIANTS: Final = 1_000
_QUOTA: Final = ("recall.", ".quota")
_AS_IT_IS: Final = (None, None)
_NOTHING: Final[Mapping[str, str]] = {}
Pin = tuple[int | str | None, str | None]
Settings = tuple[tuple[str, Value], ...]


@dataclass(slots=True, eq=False)
class Trial:
    """The experiments of one served surface; read on the event loop alone.

    Attributes:
        assigner: Who is in which arm.
        releases: What serves the versions and aliases, and blends, that arms ask for; None: as it is live.
        version: Names the file that it was read from.
    """

    assigner: Assigner
    releases: Mapping[Pin, ServedSurface]
    version: str
    _variants: dict[Settings, ServedSurface] = field(default_factory=dict)

    def renewed(self) -> Trial:
        """Return the same with no variant yet: for a surface that serves something else now, or a variant itself."""
        return Trial(self.assigner, self.releases, self.version)

    def variant(self, surface: ServedSurface, settings: Settings) -> ServedSurface:
        """Return a surface with these settings; it is kept, since there are few and each is asked for often."""
        found = self._variants.get(settings)
        if found is None:
            if len(self._variants) >= MAX_VARIANTS:
                self._variants.clear()
            found = _variant(surface, dict(settings), self.releases)
            # Of its own: a variant that knew the variants would keep itself, and what it serves, until a collection.
            found = self._variants[settings] = replace(found, trial=self.renewed())
        return found


def assign(surface: ServedSurface, request: AnyRequest, journey: Journey) -> ServedSurface:
    """Note the arms that apply to a request and return the surface as they have it."""
    trial = surface.trial
    if trial is None:
        return surface
    assigner = trial.assigner
    attributes = _attributes(request, assigner.attributes) if assigner.attributes else _NOTHING
    assignment = assigner.assign(request.user_id, request.session_id, attributes)
    journey.arms = assignment.arms
    settings = assigner.settings(assignment)
    return trial.variant(surface, settings) if settings else surface


def _attributes(request: AnyRequest, wanted: frozenset[str]) -> dict[str, str]:
    """Return the texts that experiments are targeted by, as far as the caller sent them."""
    found = {}
    for column in request.context:
        if (
            column.name in wanted
            and len(column.strings.values) == 1
            and (not column.validity or column.validity[0] & 1)
        ):
            found[column.name] = column.strings.values[0]
    return found


def _variant(surface: ServedSurface, settings: dict[str, Value], pinned: Mapping[Pin, ServedSurface]) -> ServedSurface:
    name, blend = settings.pop("release", None), settings.pop("blend", None)
    pin = (name if name is None or isinstance(name, str) else int(name), None if blend is None else str(blend))
    changed = surface if pin == _AS_IT_IS else pinned[pin]
    starts, ends = _QUOTA
    quotas = {k.removeprefix(starts).removesuffix(ends): int(v) for k, v in settings.items() if k.endswith(ends)}
    sizes = {part: int(value) for part, value in settings.items() if not (part == "rerank" or part.endswith(ends))}
    recaller = changed.recaller.with_quotas(quotas) if quotas else changed.recaller
    ordering = settings.get("rerank")
    reranker = changed.reranker if ordering is None else changed.rerankers.get(str(ordering))
    config = changed.config.model_copy(update=sizes) if sizes else changed.config
    return replace(changed, config=config, recaller=recaller, reranker=reranker)


class TrialLoader:
    """Reads the experiments of a workspace; looks at them again when they, the project or the inputs changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._agreed: tuple[object, Experiments] | None = None  # what the last faultless ones agree with

    def load(
        self,
        project: Project,
        served: Mapping[str, ServedSurface],
        pinned: Callable[[ServedSurface, int | str | None, str | None], ServedSurface],
    ) -> dict[str, Trial]:
        """Return what is tried on which surface; nothing is without a file.

        Args:
            project: The workspace's project.
            served: Surfaces as they are live.
            pinned: Returns what serves another release of a surface's model, by version or alias, or another blend.

        Raises:
            SearchRankError: When the file is faulty, or a release that it asks for cannot be served.
        """
        found = self._read(project, served)
        return {} if found is None else _trials(found, served, pinned)

    def _read(self, project: Project, served: Mapping[str, ServedSurface]) -> Experiments | None:
        path = self._workspace.experiments
        inputs = {item.name: item for surface in served.values() for item in surface.schema.context.values()}
        known = identity(path), project, frozenset((one.name, one.type) for one in inputs.values())
        if self._agreed is not None and self._agreed[0] == known:
            return self._agreed[1]
        try:
            found = Experiments.load(path, surroundings=surroundings(self._workspace, project, inputs.values()))
        except NotFoundError:
            return None
        self._agreed = known, found
        return found


def _trials(
    found: Experiments,
    served: Mapping[str, ServedSurface],
    pinned: Callable[[ServedSurface, int | str | None, str | None], ServedSurface],
) -> dict[str, Trial]:
    trials = {}
    for name, surface in served.items():
        assigner = found.assigner(name)
        if assigner is not None:
            pins = product((None, *found.releases(name)), (None, *found.blends(name)))
            others = {pin: pinned(surface, *pin) for pin in pins if pin != _AS_IT_IS}
            trials[name] = Trial(assigner, others, found.version)
    return trials


def surroundings(
    workspace: Workspace, project: Project, inputs: Iterable[Input], features: FeatureSet | None = None
) -> Surroundings:
    """Return what an experiment file of a workspace may name.

    Experiments are targeted by categories of request and session, which the event log keeps.

    Args:
        workspace: Where releases lie and what is live.
        project: Surfaces and models.
        inputs: What callers may send.
        features: What blends are checked by; None leaves that to what serves them.
    """
    versions: dict[str, tuple[int, ...]] = {}
    for _, manifest in releases(workspace.releases):
        versions[manifest.name] = (*versions.get(manifest.name, ()), manifest.version)
    names = {
        item.name for item in inputs if item.type is InputType.CATEGORY and item.root in {Root.REQUEST, Root.SESSION}
    }
    live: dict[str, list[str]] = {}
    for entry in Ledger(workspace.ledger).entries():
        live.setdefault(entry.name, []).append(entry.alias)
    aliases = {model: tuple(dict.fromkeys(names)) for model, names in live.items()}
    return Surroundings(project, versions, aliases, frozenset(names), blend_problem(project, features))
