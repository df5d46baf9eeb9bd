"""The branches of items that the same users dealt with, as kinds: for all that a user did, and for this session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from recall.behaviour.branch import NAME, ItemToItemBranch, build_item_to_item
from recall.behaviour.config import ItemToItemConfig, SessionConfig
from recall.interaction import warn_if_silent
from recall.kind import Kind, Told, require
from searchrank.features.inputs import REQUEST_ROOTS, InputType

if TYPE_CHECKING:
    from pathlib import Path

    from recall.indexes.sources import IndexSources

__all__ = ["ITEM_TO_ITEM", "SESSION"]

_SESSION: Final = "session"


def _check(name: str, section: ItemToItemConfig, sources: IndexSources) -> None:
    lists = [n for n, i in sources.inputs.items() if i.root in REQUEST_ROOTS and i.type is InputType.LIST]
    require(section.recent, lists, "list of the user's recent items", f"{name}.recent")
    warn_if_silent(name, section.events, sources.events)


def _build(folder: Path, section: ItemToItemConfig, sources: IndexSources, told: Told) -> None:
    build_item_to_item(folder, section, sources.interactions, told)


def _kind(name: str, section: type[ItemToItemConfig]) -> Kind[ItemToItemConfig]:
    return Kind(
        index=NAME,
        section=section,
        check=partial(_check, name),
        build=_build,
        open=partial(ItemToItemBranch.open, name=name),
    )


ITEM_TO_ITEM: Final = _kind(NAME, ItemToItemConfig)
SESSION: Final = _kind(_SESSION, SessionConfig)
