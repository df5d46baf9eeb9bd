"""How users are kept outside of a worker: names of keys, and rows that show when they are damaged.

A row is frames one after the other, so that one can be appended: the length of its content in bytes, the xxh3-64 of
the content, the content. The content of a user's row is traces (``searchrank.features.kernels.trace``); that of a
profile is one record, or nothing when the profile was deleted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import xxhash

from searchrank.errors import DataError

__all__ = ["Keys", "framed", "unframed"]

_HEAD: Final = struct.Struct("<qQ")
_MASK: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of keys. All of one project carry its tag, so that a cluster keeps them on one node and reads are atomic.

    Attributes:
        project: Tells projects apart that share a server.
        snapshot: Id of the snapshot after which the rows begin.
    """

    project: str
    snapshot: str

    @property
    def prefix(self) -> str:
        """What every key of this snapshot begins with."""
        return f"{{{self.project}}}:{self.snapshot}:"

    @property
    def offset(self) -> str:
        """Holds the offset up to which the rows are filled."""
        return f"{self.prefix}offset"

    @property
    def snapshots(self) -> str:
        """Holds the ids of all snapshots that have keys."""
        return f"{{{self.project}}}:snapshots"

    def user(self, user: int) -> str:
        """Return the key of what a user left behind since the snapshot."""
        return f"{self.prefix}u:{user & _MASK:016x}"

    def profile(self, user: int) -> str:
        """Return the key of a user's profile, if it was put or deleted since the snapshot."""
        return f"{self.prefix}p:{user & _MASK:016x}"


def framed(content: bytes) -> bytes:
    """Return one frame."""
    return _HEAD.pack(len(content), xxhash.xxh3_64_intdigest(content)) + content


def unframed(row: bytes) -> bytes:
    """Return the contents of a row's frames, one after the other.

    Raises:
        DataError: When the row is damaged.
    """
    contents, place = [], 0
    while place < len(row):
        if place + _HEAD.size > len(row):
            raise DataError(f"a row of {len(row)} bytes ends within a frame")
        length, digest = _HEAD.unpack_from(row, place)
        content = row[place + _HEAD.size : place + _HEAD.size + length]
        if length < 0 or len(content) != length or xxhash.xxh3_64_intdigest(content) != digest:
            raise DataError(f"a row of {len(row)} bytes is damaged at byte {place}")
        contents.append(content)
        place += _HEAD.size + length
    return b"".join(contents)
