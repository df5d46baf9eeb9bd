"""Keeps requests from waiting for a server that does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Circuit"]


class Circuit:
    """Open after some failures in a row, until a probe succeeds; probes come less and less often.

    Attributes:
        reason: What failed last, in words.
    """

    def __init__(
        self,
        *,
        failures: int = 3,
        least: float = 0.1,
        most: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin closed.

        Args:
            failures: In a row that open it.
            least: Seconds to the first probe.
            most: Seconds between probes in the end; each interval is twice the one before.
            clock: Gives seconds.
        """
        self.reason = ""
        self._failures = failures
        self._least, self._most = least, most
        self._clock = clock
        self._failed = 0
        self._pause = least
        self._probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether requests should not be tried."""
        return self._failed >= self._failures

    def take_probe(self) -> bool:
        """Return whether it is time to probe; says so once in each interval."""
        now = self._clock()
        if not self.is_open or now < self._probe_at:
            return False
        self._pause = min(2 * self._pause, self._most)
        self._probe_at = now + self._pause
        return True

    def succeed(self) -> None:
        """Note an answer."""
        self._failed = 0
        self._pause = self._least

    def fail(self, reason: str) -> None:
        """Note that there was none."""
        self.reason = reason
        self._failed += 1
        if self._failed == self._failures:
            self._probe_at = self._clock() + self._pause
