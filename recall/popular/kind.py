"""The branch of popular items as a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recall.interaction import warn_if_silent
from recall.kind import Kind, Told
from recall.popular.branch import NAME, PopularBranch, build_popular
from recall.popular.config import PopularConfig

if TYPE_CHECKING:
    from pathlib import Path

    from recall.indexes.sources import IndexSources

__all__ = ["POPULAR"]


def _check(section: PopularConfig, sources: IndexSources) -> None:
    warn_if_silent(NAME, section.events, sources.events)


def _build(folder: Path, section: PopularConfig, sources: IndexSources, _told: Told) -> None:
    build_popular(folder, section, sources.interactions)


POPULAR: Final = Kind(
    index=NAME,
    section=PopularConfig,
    check=_check,
    build=_build,
    open=lambda folder, _section: PopularBranch.open(folder),
)
