"""Which row an int64 key has: open addressing in one array, so that a table is a file that can be mapped."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from searchrank.features.kernels.lookup import find, insert
from searchrank.native import address, compiled

__all__ = ["HashTable"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class HashTable:
    """Keys and their rows, never changed after ``build``; safe to read from any thread.

    Attributes:
        slots: Shape (1 + size, 2); see ``searchrank.features.kernels.lookup``. May be a mapped file.
    """

    slots: Ints
    _address: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_address", address(self.slots))

    @classmethod
    def build(cls, keys: Ints) -> HashTable:
        """Make a table.

        Args:
            keys: Distinct keys, shape (n,); their rows are 0, 1, 2…, the row of every other key is n.
        """
        count = len(keys)
        size = 1 << max(1, (2 * count - 1).bit_length() if count else 1)
        slots = np.full((1 + size, 2), -1, np.int64)
        slots[0] = size - 1, count
        keys = np.ascontiguousarray(keys, np.int64)
        compiled(insert)(count, address(keys), address(slots))
        return cls(slots)

    def rows(self, keys: Ints) -> Ints:
        """Return the row of each key, shape (n,)."""
        keys = np.ascontiguousarray(keys, np.int64)
        out = np.empty(len(keys), np.int64)
        compiled(find)(len(keys), address(keys), self._address, address(out))
        return out
