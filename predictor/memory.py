"""Gives memory back to the system after something large was let go."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

__all__ = ["trim"]


def trim() -> None:
    """Return free pages of the heap; what the C library keeps for later would only grow from release to release."""
    give_back = _malloc_trim()
    if give_back is not None:
        give_back(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Return glibc's function; other C libraries have none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
