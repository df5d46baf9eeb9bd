"""The files of the word index: what is written into tantivy, and how it is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import tantivy

from recall.indexes.manifest import IndexManifest
from recall.lexical.config import JOINED
from searchrank.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from recall.lexical.config import LexicalConfig

__all__ = ["NAME", "ROW", "build_lexical", "open_lexical", "write_lexical", "write_manifest"]

NAME: Final = "lexical"
ROW: Final = "row"
"""The field that holds the catalogue row."""
_HEAP_BYTES: Final = 1 << 30  # grown as needed; one segment up to there, so that equal scores go by row


def build_lexical(
    folder: Path,
    config: LexicalConfig,
    rows: npt.NDArray[np.int64],
    texts: Mapping[str, Sequence[str | None]],
    size: int,
) -> None:
    """Index the texts of the catalogue.

    Args:
        folder: Holds nothing but what ``keep_wording`` put there.
        config: Which fields are indexed and how they are cut; boosts are applied when searching.
        rows: Shape ``(n,)``, the catalogue row of each item, unique.
        texts: For each field one text an item, None where it has none.
        size: Rows of the catalogue.

    Raises:
        ConfigError: When a library that cuts texts is not installed.
    """
    columns = [texts[field] for field in config.fields]
    write_lexical(folder, config, ((int(rows[at]), [column[at] for column in columns]) for at in np.argsort(rows)))
    write_manifest(folder, config, size)


def write_lexical(folder: Path, config: LexicalConfig, documents: Iterable[tuple[int, Sequence[str | None]]]) -> None:
    """Write documents as they come; the index has no manifest yet.

    Args:
        folder: An empty folder.
        config: Which fields are indexed and how they are cut.
        documents: Row and texts of each, the texts in the order of ``config.fields``; rows ascending, since tantivy
            breaks ties by document.

    Raises:
        ConfigError: When a library that cuts texts is not installed.
    """
    analyser = config.analyser()
    index = tantivy.Index(_schema(config), path=str(folder))
    writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    own = [name in config.boosts for name in config.fields]
    fields = list(config.fields)
    for row, texts in documents:
        document = tantivy.Document()
        document.add_unsigned(ROW, row)
        for at, text in enumerate(texts):
            words = " ".join(analyser.tokens(text)) if text else ""
            if own[at]:
                document.add_text(fields[at], words)
            if config.joined:
                document.add_text(JOINED, words)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def write_manifest(folder: Path, config: LexicalConfig, size: int) -> None:
    """Write the manifest, the last file of the index.

    Args:
        folder: Where the index was written.
        config: What it was written by.
        size: Rows of the catalogue.
    """
    analyser = config.analyser()
    IndexManifest(branch=NAME, size=size, recipe=config.recipe, analyser=analyser.fingerprint).write(folder)


def _schema(config: LexicalConfig) -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field(ROW, fast=True, indexed=True)
    for field in sorted(config.boosts):
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="position")
    return builder.build()


def count_terms(folder: Path, config: LexicalConfig) -> dict[str, int]:
    """Return how many documents an index holds, and how many different terms each of its fields."""
    index, _ = open_lexical(folder, config)
    searcher = index.searcher()
    terms = {f"terms of {field}": len(searcher.terms_with_prefix(field, "")) for field in sorted(config.boosts)}
    return {"documents": searcher.num_docs, **terms}


def open_lexical(folder: Path, config: LexicalConfig) -> tuple[tantivy.Index, int]:
    """Open an index and say how many rows its catalogue has.

    Raises:
        NotFoundError: When there is no such index.
        DataError: When it is damaged or was cut by another analyser.
        ConfigError: When a library that cuts its texts is not installed.
    """
    analyser = config.analyser()
    manifest = IndexManifest.read(folder, NAME, analyser=analyser.fingerprint)
    try:
        index = tantivy.Index.open(str(folder))
        index.config_reader("manual")
    except (ValueError, OSError) as error:
        raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
    return index, manifest.size
