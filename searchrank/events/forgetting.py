"""What is taken out of the log when a person is forgotten: all that says who they are or where and what they asked.

The events stay where they are, with kind, item, time and value, so that offsets and what is counted of items stay too.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.events.kinds import LINK
from searchrank.events.rewriting import write_draft
from searchrank.events.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from searchrank.events.segment import Segment

__all__ = ["ERASED_COLUMNS", "ERASED_ROOTS", "Forgotten", "erase", "find", "remove_cut"]

ERASED_COLUMNS: Final = ("user_id", "linked_id", "session_id", "query")
ERASED_ROOTS: Final = ("request.", "session.", "user.", "query.")
_WHO: Final = ("kind", "user_id", "linked_id")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was found of a person in the log, and taken out.

    Attributes:
        events: Events that named them.
        linked: Other ids that links said were theirs; events under those stay.
    """

    events: int
    linked: tuple[str, ...]


def find(segments: list[Segment], user_id: str) -> tuple[list[Segment], Forgotten]:
    """Return the segments with events of a person, and what there is of them."""
    user = unicodedata.normalize("NFC", user_id)
    named, events, linked = [], 0, set[str]()
    for segment in segments:
        before = events
        for batch in segment.batches(columns=_WHO):
            mask = _names(batch, user)
            events += int(mask.sum())
            linked |= _linked(batch.filter(pa.array(mask)))
        if events > before:
            named.append(segment)
    return named, Forgotten(events, tuple(sorted(linked - {user})))


def erase(segment: Segment, user_id: str) -> Segment:
    """Replace a sealed segment by one in which nothing is known of a person; nothing of the old file stays.

    Raises:
        DataError: When the segment is damaged.
    """
    seal = Seal.load(segment.path)
    if seal is not None:
        seal.check(segment)
    user = unicodedata.normalize("NFC", user_id)
    draft = write_draft(segment.path.parent, segment.first, segment.schema, _erased(segment, user))
    return draft.swap([segment.path])


def remove_cut(folder: Path) -> int:
    """Remove what was kept of unfinished appends, in which nobody can be found; return how many files."""
    cut = list(folder.glob("*.cut"))
    for path in cut:
        path.unlink()
    return len(cut)


def _erased(segment: Segment, user: str) -> Iterator[pa.RecordBatch]:
    for batch in segment.batches():
        kept = np.where(_names(batch, user), -1, np.arange(batch.num_rows))
        places = pa.array(kept, mask=kept < 0)
        # Taken rather than masked: under a mask the values would still be there.
        columns = [
            batch.column(name).take(places)
            if name in ERASED_COLUMNS or name.startswith(ERASED_ROOTS)
            else batch.column(name)
            for name in batch.schema.names
        ]
        yield pa.record_batch(columns, schema=batch.schema)


def _names(batch: pa.RecordBatch, user: str) -> npt.NDArray[np.bool_]:
    named = np.zeros(batch.num_rows, np.bool_)
    for column in ("user_id", "linked_id"):
        if column in batch.schema.names:
            equal = pc.fill_null(pc.equal(batch.column(column), user), fill_value=False)
            named |= equal.to_numpy(zero_copy_only=False)
    return named


def _linked(events: pa.RecordBatch) -> set[str]:
    if "linked_id" not in events.schema.names:
        return set()
    links = events.filter(pc.equal(events.column("kind"), LINK))
    ids = {*links.column("user_id").to_pylist(), *links.column("linked_id").to_pylist()}
    return {one for one in ids if one is not None}
