"""What a surface wants recalled, as written under ``recall:`` in ``project.yaml``.

A branch that is not named is not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from recall.analysis import Analyser, Language
from searchrank.errors import ConfigError
from searchrank.features.declaration import duration_us
from searchrank.features.language import nearest

__all__ = [
    "JOINED",
    "DenseConfig",
    "FusionConfig",
    "ItemToItemConfig",
    "LexicalConfig",
    "PopularConfig",
    "RecallConfig",
]

JOINED: Final = "joined"
"""Name of the field that holds all texts; no input is called so, they have a root and a dot."""


def _duration(text: str) -> str:
    duration_us(text)
    return text


class _Strict(BaseModel):
    """A section that refuses what it does not know and says what was probably meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _hint(cls, data: Any) -> Any:
        unknown = [key for key in data if key not in cls.model_fields] if isinstance(data, Mapping) else []
        if not unknown:
            return data
        hint = nearest(str(unknown[0]), cls.model_fields) or f"known keys: {', '.join(cls.model_fields)}"
        raise ValueError(f"unknown key {unknown[0]!r}; {hint}")


class LexicalConfig(_Strict):
    """Words of the query found in texts of the item (BM25)."""

    fields: Annotated[dict[str, Annotated[float, Field(ge=0, le=1_000)]], Field(min_length=1)]
    """Item input to boost: ``{item.title: 2.0, item.text: 1.0}``; 0: only as part of ``joined``."""
    joined: Annotated[float, Field(ge=0, le=1_000)] = 0.0
    """Boost of one field that holds all texts, one after the other; 0: no such field."""
    stem: Language = ""
    """Language whose endings are taken off words; empty: none."""
    segment: bool = False
    """Whether Chinese is cut into words by a dictionary and not into overlapping pairs of characters."""
    phrases: bool = True
    """Whether words in quotes must stand one after the other."""
    fuzzy: bool = True
    """Whether a word that no text holds finds those that are nearly spelt like it."""
    prefix: bool = False
    """Whether the last word, unless something follows it, finds those that begin with it."""
    synonyms: str = ""
    """File beside the project: ``a, b`` mean the same, ``a => b`` finds b for a; empty: none."""
    dictionaries: dict[str, str] = Field(default_factory=dict)
    """For a field, the file of the words that are looked for in it alone, one entry a line."""
    quota: PositiveInt = 150
    """Most candidates that take part in fusion."""

    @model_validator(mode="after")
    def _searches(self) -> LexicalConfig:
        if not self.boosts:
            raise ValueError("every boost is 0, so that nothing would be searched")
        for field in self.dictionaries:
            if field not in self.boosts:
                raise ValueError(f"dictionaries name {field!r}, which is not one of {', '.join(self.boosts)}")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read beside the project."""
        return tuple(name for name in (self.synonyms, *self.dictionaries.values()) if name)

    def analyser(self) -> Analyser:
        """Return what cuts texts and queries.

        Raises:
            ConfigError: When a library that it takes is not installed.
        """
        return Analyser(self.stem, segment=self.segment)

    @property
    def boosts(self) -> dict[str, float]:
        """The boost of every field that is searched, ``JOINED`` among them."""
        return {name: boost for name, boost in (self.fields | {JOINED: self.joined}).items() if boost}

    @property
    def recipe(self) -> dict[str, object]:
        """What of this changes the index: the size of a boost is applied when searching."""
        return {
            "fields": sorted(self.fields),
            "searched": sorted(self.boosts),
            "stem": self.stem,
            "segment": self.segment,
            "synonyms": self.synonyms,
            "dictionaries": self.dictionaries,
        }


class ItemToItemConfig(_Strict):
    """Items that the same users dealt with (cosine over users)."""

    events: Annotated[list[str], Field(min_length=1)] = ["click", "order"]
    """Event kinds that join a user and an item."""
    min_value: float | None = None
    """Events whose value is lower or missing do not count; None counts all."""
    neighbours: PositiveInt = 50
    """How many of its nearest items may recommend an item."""
    history: PositiveInt = 50
    """Most recent items of the user that are asked for neighbours."""
    recent: str = "user.recent_items"
    """The input that lists the user's recent items, latest first."""
    quota: PositiveInt = 50
    """Most candidates that take part in fusion."""

    @property
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        return {"events": sorted(self.events), "min_value": self.min_value, "neighbours": self.neighbours}


class PopularConfig(_Strict):
    """Items with most events lately."""

    events: Annotated[list[str], Field(min_length=1)] = ["click", "order"]
    """Event kinds that are counted."""
    min_value: float | None = None
    """Events whose value is lower or missing do not count; None counts all."""
    window: Annotated[str, AfterValidator(_duration)] | None = None
    """Span before the end of the log (``7d``); None counts all time."""
    quota: PositiveInt = 50
    """Most candidates that take part in fusion."""

    @property
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        return {"events": sorted(self.events), "min_value": self.min_value, "window_us": self.window_us}

    @property
    def window_us(self) -> int:
        """The window in microseconds; 0 means all time."""
        return 0 if self.window is None else duration_us(self.window)


class FusionConfig(_Strict):
    """How the lists of the branches become one."""

    k: Annotated[float, Field(ge=0, le=10_000)] = 60.0
    """Rank offset of reciprocal rank fusion; larger values flatten the top."""


class DenseConfig(_Strict):
    """Items whose vectors are nearest to that of the query."""

    vectors: Annotated[str, Field(min_length=1)]
    """A vector input of the item (``item.embedding``), or a file in the workspace with a vector an item."""
    queries: str = ""
    """A file in the workspace with a vector a text: embeddings of queries made beforehand."""
    encoder: str = ""
    """A folder with a sentence encoder (``model.onnx``, ``tokenizer.json``)."""
    input: str = ""
    """A vector input of the request, the user or the query that is searched for if it is there."""
    made_by: str = ""
    """Fingerprint of what made the vectors, for files that do not say."""
    metric: Literal["cosine", "inner_product"] = "cosine"
    """What is near."""
    storage: Literal["f32", "f16", "i8"] = "f32"
    """How a number of a vector is kept."""
    effort: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Least width of a search in the graph."""
    quota: PositiveInt = 100
    """Most candidates that take part in fusion."""

    @model_validator(mode="after")
    def _finds_something(self) -> DenseConfig:
        if self.queries and self.encoder:
            raise ValueError("name queries or encoder, not both")
        if not (self.queries or self.encoder or self.input):
            raise ValueError("say where vectors of queries come from: queries, encoder or input")
        return self

    @property
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        return self.model_dump(exclude={"input", "effort", "quota"})


class RecallConfig(_Strict):
    """The branches of one surface; a surface without any ranks what it is sent and finds nothing itself."""

    lexical: LexicalConfig | None = None
    """Search in texts, or None."""
    dense: DenseConfig | None = None
    """Nearest vectors, or None."""
    item_to_item: ItemToItemConfig | None = None
    """Neighbours of recent items, or None."""
    popular: PopularConfig | None = None
    """Most popular items, or None."""
    fusion: FusionConfig = FusionConfig()
    """How their lists become one."""

    @property
    def branches(self) -> dict[str, LexicalConfig | DenseConfig | ItemToItemConfig | PopularConfig]:
        """The configured branches by name, in the order lexical, dense, item_to_item, popular."""
        sections = {
            "lexical": self.lexical,
            "dense": self.dense,
            "item_to_item": self.item_to_item,
            "popular": self.popular,
        }
        return {name: section for name, section in sections.items() if section is not None}

    @property
    def quotas(self) -> dict[str, int]:
        """How many candidates of each branch take part in fusion."""
        return {name: section.quota for name, section in self.branches.items()}

    @classmethod
    def parse(cls, mapping: Mapping[str, object], *, field: str = "recall") -> RecallConfig:
        """Check what was written.

        Args:
            mapping: The section as read from YAML.
            field: Where it stands, for the message: ``surfaces.places.recall``.

        Raises:
            ConfigError: When a key is unknown or a value is wrong; all faults are listed.
        """
        try:
            return cls.model_validate(mapping)
        except ValidationError as error:
            faults = [(".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
            told = "; ".join(f"{where}: {what}" if where else what for where, what in faults)
            raise ConfigError(told, field=field) from error
