"""What a project writes under ``recall.lexical``."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, PositiveInt, model_validator
from typing_extensions import override

from recall.kind import BranchSection
from recall.lexical.analysis import Analyser, Language

__all__ = ["JOINED", "LexicalConfig"]

JOINED: Final = "joined"
"""Name of the field that holds all texts; no input is called so, they have a root and a dot."""


class LexicalConfig(BranchSection):
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

    @model_validator(mode="after")
    def _searches(self) -> LexicalConfig:
        if not self.boosts:
            raise ValueError("every boost is 0, so that nothing would be searched")
        for field in self.dictionaries:
            if field not in self.boosts:
                raise ValueError(f"dictionaries name {field!r}, which is not one of {', '.join(self.boosts)}")
        return self

    @property
    @override
    def files(self) -> tuple[str, ...]:
        """The lists of words that are read beside the project."""
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
    @override
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
