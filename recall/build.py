"""From a catalogue and an event log to the indexes of every surface, in one step: all of them or none."""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recall.behaviour import build_item_to_item
from recall.config import DenseConfig, ItemToItemConfig, LexicalConfig, PopularConfig, RecallConfig
from recall.dense_sources import build_from_sources, check_inputs
from recall.interaction import Interactions
from recall.lexical_index import build_lexical
from recall.manifest import index_name
from recall.popular import build_popular
from recall.wording import keep_wording
from searchrank.errors import ConfigError, DataError
from searchrank.features.inputs import REQUEST_ROOTS, InputType, Root
from searchrank.features.language import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa

    from searchrank.features.catalogue import Catalogue
    from searchrank.features.history import EventColumns
    from searchrank.features.inputs import Input

    Progress = Callable[[int, int, str], None]

__all__ = ["BuiltIndex", "IndexSources", "build_indexes"]

_logger = logging.getLogger(__name__)

_TEXTS: Final = (InputType.TOKENS, InputType.CATEGORY, InputType.LIST)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSources:
    """What indexes are built from.

    Attributes:
        inputs: Declared inputs by name (``FeatureSet.inputs``).
        items: The raw catalogue: ``item_id`` and a column for each text that is indexed.
        events: The events known when the snapshot was made.
        catalogue: The snapshot's catalogue, whose rows the indexes speak of.
        root: The project's folder, where the files lie that a configuration names; None: it may name none.
    """

    inputs: Mapping[str, Input]
    items: pa.Table
    events: EventColumns
    catalogue: Catalogue
    root: Path | None = None


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
    snapshot: Path,
    configs: Iterable[RecallConfig],
    sources: IndexSources,
    progress: Progress = lambda _done, _total, _what: None,
    *,
    resume: bool = False,
) -> tuple[BuiltIndex, ...]:
    """Build every index that some surface needs into ``indexes`` of a snapshot.

    Surfaces that agree share one. They are built beside it and moved into place at the end; what was there before
    is replaced.

    Args:
        snapshot: The snapshot's folder.
        configs: The recall configuration of each surface.
        sources: The catalogue and the events.
        progress: Called with (done, total, what comes now).
        resume: Whether a run from the same sources may have died here, whose finished indexes are to be used.

    Raises:
        ConfigError: When a field that should be indexed is not a text of the item, or the input that lists recent
            items is not declared.
        DataError: When the catalogue does not hold a text or an item the snapshot has.
    """
    configs = tuple(configs)
    recipes = {index_name(name, part.recipe): part for config in configs for name, part in config.branches.items()}
    _check_inputs(configs, sources)
    interactions = Interactions.of(sources.events, sources.catalogue)
    built = []
    with _replacing(snapshot / "indexes", resume=resume) as folder:
        for done, (name, part) in enumerate(recipes.items()):
            what = f"index {name.rpartition('-')[0]}"
            progress(done, len(recipes), what)
            _warn_if_silent(name, part, sources.events)
            start = time.monotonic()
            if not (folder / name).exists():
                beside = folder / f".{name}"
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir()
                told = partial(_part_of, progress, (done, len(recipes), what))
                _build(beside, part, (sources, interactions), told)
                beside.rename(folder / name)
            size = sum(file.stat().st_size for file in (folder / name).iterdir())
            built.append(BuiltIndex(name, size, time.monotonic() - start))
    progress(len(recipes), len(recipes), "done")
    return tuple(built)


_Part = LexicalConfig | DenseConfig | ItemToItemConfig | PopularConfig


def _part_of(progress: Progress, step: tuple[int, int, str], done: int, total: int) -> None:
    """Tell how far an index has come."""
    progress(step[0], step[1], f"{step[2]} {100 * done // total} %")


def _build(
    folder: Path, part: _Part, read: tuple[IndexSources, Interactions], told: Callable[[int, int], None]
) -> None:
    sources, interactions = read
    match part:
        case LexicalConfig():
            size = len(sources.catalogue)
            rows = sources.catalogue.rows(sources.items["item_id"].cast("string").to_pylist())
            if (rows >= size).any():
                raise DataError("the table holds items that the snapshot does not", field="item_id")
            texts = {field: _texts(sources.items[field]) for field in part.fields}
            keep_wording(folder, part, sources.root)
            build_lexical(folder, part, rows, texts, size)
        case DenseConfig():
            build_from_sources(folder, part, sources, told)
        case ItemToItemConfig():
            build_item_to_item(folder, part, interactions)
        case PopularConfig():
            build_popular(folder, part, interactions)


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return one text a row; the members of a list are joined."""
    values = column.to_pylist()
    return [" ".join(filter(None, value)) if isinstance(value, list) else value for value in values]


def _check_inputs(configs: Iterable[RecallConfig], sources: IndexSources) -> None:
    """Refuse names that are not declared, which would otherwise find nothing without a word.

    Raises:
        DataError: When a text is declared but not in the catalogue.
    """
    texts = [n for n, i in sources.inputs.items() if i.root is Root.ITEM and i.type in _TEXTS and not i.is_live]
    lists = [n for n, i in sources.inputs.items() if i.root in REQUEST_ROOTS and i.type is InputType.LIST]
    for config in configs:
        for field in config.lexical.fields if config.lexical else ():
            _require(field, texts, "text of the item", "lexical.fields")
            if field not in sources.items.column_names:
                raise DataError("the catalogue has no such column", field=field)
        if config.dense:
            check_inputs(config.dense, sources.inputs)
        if config.item_to_item:
            _require(config.item_to_item.recent, lists, "list of the user's recent items", "item_to_item.recent")


def _require(name: str, known: list[str], what: str, field: str) -> None:
    if name not in known:
        hint = nearest(name, known) or f"there is {', '.join(known) or 'none declared'}"
        raise ConfigError(f"{name!r} is not a {what}; {hint}", field=f"recall.{field}")


def _warn_if_silent(name: str, part: _Part, events: EventColumns) -> None:
    """Say that no event will ever reach an index: the kinds are probably called otherwise."""
    if not isinstance(part, (LexicalConfig, DenseConfig)) and not set(part.events) & set(events.kinds):
        wanted, there = ", ".join(part.events), ", ".join(events.kinds) or "no events"
        _logger.warning("%s will be empty: it counts %s, but the log holds %s", name, wanted, there)


@contextmanager
def _replacing(target: Path, *, resume: bool) -> Iterator[Path]:
    """Give a new folder, put in the place of ``target`` when the block succeeds, removed when it fails."""
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for left in (old,) if resume else (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    if resume and target.exists() and not fresh.exists():
        target.rename(fresh)
    fresh.mkdir(parents=True, exist_ok=resume)
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
