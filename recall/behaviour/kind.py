"""The branch of items that the same users dealt with, as a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recall.behaviour.branch import NAME, ItemToItemBranch, build_item_to_item
from recall.behaviour.config import ItemToItemConfig
from recall.interaction import warn_if_silent
from recall.kind import Kind, Told, require
from searchrank.features.inputs import REQUEST_ROOTS, InputType

if TYPE_CHECKING:
    from pathlib import Path

    from recall.indexes.sources import IndexSources

__all__ = ["ITEM_TO_ITEM"]


def _check(section: ItemToItemConfig, sources: IndexSources) -> None:
    lists = [n for n, i in sources.inputs.items() if i.root in REQUEST_ROOTS and i.type is InputType.LIST]
    require(section.recent, lists, "list of the user's recent items", "item_to_item.recent")
    warn_if_silent(NAME, section.events, sources.events)


def _build(folder: Path, section: ItemToItemConfig, sources: IndexSources, told: Told) -> None:
    build_item_to_item(folder, section, sources.interactions, told)


ITEM_TO_ITEM: Final = Kind(index=NAME, section=ItemToItemConfig, check=_check, build=_build, open=ItemToItemBranch.open)
