"""The lexical branch as a kind: its texts are inputs of the item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recall.kind import Kind, Told, require
from recall.lexical.branch import LexicalBranch
from recall.lexical.config import LexicalConfig
from recall.lexical.index import NAME, build_lexical, count_terms
from recall.lexical.wording import keep_wording
from searchrank.errors import DataError
from searchrank.features.inputs import InputType, Root

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from recall.indexes.sources import IndexSources

__all__ = ["LEXICAL"]

_TEXTS: Final = (InputType.TOKENS, InputType.CATEGORY, InputType.LIST)


def _check(section: LexicalConfig, sources: IndexSources) -> None:
    texts = [n for n, i in sources.inputs.items() if i.root is Root.ITEM and i.type in _TEXTS and not i.is_live]
    for field in section.fields:
        require(field, texts, "text of the item", "lexical.fields")
        if field not in sources.items.column_names:
            raise DataError("the catalogue has no such column", field=field)


def _build(folder: Path, section: LexicalConfig, sources: IndexSources, _told: Told) -> None:
    size = len(sources.catalogue)
    rows = sources.catalogue.rows(sources.items["item_id"].cast("string").to_pylist())
    if (rows >= size).any():
        raise DataError("the table holds items that the snapshot does not", field="item_id")
    texts = {field: _texts(sources.items[field]) for field in section.fields}
    keep_wording(folder, section, sources.root)
    build_lexical(folder, section, rows, texts, size)


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return one text a row; the members of a list are joined."""
    values = column.to_pylist()
    return [" ".join(filter(None, value)) if isinstance(value, list) else value for value in values]


LEXICAL: Final = Kind(
    index=NAME,
    section=LexicalConfig,
    check=_check,
    build=_build,
    open=LexicalBranch.open,
    of_items=True,
    figures=count_terms,
)
