"""One number for all features of an answer, so that a recomputation can be proved equal without storing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

__all__ = ["DIGEST_BLOCK", "FeaturesDigest", "item_digests"]

DIGEST_BLOCK: Final = 1_024
"""Candidates of one answer whose features are computed, scored and digested together."""
_SEED: Final = np.uint64(0x9E3779B97F4A7C15)
_FACTOR: Final = np.uint64(0xD6E8FEB86659FD93)
_SHIFT: Final = np.uint64(32)


def item_digests(columns: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return one number for the bits of each item's own features, worked out once for an item.

    Args:
        columns: Shape ``(f, items)``, those that depend on the item alone.

    Returns:
        Shape ``(items,)``.

    Example:
        >>> item_digests(np.array([[1.0, 2.0]], np.float32)).tolist()
        [5191862388181054042, 3707496417695149398]
    """
    digests = np.full(columns.shape[1], _SEED)
    for bits in np.ascontiguousarray(columns, "<f4").view("<u4"):
        digests ^= bits
        digests *= _FACTOR  # a step is a bijection: two items that differ in one feature never meet
        digests ^= digests >> _SHIFT
    return digests.view(np.int64)


class FeaturesDigest:
    """xxh3-64 of the float32 features that a scorer read, block after block of candidates.

    Of a block it takes the columns that depend on the request, one after the other, and then the ``item_digests`` of
    its candidates. Earlier logs hold that of all columns, as if none depended on the item alone.

    Example:
        >>> whole = FeaturesDigest()
        >>> whole.add(np.zeros((3, 200), np.float32))
        >>> whole.value
        -7073888784339914844
    """

    __slots__ = ("_hash", "_item_only")

    def __init__(self, item_only: Sequence[int] = ()) -> None:
        """Begin.

        Args:
            item_only: Numbers of the columns that depend on the item alone, as ``Plan.item_only``.
        """
        self._hash = xxhash.xxh3_64()
        self._item_only = list(item_only)

    def add(self, columns: npt.NDArray[np.float32]) -> None:
        """Take in the next block, shape ``(f, n)`` with n at most ``DIGEST_BLOCK``; only the last may be shorter."""
        digests = item_digests(columns[self._item_only])
        self.add_parts(np.delete(columns, self._item_only, axis=0), digests)

    def add_parts(self, columns: npt.NDArray[np.float32], items: npt.NDArray[np.int64]) -> None:
        """Take in the next block as a server has it.

        Args:
            columns: Shape ``(others, n)``, the columns that depend on the request.
            items: Shape ``(n,)``, each candidate's ``item_digests``.
        """
        self._hash.update(np.ascontiguousarray(columns, "<f4").data)
        if self._item_only:
            self._hash.update(np.ascontiguousarray(items, "<i8").data)

    @property
    def value(self) -> int:
        """The signed 64-bit digest of the blocks so far."""
        number = self._hash.intdigest()
        return number - (1 << 64) if number >> 63 else number
