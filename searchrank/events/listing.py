"""The segments of a log as they lie in its folder, without a hole, while a writer may be replacing some."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from searchrank.errors import DataError
from searchrank.events.segment import Segment, offset_of, segment_paths

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["scan"]

_LOOKS: Final = 5
_PAUSE_S: Final = 0.02


def scan(folder: Path, known: Sequence[Segment] = ()) -> list[Segment]:
    """Return the segments of a log in order.

    Segments whose events another has taken in are left out. What looks like a hole may be a writer that is just
    replacing files, so it is looked at a few times.

    Args:
        folder: The log's folder.
        known: What was there at the last look; those that are still there need not be indexed again.

    Raises:
        DataError: When a segment ends before the next one begins.
    """
    chain: list[Segment] = []
    hole = ""
    for look in range(_LOOKS):
        time.sleep(_PAUSE_S * max(look - 1, 0))
        chain, hole = _chain(folder, known if not look else ())
        if not hole:
            return chain
    raise DataError(f"{hole}: the log is damaged")


def _chain(folder: Path, known: Sequence[Segment]) -> tuple[list[Segment], str]:
    """Return the segments and what is wrong with them, empty if nothing."""
    indexed = {segment.path: segment for segment in known if segment.rows}
    chain: list[Segment] = []
    for path in segment_paths(folder):
        if chain and not chain[-1].sealed and not chain[-1].refresh():
            return chain, f"{chain[-1].path} was replaced"
        end, first = chain[-1].end if chain else offset_of(path), offset_of(path) or 0
        if end is not None and first < end:
            continue
        if end != first:
            return chain, f"{chain[-1].path} ends at offset {end}, but {path.name} follows"
        chain.append(indexed.get(path) or Segment(path))
    if chain and not chain[-1].refresh():
        return chain, f"{chain[-1].path} was replaced"
    return chain, ""
