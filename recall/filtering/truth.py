"""Truth of three values, one byte each: the least of them is ``and``, the largest ``or`` (Kleene)."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["NO", "UNKNOWN", "YES", "Truths", "truths_of"]

NO: Final = np.uint8(0)
UNKNOWN: Final = np.uint8(1)
YES: Final = np.uint8(2)
Truths: TypeAlias = npt.NDArray[np.uint8]


def truths_of(values: npt.NDArray[np.floating]) -> Truths:
    """Return what numbers say, shape ``(n,)``: 0 is false, NaN unknown, all else true."""
    found = np.where(values != 0, YES, NO).astype(np.uint8)  # NaN differs from 0
    found[np.isnan(values)] = UNKNOWN
    return found
