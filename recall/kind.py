"""What a kind of branch is: how a project writes it, and how its index is checked, built and opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PositiveInt, model_validator

from recall.branch import Branch
from searchrank.errors import ConfigError
from searchrank.features.declaration import duration_us
from searchrank.features.language import nearest

if TYPE_CHECKING:
    from recall.indexes.sources import IndexSources

__all__ = ["BranchSection", "Duration", "IndexedBranch", "Kind", "Section", "Told", "require"]

Told = Callable[[int, int], None]
"""Called with what is done of an index, and what there is to do."""


def _duration(text: str) -> str:
    duration_us(text)
    return text


Duration = Annotated[str, AfterValidator(_duration)]
"""A span of time as written, ``7d``."""


class Section(BaseModel):
    """A section of ``recall:`` that refuses what it does not know and says what was probably meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _hint(cls, data: Any) -> Any:
        unknown = [key for key in data if key not in cls.model_fields] if isinstance(data, Mapping) else []
        if not unknown:
            return data
        hint = nearest(str(unknown[0]), cls.model_fields) or f"known keys: {', '.join(cls.model_fields)}"
        raise ValueError(f"unknown key {unknown[0]!r}; {hint}")


class BranchSection(Section):
    """The section of one branch."""

    quota: PositiveInt = 50
    """Most candidates that take part in fusion."""

    @property
    def recipe(self) -> dict[str, object]:
        """What of this changes the index, as JSON values."""
        raise NotImplementedError

    @property
    def lists(self) -> tuple[str, ...]:
        """The inputs of a request that list items and that the branch reads, see ``Query.lists``."""
        return ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The other inputs of a request that the branch reads, see ``Query.given``."""
        return ()

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read beside the project."""
        return ()


class IndexedBranch(Branch, Protocol):
    """A branch over the rows of one catalogue."""

    @property
    def size(self) -> int:
        """Rows of the catalogue that its index was built from."""
        ...


C = TypeVar("C", bound=BranchSection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[C]):
    """One kind of branch.

    Attributes:
        index: What its index is called; kinds that share one call it alike.
        section: What configures it.
        check: Raises ``ConfigError`` or ``DataError`` when the sources do not have what a section names, before
            anything is built.
        build: Writes the index into an empty folder, its manifest last.
        open: Returns the branch over an index.
        of_items: Whether an index is made from the items and the files that its section names alone, and by the same
            ones the same: then it is used again while these do not change, whatever happened.
        figures: Returns what is worth knowing of an index: names and numbers.
    """

    index: str
    section: type[C]
    check: Callable[[C, IndexSources], None]
    build: Callable[[Path, C, IndexSources, Told], None]
    open: Callable[[Path, C], IndexedBranch]
    of_items: bool = False
    figures: Callable[[Path, C], Mapping[str, int]] = lambda _folder, _section: {}


def require(name: str, known: Iterable[str], what: str, field: str) -> None:
    """Refuse a name that is not declared, which would otherwise find nothing without a word.

    Args:
        name: As configured.
        known: What it could be.
        what: What these are: ``text of the item``.
        field: Where it stands below ``recall``: ``lexical.fields``.

    Raises:
        ConfigError: When it is none of these.
    """
    known = list(known)
    if name not in known:
        hint = nearest(name, known) or f"there is {', '.join(known) or 'none declared'}"
        raise ConfigError(f"{name!r} is not a {what}; {hint}", field=f"recall.{field}")
