"""What a new writer does first: clear what a crash left behind, and learn which events and times are there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from searchrank.events.identity import SeenIds
from searchrank.events.seal import NEVER, Seal, seal_path
from searchrank.events.segment import Segment, segment_paths

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Recovered", "recover"]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a writer has to know of the log it goes on with.

    Attributes:
        cut: Bytes of an unfinished append that were cut off.
        kept: Where they are kept; None when nothing was cut.
        seen: The ids of all events.
        last_arrival: Greatest arrival time, microseconds since 1970 UTC; ``NEVER`` in an empty log.
        last: What a seal of the last segment would hold; None when it has one, or there are no segments.
    """

    cut: int
    kept: Path | None
    seen: SeenIds
    last_arrival: int
    last: Seal | None


def recover(folder: Path, segments: list[Segment]) -> Recovered:
    """Make a log ready for a writer, which holds the lock.

    What follows the last whole batch is cut off and kept beside the segment as ``*.cut``: it was never acknowledged,
    unless the disk damaged it afterwards. What is whole is flushed to disk: the writer before may have died in between,
    and the same events sent again are acknowledged as duplicates.

    Args:
        folder: The log's folder.
        segments: Its segments in order; the last one is taken out when nothing of it can be read.
    """
    cut, kept = (0, None) if not segments or segments[-1].sealed else _cut_tail(segments[-1])
    if segments and segments[-1].schema is None:
        segments.pop().path.unlink()
    _clear(folder, {segment.path for segment in segments})
    seen, last_arrival, last = SeenIds(), NEVER, None
    for segment in segments:
        is_last = segment is segments[-1] and not segment.sealed
        seal = Seal.of(segment) if is_last else _seal_of(segment)
        seen.add(seal.columns["ids"])
        last_arrival = max(last_arrival, seal.last_arrival)
        last = seal if is_last else None
    return Recovered(cut, kept, seen, last_arrival, last)


def _seal_of(segment: Segment) -> Seal:
    seal = Seal.load(segment.path)
    if seal is None or not seal.fits(segment.token, segment.path.stat().st_size):
        seal = Seal.of(segment)
        seal.save(segment.path)
    return seal


def _clear(folder: Path, kept: set[Path]) -> None:
    """Remove drafts, segments whose events another has taken in, and seals of nothing."""
    for pattern in ("*.draft", "*.seal-draft"):
        for path in folder.glob(pattern):
            path.unlink()
    for path in segment_paths(folder):
        if path not in kept:
            path.unlink()
    seals = {seal_path(path) for path in kept}
    for path in folder.glob("*.seal"):
        if path not in seals:
            path.unlink()


def _cut_tail(segment: Segment) -> tuple[int, Path | None]:
    with segment.path.open("r+b") as file:
        tail = file.seek(0, os.SEEK_END) - segment.size
        if not tail:
            os.fsync(file.fileno())
            return 0, None
        file.seek(segment.size)
        kept = segment.path.with_suffix(".cut")
        with kept.open("ab") as aside:
            aside.write(file.read())
        file.truncate(segment.size)
        os.fsync(file.fileno())
    return tail, kept
