"""One number for all features of an answer, so that a recomputation can be proved equal without storing them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

__all__ = ["DIGEST_BLOCK", "FeaturesDigest"]

DIGEST_BLOCK: Final = 1_024
"""Candidates of one answer whose features are computed, scored and digested together."""


class FeaturesDigest:
    """xxh3-64 of the float32 features that a scorer read: block after block of candidates, in each column by column.

    Example:
        >>> whole = FeaturesDigest()
        >>> whole.add(np.zeros((3, 200), np.float32))
        >>> whole.value
        -7073888784339914844
    """

    __slots__ = ("_hash",)

    def __init__(self) -> None:
        self._hash = xxhash.xxh3_64()

    def add(self, columns: npt.NDArray[np.float32]) -> None:
        """Take in the next block, shape ``(f, n)`` with n at most ``DIGEST_BLOCK``; only the last may be shorter."""
        self._hash.update(np.ascontiguousarray(columns, "<f4").data)

    @property
    def value(self) -> int:
        """The signed 64-bit digest of the blocks so far."""
        number = self._hash.intdigest()
        return number - (1 << 64) if number >> 63 else number
