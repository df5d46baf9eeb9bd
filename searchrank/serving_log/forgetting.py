"""Answers to a person are taken out whole: without who asked and what was sent, nothing can be learnt from them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc

from searchrank.serving_log.file import SUFFIX
from searchrank.serving_log.reader import Opened, batches_of
from searchrank.serving_log.sealed import SealedStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["forget_answers"]


def forget_answers(folder: Path, user_id: str) -> int:
    """Remove the answers to a person from every file; nobody may be writing.

    A file is replaced by a rename. Bytes behind the last whole batch, in which nobody can be found, go too.

    Args:
        folder: ``Workspace.serving``; may be absent.
        user_id: Who.

    Returns:
        Number of answers removed.

    Raises:
        DataError: When a file is damaged, or of a later form.
    """
    removed = 0
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        file = Opened.scan(path)
        found = sum(batch.num_rows - kept.num_rows for batch, kept in _split(file, user_id, {"user_id"}))
        if found or file.torn:
            _rewrite(file, user_id)
        removed += found
    return removed


def _split(file: Opened, user_id: str, names: set[str]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Give each batch and what is left of it."""
    user = normalize("NFC", user_id)
    for batch in batches_of(file, names, None):
        ids = batch.column("user_id").dictionary_encode()  # as sent, in whatever normal form
        theirs = pa.array([normalize("NFC", one) == user for one in ids.dictionary.to_pylist()], pa.bool_())
        yield batch, batch.filter(pc.invert(pc.fill_null(theirs.take(ids.indices), fill_value=False)))


def _rewrite(file: Opened, user_id: str) -> None:
    draft = file.path.with_suffix(".draft")
    if file.schema is None:
        file.path.unlink()
        return
    with draft.open("wb") as target:
        stream = SealedStream(file.schema)
        for _, kept in _split(file, user_id, set(file.schema.names)):
            if kept.num_rows:
                target.write(stream.batch(kept))
        target.write(stream.end())
        target.flush()
        os.fsync(target.fileno())
    draft.replace(file.path)
