"""Which vectors a workspace has for its items and queries: from a column of the catalogue or from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recall.dense.build import QuerySide, build_dense
from recall.dense.vectors import VectorTable, column_vectors
from recall.kind import require
from searchrank.errors import ConfigError, DataError
from searchrank.features.inputs import REQUEST_ROOTS, InputType, Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recall.dense.config import DenseConfig
    from recall.indexes.sources import IndexSources

__all__ = ["build_from_sources", "check_inputs"]


def check_inputs(config: DenseConfig, sources: IndexSources) -> None:
    """Refuse a request input that is no declared vector.

    Raises:
        ConfigError: When it is not.
    """
    if config.input:
        known = [n for n, i in sources.inputs.items() if i.root in REQUEST_ROOTS and i.type is InputType.VECTOR]
        require(config.input, known, "vector of the request", "dense.input")


def build_from_sources(
    folder: Path, config: DenseConfig, sources: IndexSources, progress: Callable[[int, int], None]
) -> None:
    """Read the vectors of items and queries and index them.

    Raises:
        NotFoundError: When a file is not there.
        DataError: When a file or column does not hold what it should.
        ConfigError: When the sizes that are declared and found differ, or a library is not installed.
    """
    items = _of_items(config, sources)
    wanted = sources.inputs[config.input].size if config.input else items.vectors.shape[1]
    if wanted != items.vectors.shape[1]:
        raise ConfigError(
            f"{config.input} is declared with size {wanted}, vectors of items are of {items.vectors.shape[1]}",
            field="recall.dense.input",
        )
    items = items.said(config.made_by, "recall.dense.vectors")
    table = VectorTable.read(_place(sources, config.queries)) if config.queries else None
    table = table.said(config.made_by, "recall.dense.queries") if table is not None else None
    encoder = str(_place(sources, config.encoder).resolve()) if config.encoder else ""
    side = QuerySide(items.encoder, table, encoder)
    rows = sources.catalogue.rows(list(items.ids))
    build_dense(folder, config, rows, items.vectors, len(sources.catalogue), queries=side, progress=progress)


def _of_items(config: DenseConfig, sources: IndexSources) -> VectorTable:
    declared = sources.inputs.get(config.vectors)
    if declared is None:
        return VectorTable.read(_place(sources, config.vectors))
    if declared.type is not InputType.VECTOR or declared.root is not Root.ITEM:
        raise ConfigError(f"{config.vectors!r} is not a vector of the item", field="recall.dense.vectors")
    if config.vectors not in sources.items.column_names:
        raise DataError("the catalogue has no such column", field=config.vectors)
    vectors, there = column_vectors(sources.items[config.vectors])
    there &= np.isfinite(vectors).all(axis=1)
    ids = sources.items["item_id"].cast("string").to_pylist()
    if vectors.shape[1] != declared.size and there.any():
        raise DataError(f"vectors are of size {vectors.shape[1]}, declared is {declared.size}", field=config.vectors)
    return VectorTable([ids[at] for at in np.flatnonzero(there)], vectors[there])


def _place(sources: IndexSources, name: str) -> Path:
    if sources.root is None:
        raise ConfigError(f"there is no project's folder to read {name} from", field="recall.dense")
    return sources.root / name
