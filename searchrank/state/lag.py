"""Tells a store that is a moment behind the log, as it always is, from one that nobody brings up to date."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Lag"]


class Lag:
    """Remembers to which offset the log had come some seconds ago; a store should know that much by now."""

    def __init__(self, *, seconds: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without an expectation; the first offset that is noted is expected at once.

        Args:
            seconds: How far behind a store may be; it is noticed after at most twice that.
            clock: Gives seconds.
        """
        self._seconds = seconds
        self._clock = clock
        self._expected = -1
        self._noted = 0
        self._noted_at = 0.0

    def of(self, offset: int, *, end: int) -> int:
        """Return how many events a store lacks that it should know; 0: it is as new as can be expected.

        Args:
            offset: To which it has come.
            end: To which the log has come, as far as is known here.
        """
        now = self._clock()
        if self._expected < 0:
            self._expected, self._noted, self._noted_at = end, end, now
        elif now - self._noted_at >= self._seconds:
            self._expected, self._noted, self._noted_at = self._noted, end, now
        return max(0, self._expected - offset)
