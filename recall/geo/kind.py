"""The branch of near items as a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recall.geo.branch import NAME, GeoBranch, build_geo
from recall.geo.config import GeoConfig
from recall.geo.index import CellIndex
from recall.kind import Kind, Told, require
from searchrank.features.inputs import REQUEST_ROOTS, InputType, Root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recall.indexes.sources import IndexSources

__all__ = ["GEO"]


def _check(section: GeoConfig, sources: IndexSources) -> None:
    points = {name: one for name, one in sources.inputs.items() if one.type is InputType.POINT and not one.is_live}
    of_item = [name for name, one in points.items() if one.root is Root.ITEM]
    require(section.location, of_item, "point of the item", "geo.location")
    of_request = [name for name, one in points.items() if one.root in REQUEST_ROOTS]
    require(section.input, of_request, "point of the request", "geo.input")


def _build(folder: Path, section: GeoConfig, sources: IndexSources, told: Told) -> None:
    catalogue = sources.catalogue
    points = np.asarray(catalogue.records[section.location][: len(catalogue)], np.float64)
    build_geo(folder, section, points, told)


def _figures(folder: Path, _section: GeoConfig) -> Mapping[str, int]:
    index = CellIndex.load(folder)
    return {"places": len(index.rows), "cells": len(index.centres)}


GEO: Final = Kind(
    index=NAME,
    section=GeoConfig,
    check=_check,
    build=_build,
    open=GeoBranch.open,
    of_items=True,
    figures=_figures,
)
