"""Tags of rows in one form, whatever input holds them: hashes and weights, shape ``(n, width)`` each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.features.text import MISSING_HASH

__all__ = ["Tags"]

Ints = npt.NDArray[np.int64]
_LAST: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Tags:
    """Tags of rows.

    Attributes:
        hashes: Shape ``(n, width)``, the tags of each row by ascending hash, each once; behind them ``MISSING_HASH``.
        weights: Shape ``(n, width)`` float32; positive and finite where there is a tag, 0 elsewhere.
    """

    hashes: Ints
    weights: npt.NDArray[np.float32]

    @classmethod
    def of(cls, cells: npt.NDArray[Any]) -> Tags:
        """Read cells of a category, a list, tokens or a map; a tag without a positive finite weight is none.

        Args:
            cells: Shape ``(n,)``. Members of a list weigh 1, those of a map what it says.
        """
        hashes, weights = _members(cells)
        there = (hashes != MISSING_HASH) & (weights > 0) & np.isfinite(weights)
        key = np.where(there, hashes, _LAST)
        order = np.argsort(key, axis=1, kind="stable")
        key, hashes, weights = (np.take_along_axis(part, order, 1) for part in (key, hashes, weights))
        there = key != _LAST
        there[:, 1:] &= key[:, 1:] != key[:, :-1]
        width = int(np.flatnonzero(there.any(axis=0))[-1]) + 1 if there.any() else 0
        there = there[:, :width]
        return cls(np.where(there, hashes[:, :width], MISSING_HASH), np.where(there, weights[:, :width], np.float32(0)))


def _members(cells: npt.NDArray[Any]) -> tuple[Ints, npt.NDArray[np.float32]]:
    names = cells.dtype.names or ()
    if not names:
        hashes = cells.astype(np.int64)[:, None]
        return hashes, np.ones(hashes.shape, np.float32)
    hashes = cells["keys" if "keys" in names else "values"].astype(np.int64)
    there = np.arange(hashes.shape[1]) < cells["count"][:, None]
    weights = cells["values"] if "keys" in names else np.float32(1)
    return hashes, np.where(there, weights, np.float32(0)).astype(np.float32)
