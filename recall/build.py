"""From a catalogue and an event log to the indexes of every surface, in one step: all of them or none."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recall.behaviour import build_item_to_item
from recall.config import ItemToItemConfig, LexicalConfig, PopularConfig, RecallConfig
from recall.interaction import Interactions
from recall.lexical import build_lexical
from recall.manifest import index_name
from recall.popular import build_popular
from searchrank.errors import ConfigError, DataError
from searchrank.features.inputs import Input, InputType, Root
from searchrank.features.language import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Progress = Callable[[str, int, int], None]

__all__ = ["BuiltIndex", "IndexSources", "build_indexes"]

_TEXTS: Final = (InputType.TOKENS, InputType.CATEGORY, InputType.LIST)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSources:
    """What indexes are built from.

    Attributes:
        inputs: Declared inputs by name.
        items: The raw catalogue: ``item_id`` and a column for each text that is indexed.
        events: The event log, read once, with at least ``recall.interaction.EVENT_COLUMNS``.
        rows: Gives the row of each item id in the snapshot's catalogue; ``size`` or more where it is unknown.
        size: Rows of the snapshot's catalogue.
    """

    inputs: Mapping[str, Input]
    items: pa.Table
    events: Iterable[pa.RecordBatch]
    rows: Callable[[list[str]], npt.NDArray[np.int64]]
    size: int


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """One index that was built.

    Attributes:
        name: Its folder below ``indexes``.
        bytes: Size of its files.
        seconds: Time it took.
    """

    name: str
    bytes: int
    seconds: float


def build_indexes(
    snapshot: Path, configs: Sequence[RecallConfig], sources: IndexSources, progress: Progress | None = None
) -> tuple[BuiltIndex, ...]:
    """Build every index that some surface needs into ``indexes`` of a snapshot.

    Surfaces that agree share one. They are built beside it and moved into place at the end; what was there before
    is replaced.

    Args:
        snapshot: The snapshot's folder.
        configs: The recall configuration of each surface.
        sources: The catalogue and the events.
        progress: Told what is being built, how many are done and how many there are.

    Raises:
        ConfigError: When a field that should be indexed is not a text of the item.
        DataError: When the catalogue does not hold a text or an item the snapshot has.
    """
    recipes = {index_name(name, part.recipe): part for config in configs for name, part in config.branches.items()}
    _check_fields(recipes.values(), sources)
    told = progress or _quiet
    with _replacing(snapshot / "indexes") as folder:
        told("events", 0, len(recipes) + 1)
        interactions = _interactions(recipes.values(), sources)
        built = []
        for done, (name, part) in enumerate(recipes.items(), start=1):
            told(name, done, len(recipes) + 1)
            start = time.monotonic()
            (folder / name).mkdir()
            _build(folder / name, part, sources, interactions)
            size = sum(file.stat().st_size for file in (folder / name).iterdir())
            built.append(BuiltIndex(name, size, time.monotonic() - start))
    told("indexes", len(recipes) + 1, len(recipes) + 1)
    return tuple(built)


_Part = LexicalConfig | ItemToItemConfig | PopularConfig


def _build(folder: Path, part: _Part, sources: IndexSources, interactions: Interactions) -> None:
    match part:
        case LexicalConfig():
            rows = sources.rows(sources.items["item_id"].to_pylist())
            if len(rows) and not 0 <= rows.min() <= rows.max() < sources.size:
                raise DataError("the catalogue holds items that the snapshot does not; build a new snapshot")
            texts = {field: _texts(sources.items[field]) for field in part.fields}
            build_lexical(folder, part, rows, texts, sources.size)
        case ItemToItemConfig():
            build_item_to_item(folder, part, interactions, sources.size)
        case PopularConfig():
            build_popular(folder, part, interactions, sources.size)


def _interactions(parts: Iterable[_Part], sources: IndexSources) -> Interactions:
    names = {event for part in parts if not isinstance(part, LexicalConfig) for event in part.events}
    return Interactions.collect(sources.events if names else (), names, sources.rows, sources.size)


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return one text a row; the members of a list are joined."""
    values = column.to_pylist()
    return [" ".join(filter(None, value)) if isinstance(value, list) else value for value in values]


def _check_fields(parts: Iterable[_Part], sources: IndexSources) -> None:
    texts = [n for n, i in sources.inputs.items() if i.root is Root.ITEM and i.type in _TEXTS and not i.is_live]
    for field in {field for part in parts if isinstance(part, LexicalConfig) for field in part.fields}:
        if field not in texts:
            hint = nearest(field, texts) or f"texts are {', '.join(texts) or 'not declared'}"
            raise ConfigError(f"{field!r} is not a text of the item; {hint}", field="recall.lexical.fields")
        if field not in sources.items.column_names:
            raise DataError("the catalogue has no such column", field=field)


def _quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a new folder, put in the place of ``target`` when the block succeeds, removed when it fails."""
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
