"""Sealed segments are replaced, never changed: the new file is whole and on disk before it takes the old one's name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from searchrank.durable import sync
from searchrank.events.seal import Seal, seal_path
from searchrank.events.segment import END_MARK, Segment, segment_name, tokened

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Draft", "draft_path", "write_draft"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole new segment that does not have its name yet.

    Attributes:
        path: Where it lies.
        target: The segment's name.
        seal: What is known of it.
    """

    path: Path
    target: Path
    seal: Seal

    def swap(self, replaced: Iterable[Path]) -> Segment:
        """Take the place of the segments whose events this one holds; readers that map them go on.

        Args:
            replaced: Their files; the first one's name is this one's.
        """
        self.path.replace(self.target)
        sync(self.target.parent)
        for path in replaced:
            if path != self.target:
                path.unlink(missing_ok=True)
                seal_path(path).unlink(missing_ok=True)
        self.seal.save(self.target)
        return Segment(self.target)


def draft_path(segment: Path) -> Path:
    """Return where a new file waits that shall replace a segment."""
    return segment.with_suffix(".draft")


def write_draft(folder: Path, first: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Draft:
    """Write a sealed segment beside its place and flush it to disk.

    Args:
        folder: The log's folder.
        first: Offset of the first event.
        schema: The columns; the file gets a token of its own.
        batches: Its events in order, of these columns.
    """
    target = folder / segment_name(first)
    path = draft_path(target)
    with path.open("wb") as file:
        file.write(tokened(schema).serialize())
        for batch in batches:
            file.write(batch.serialize())
        file.write(END_MARK)
        file.flush()
        os.fsync(file.fileno())
    return Draft(path, target, Seal.of(Segment(path)))
