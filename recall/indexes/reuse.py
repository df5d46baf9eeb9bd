"""An index that would be built from what an earlier one was built from is that one: its files are linked, not made."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import xxhash

from recall.indexes.draft import digest_file

if TYPE_CHECKING:
    from pathlib import Path

    from recall.indexes.sources import IndexSources
    from recall.kind import BranchSection

__all__ = ["SOURCE", "Earlier"]

SOURCE: Final = "source"
"""The file of an index that names what it was built from; without it an index is never used again."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The indexes of an earlier snapshot, and what the next ones are built from.

    Attributes:
        folder: Its ``indexes``; None: there is nothing to use again.
        items: Digest of the raw items, whose order numbers the rows.
        root: The project's folder, for files that sections name.
    """

    folder: Path | None
    items: str
    root: Path | None

    @classmethod
    def of(cls, folder: Path | None, sources: IndexSources) -> Earlier:
        """Digest what indexes are built from."""
        return cls(folder, _digest_table(sources.items), sources.root)

    def source(self, section: BranchSection) -> str:
        """Return the name of what an index of items is built from: the items and the files that its section names."""
        files = [] if self.root is None else [digest_file(self.root / name) for name in section.files]
        return str(xxhash.xxh3_128_hexdigest("\0".join([self.items, *files]).encode()))

    def link(self, name: str, source: str, beside: Path) -> bool:
        """Put an earlier index into an empty folder, if it was built from the same; return whether it was.

        Args:
            name: What the index is called.
            source: What it would be built from.
            beside: Where it is wanted.
        """
        there = None if self.folder is None else self.folder / name
        if there is None or not (there / SOURCE).is_file() or (there / SOURCE).read_text() != source:
            return False
        for file in there.iterdir():
            _link(file, beside / file.name)
        return True


def _link(file: Path, to: Path) -> None:
    """Give a file a second name; what is written once and never changed needs no copy."""
    try:
        os.link(file, to)
    except OSError:  # a file system without links
        shutil.copyfile(file, to)


def _digest_table(table: pa.Table) -> str:
    digest = xxhash.xxh3_128()

    class _Into:
        """Takes what Arrow writes."""

        closed = False

        def write(self, content: pa.Buffer) -> int:
            digest.update(content)
            return len(content)

        def flush(self) -> None:
            """Do nothing: there is nothing behind it."""

    with pa.ipc.new_stream(_Into(), table.schema) as writer:
        for batch in table.combine_chunks().to_batches():
            writer.write_batch(batch)
    return str(digest.hexdigest())
