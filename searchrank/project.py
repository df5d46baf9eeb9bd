"""The project file: which surfaces are served by which models, and how each model is trained."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
)

from searchrank.errors import ConfigError, NotFoundError
from searchrank.workspace import Workspace

__all__ = [
    "FOREST",
    "HELD_OUT",
    "BlendSpec",
    "CacheSpec",
    "Diversity",
    "Explore",
    "GateSpec",
    "ModelSpec",
    "Ordering",
    "Project",
    "Rerank",
    "Surface",
    "Tracing",
]


FOREST: Final = "forest"
"""``kind:`` of a model that LightGBM trains."""
HELD_OUT: Final = "held_out"
"""``samples:`` of a model that learns without impressions."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Word = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")]


class BlendSpec(_Strict):
    """Scores of several models made into one.

    Attributes:
        models: By the name of its score in the expression: a model, whose champion is meant, or ``model@alias`` or
            ``model@version``.
        score: The expression, over these names and what the surface's feature file defines.
    """

    models: dict[Word, str] = Field(min_length=1, max_length=16)
    score: str = Field(min_length=1)


class CacheSpec(_Strict):
    """How many scored requests a worker keeps, for those that are asked again.

    Attributes:
        entries: Most requests, each with the scores of its candidates.
    """

    entries: int = Field(default=1_000, ge=1, le=100_000)


class Diversity(_Strict):
    """How much what is like something above it is put lower.

    Attributes:
        weight: ``lambda`` of maximal marginal relevance: 1 heeds the score alone, 0 unlikeness alone.
        over: What makes items alike: a category expression or a vector input.
        depth: Places that are chosen so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    weight: FiniteFloat = Field(alias="lambda", ge=0, le=1)
    over: str
    depth: int = Field(default=50, ge=1, le=200)


class Explore(_Strict):
    """How a list is varied by chance, so that what is shown can be judged without the ranking's own bias.

    Attributes:
        method: What is drawn instead of the best item: any alike, by softmax of scores, or the next in a pair.
        rate: How often it is drawn instead, 0 to 1.
        depth: Places that are varied.
        pool: Best items that are drawn among; 0: as many as ``depth``.
        temperature: For ``plackett_luce``: what scores are divided by.
        salt: Makes another draw of the same requests.
    """

    method: Literal["epsilon", "plackett_luce", "swap"]
    rate: FiniteFloat = Field(ge=0, le=1)
    depth: int = Field(default=10, ge=1, le=200)
    pool: int = Field(default=0, ge=0, le=1_000)
    temperature: FiniteFloat = Field(default=1.0, ge=1e-6, le=1e6)
    salt: str = Field(default="", max_length=64)


class Ordering(_Strict):
    """What happens to the whole list after the score.

    Attributes:
        rules: Business rules, one text each; those written first are kept first.
        diversity: None: by score.
        explore: None: nothing is left to chance.
    """

    rules: list[str] = Field(default_factory=list, max_length=100)
    diversity: Diversity | None = None
    explore: Explore | None = None


class Rerank(Ordering):
    """The ordering of a surface, and those that experiments may try instead.

    Attributes:
        variants: By name; each stands for itself and takes nothing from the surface's own.
    """

    variants: dict[Word, Ordering] = Field(default_factory=dict)

    @field_validator("variants")
    @classmethod
    def _not_reserved(cls, variants: dict[str, Ordering]) -> dict[str, Ordering]:
        if taken := sorted({"default", "none"} & set(variants)):
            raise ValueError(f"{taken[0]!r} is the surface's own ordering or none; call the variant something else")
        return variants


class Surface(_Strict):
    """One place where ranked lists are shown.

    Attributes:
        model: Name of the model whose champion serves it.
        budget_ms: Time for a request that comes without a deadline, milliseconds.
        limit: Results returned when the caller names no limit.
        candidates: Most candidates that ``Search`` ranks.
        max_candidates: Most candidates that a caller may send to ``Rank``.
        blend: What is made of several models' scores; absent: the score is the model's.
        recall: Branch configuration, validated by ``recall``.
        exclude: List input of the request, such as ``user.rated``, whose items ``Search`` does not return; empty: none.
        filter: What every item that ``Search`` and ``Recall`` find must be, in the feature language, beside what the
            request's own filter says; empty: anything.
        max_ndcg_loss: Most NDCG@10, as the release measured it, that a worker with too much to do may lose by doing
            less for a request before it refuses any; 0: none.
        title: Item input shown by the command line as an item's name.
        drift: Whether requests are compared with what the release saw in training.
        shadow: Alias (``challenger``) or version of a release that is asked too, off the path of answers; empty: none.
        shadow_share: Share of the answers that it is asked for, above 0, at most 1.
        rerank: What happens to the whole list after the score; None: nothing.
        cache: What a worker keeps of scored requests; None: nothing.
    """

    model: str
    budget_ms: PositiveInt = 200
    limit: PositiveInt = 20
    candidates: PositiveInt = 200
    max_candidates: PositiveInt = 10_000
    blend: BlendSpec | None = None
    recall: dict[str, Any] = Field(default_factory=dict)
    exclude: str = ""
    filter: str = ""
    max_ndcg_loss: NonNegativeFloat = 0.02
    title: str = "item.title"
    drift: bool = True
    shadow: int | str = ""
    shadow_share: float = Field(default=0.05, gt=0, le=1)
    rerank: Rerank | None = None
    cache: CacheSpec | None = None


class GateSpec(_Strict):
    """What a release must not do worse than the champion that it would replace.

    Attributes:
        slices: Requests that are compared by themselves, by name: an expression over the feature file's names that is
            true for them, or a category, each of whose values is a slice. A request is in a slice when one of its
            relevant rows is.
        alpha: Probability of refusing a release that is worse nowhere, over all slices together.
        score_ms: Most milliseconds for features and scores of one request's candidates; 0: half the surface's budget.
        drift: Most by which the share of missing values of a model input, or of values below any bound, may differ from
            the champion's training; 1: any.
    """

    slices: dict[Word, str] = Field(default_factory=dict, max_length=32)
    alpha: float = Field(default=0.025, gt=0, lt=0.5)
    score_ms: NonNegativeFloat = 0.0
    drift: float = Field(default=0.25, gt=0, le=1)


class ModelSpec(_Strict):
    """How a ranking model is trained.

    Attributes:
        inputs: Model inputs, ``feature | transform(…)``.
        kind: ``forest``, ``logistic`` regression, or a network: ``mlp`` or ``dcn_v2``.
        samples: What is learnt from: ``impressions`` that were logged, or, where nobody logged any, what each person
            chose last, ``held_out`` of what is known of them.
        weights: Weight of each input; when given, nothing is learnt and the score is the weighted sum.
        labels: Relevance grade of each event kind; an impression without any of them is 0.
        attribution: How long after the impression an event still counts (``30m``).
        popularity: Item statistic that the popularity baseline ranks by (``item.clicks_7d``).
        params: Parameters over the defaults: LightGBM's, or those of the kind.
        gate: What its releases must not do worse.
    """

    inputs: list[str] = Field(min_length=1)
    kind: Literal["forest", "logistic", "mlp", "dcn_v2"] = "forest"
    samples: Literal["impressions", "held_out"] = "impressions"
    weights: dict[str, FiniteFloat] = Field(default_factory=dict)
    labels: dict[str, NonNegativeFloat] = Field(default_factory=lambda: {"click": 1.0, "order": 3.0})
    attribution: str = "30m"
    popularity: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    gate: GateSpec = Field(default_factory=GateSpec)


class Tracing(_Strict):
    """Where spans of requests are sent, by OTLP over gRPC.

    Attributes:
        endpoint: Of the collector, such as ``http://collector:4317``; ``https`` encrypts.
        ratio: Share of the requests that is traced when the caller does not decide.
    """

    endpoint: str = Field(pattern=r"^https?://[^/\s]+/?$")
    ratio: FiniteFloat = Field(default=0.01, ge=0, le=1)


class Project(_Strict):
    """The project file.

    Attributes:
        surfaces: Surfaces by name.
        models: Models by name.
        tracing: None: off, unless the environment turns it on.
    """

    surfaces: dict[str, Surface] = Field(min_length=1)
    models: dict[str, ModelSpec] = Field(min_length=1)
    tracing: Tracing | None = None

    @classmethod
    def load(cls, workspace: Workspace) -> Project:
        """Read and check a workspace's project file.

        Raises:
            NotFoundError: When the workspace holds no project.
            ConfigError: When the file is not what it must be; names the entry.
        """
        return cls.parse(workspace.require().project.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> Project:
        """Check the text of a project file.

        Raises:
            ConfigError: When it is not what it must be; names the entry.
        """
        try:
            project = cls.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
        except yaml.YAMLError as error:
            raise ConfigError(f"project.yaml is not YAML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"project.yaml: {first['msg']}", field=place) from None
        for name, surface in project.surfaces.items():
            if surface.model not in project.models:
                known = ", ".join(project.models)
                raise ConfigError(f"no model {surface.model!r}; there are {known}", field=f"surfaces.{name}.model")
            if surface.blend is not None:
                project.check_blend(name, surface.model, surface.blend)
        return project

    def check_blend(self, surface: str, model: str, blend: BlendSpec) -> None:
        """Refuse a blend of models that there are not, or without the surface's own.

        Raises:
            ConfigError: When it is one; names the entry.
        """
        for score, reference in blend.models.items():
            if reference.partition("@")[0] not in self.models:
                known = ", ".join(self.models)
                place = f"surfaces.{surface}.blend.models.{score}"
                raise ConfigError(f"no model {reference!r:.80}; there are {known}", field=place)
        if model not in blend.models.values():
            raise ConfigError(
                f"the surface's own model {model!r} is not among them; its definitions are those of the blend",
                field=f"surfaces.{surface}.blend.models",
            )

    def surface(self, name: str) -> Surface:
        """Return a surface; an empty name means the only one.

        Raises:
            NotFoundError: When there is none of that name, or the name is left out and there are several.
        """
        if not name and len(self.surfaces) == 1:
            return next(iter(self.surfaces.values()))
        if name not in self.surfaces:
            raise NotFoundError(f"no surface {name!r}; there are {', '.join(self.surfaces)}")
        return self.surfaces[name]
