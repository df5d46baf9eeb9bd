"""The branch of liked tags as a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recall.interaction import warn_if_silent
from recall.kind import Kind, Told, require
from recall.preference.branch import NAME, PreferenceBranch, build_preference
from recall.preference.config import PreferenceConfig
from recall.preference.index import TagIndex
from searchrank.errors import ConfigError
from searchrank.features.inputs import REQUEST_ROOTS, InputType, Root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recall.indexes.sources import IndexSources
    from recall.preference.config import Liking
    from searchrank.features.inputs import Input

__all__ = ["PREFERENCE"]

_TAGS: Final = (InputType.CATEGORY, InputType.LIST, InputType.TOKENS, InputType.MAP)


def _check(section: PreferenceConfig, sources: IndexSources) -> None:
    inputs = sources.inputs
    of_item = [n for n, i in inputs.items() if i.root is Root.ITEM and i.type in _TAGS and not i.is_live]
    for field, likings in section.likings.items():
        require(field, of_item, "category, list, tokens or map of the item", "preference.tags")
        for name, liking in likings.items():
            _check_liking(field, name, liking, inputs)
    if section.recent is not None:
        lists = _of_request(inputs, InputType.LIST)
        require(section.recent.input, lists, "list of the user's recent items", "preference.recent.input")
    if section.events:
        warn_if_silent(f"the number of events in {NAME}", section.events, sources.events)


def _check_liking(field: str, name: str, liking: Liking, inputs: Mapping[str, Input]) -> None:
    where = f"preference.tags.{field}"
    require(name, _of_request(inputs, *_TAGS), "category, list, tokens or map of the request", where)
    statistic = inputs[name].statistic
    if statistic is not None and statistic.by and statistic.by != field:
        raise ConfigError(f"{name} is counted by {statistic.by}, not by {field}", field=f"recall.{where}")
    if liking.as_of is not None:
        require(liking.as_of, _of_request(inputs, InputType.TIME), "time of the request", f"{where}.{name}.as_of")


def _of_request(inputs: Mapping[str, Input], *types: InputType) -> list[str]:
    return [name for name, one in inputs.items() if one.root in REQUEST_ROOTS and one.type in types]


def _build(folder: Path, section: PreferenceConfig, sources: IndexSources, _told: Told) -> None:
    catalogue = sources.catalogue
    build_preference(folder, section, catalogue.records[: len(catalogue)], sources.interactions)


def _figures(folder: Path, _section: PreferenceConfig) -> Mapping[str, int]:
    index = TagIndex.load(folder)
    return {"tags": len(index.hashes), "items of tags": len(index.rows)}


PREFERENCE: Final = Kind(
    index=NAME,
    section=PreferenceConfig,
    check=_check,
    build=_build,
    open=PreferenceBranch.open,
    figures=_figures,
)
