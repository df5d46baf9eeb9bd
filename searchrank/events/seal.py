"""What is known of a segment that no longer grows, in a file beside it, so that opening a log reads no events.

A seal holds where the batches lie, a checksum of each, the hashes of the event ids, and the last arrival. It follows
from the segment and can be made again; one that belongs to another file, or is damaged, is as good as none.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from searchrank.errors import DataError
from searchrank.events.identity import hash_ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from searchrank.events.segment import Segment

__all__ = ["NEVER", "Seal", "checksum", "last_arrival", "seal_path"]

Ints = npt.NDArray[np.int64]

NEVER: Final = -(1 << 63)
"""Last arrival of a log without events."""

_PARTS: Final = ("positions", "starts", "sums", "ids")


def seal_path(segment: Path) -> Path:
    """Return where a segment's seal lies."""
    return segment.with_suffix(".seal")


@dataclass(frozen=True, slots=True, eq=False)
class Seal:
    """What is known of one sealed segment.

    Attributes:
        token: The segment's token.
        size: Bytes up to the end of its last batch.
        file_size: Bytes of the file.
        rows: Its events.
        last_arrival: Greatest arrival time, microseconds since 1970 UTC; ``NEVER`` when there are no events.
        columns: Of the batches: ``positions`` (first byte), ``starts`` (first row) and ``sums`` (xxh3-64 of the
            message), int64 (b,) each; and ``ids``, the sorted hashes of the event ids, int64 (rows,).
    """

    token: str
    size: int
    file_size: int
    rows: int
    last_arrival: int
    columns: dict[str, Ints]

    @classmethod
    def of(cls, segment: Segment) -> Self:
        """Read a segment and say what is to be known of it."""
        ids, last = [np.empty(0, np.int64)], NEVER
        for batch in segment.batches(columns=("event_id", "arrival_time")):
            ids.append(hash_ids(batch.column("event_id")))
            last = max(last, last_arrival(batch.column("arrival_time")))
        extents = segment.extents
        columns = {
            "positions": np.array([first for first, _ in extents], np.int64),
            "starts": np.array(segment.starts, np.int64),
            "sums": _sums(segment),
            "ids": np.sort(np.concatenate(ids)),
        }
        return cls(segment.token, segment.size, segment.path.stat().st_size, segment.rows, last, columns)

    @classmethod
    def load(cls, segment: Path, columns: Sequence[str] = _PARTS) -> Self | None:
        """Read the seal beside a segment; None when there is none or it is damaged.

        Args:
            segment: The segment's file.
            columns: The columns that matter.
        """
        try:
            with seal_path(segment).open("rb") as file, np.load(file) as stored:
                size, file_size, rows, last = stored["numbers"].tolist()
                token = stored["token"].tobytes().decode("ascii")
                return cls(token, size, file_size, rows, last, {name: stored[name] for name in columns})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, segment: Path) -> None:
        """Write it beside a segment, whole or not at all."""
        path = seal_path(segment)
        draft = path.with_suffix(".seal-draft")
        numbers = np.array([self.size, self.file_size, self.rows, self.last_arrival], np.int64)
        with draft.open("wb") as file:
            token = np.frombuffer(self.token.encode(), np.uint8)
            np.savez(file, allow_pickle=False, numbers=numbers, token=token, **self.columns)
        draft.replace(path)

    def fits(self, token: str, file_size: int) -> bool:
        """Return whether it is of the file with this token and size."""
        return (self.token, self.file_size) == (token, file_size)

    def check(self, segment: Segment) -> bool:
        """Compare the checksum of every batch.

        Returns:
            Whether this is a seal of that file, so that there was something to compare.

        Raises:
            DataError: When one differs: the file was changed after it was sealed.
        """
        if not self.fits(segment.token, segment.path.stat().st_size):
            return False
        wrong = np.flatnonzero(_sums(segment) != self.columns["sums"])
        if len(wrong):
            first, end = segment.extents[int(wrong[0])]
            offset = segment.first + int(self.columns["starts"][wrong[0]])
            raise DataError(
                f"the event log is damaged: bytes {first} to {end} of {segment.path} (events from offset {offset}) "
                f"are not what was written, {len(wrong)} such places in this file; restore it from a copy"
            )
        return True


def checksum(message: pa.Buffer | memoryview) -> int:
    """Return xxh3-64 of a batch as it is written, as a signed number."""
    return int.from_bytes(xxhash.xxh3_64_digest(message), "big", signed=True)


def last_arrival(times: pa.Array | pa.ChunkedArray) -> int:
    """Return the greatest of some arrival times, microseconds since 1970 UTC; ``NEVER`` when there are none."""
    last = pc.max(times.cast(pa.int64())).as_py()
    return NEVER if last is None else int(last)


def _sums(segment: Segment) -> Ints:
    with pa.memory_map(str(segment.path)) as source:
        buffer = source.read_buffer()
        view = memoryview(buffer)
        sums = [checksum(view[first:end]) for first, end in segment.extents]
    return np.array(sums, np.int64)
