"""The branch of popular items as a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recall.interaction import warn_if_silent
from recall.kind import Kind, Told, require
from recall.popular.branch import NAME, PopularBranch, build_popular
from recall.popular.config import PopularConfig
from searchrank.features.inputs import REQUEST_ROOTS, InputType, Root

if TYPE_CHECKING:
    from pathlib import Path

    from recall.indexes.sources import IndexSources

__all__ = ["POPULAR"]


def _check(section: PopularConfig, sources: IndexSources) -> None:
    inputs = sources.inputs
    categories = {name: one.root for name, one in inputs.items() if one.type is InputType.CATEGORY}
    of_item = [name for name, root in categories.items() if root is Root.ITEM]
    of_request = [name for name, root in categories.items() if root in REQUEST_ROOTS]
    for field, wanted in section.by.items():
        require(field, of_item, "category of the item", "popular.by")
        require(wanted, of_request, "category of the request", f"popular.by.{field}")
    warn_if_silent(NAME, section.events, sources.events)


def _build(folder: Path, section: PopularConfig, sources: IndexSources, _told: Told) -> None:
    catalogue = sources.catalogue
    build_popular(folder, section, sources.interactions, catalogue.records[: len(catalogue)])


POPULAR: Final = Kind(
    index=NAME,
    section=PopularConfig,
    check=_check,
    build=_build,
    open=PopularBranch.open,
)
