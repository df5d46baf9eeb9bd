"""Whether a worker keeps up, by how long requests wait before it looks at them.

A queue that comes and goes is no overload, one that stands is: what counts is the shortest wait of the last
``WINDOW_SECONDS`` (CoDel; Nichols and Jacobson, 2012). ``pressure`` rises while it is longer than
``TARGET_SECONDS``, the faster the longer, and falls slowly while it is less than half of that. Up to 1 it says how much
less is done for a request, above 1 how many are refused.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from searchrank.errors import DeadlineError, OverloadError

__all__ = ["Overload"]

TARGET_SECONDS: Final = 0.02
WINDOW_SECONDS: Final = 0.2
MOST: Final = 1.9
"""Pressure at which nine in ten requests are refused; some are let in, or nobody would see it end."""
_RISE: Final = 0.1
_STEEPEST: Final = 12.0
_PERIOD: Final = 0.02  # seconds between two measurements, besides what they take
_EXPIRED: Final = 0.02  # of pressure, for a request that waited in vain
_FALL: Final = 0.02
_WEIGHT: Final = 0.05  # of a new measurement in the running estimate
_REPLY_SECONDS: Final = 0.002  # an answer takes to reach the caller


class Overload:
    """The state of one worker; used on its event loop.

    Attributes:
        pressure: 0: it keeps up; 1: as little as possible is done for a request; up to ``MOST``: some are refused.
        delay: Seconds that a request waited when it was last measured.
        seconds: What a request takes in here, a running estimate.
    """

    def __init__(self) -> None:
        self.pressure = 0.0
        self.delay = 0.0
        self.seconds = 0.0
        self._recent: deque[float] = deque()
        self._refused = 0.0  # parts of a request that were refused beyond whole ones

    def note(self, delay: float) -> None:
        """Take a measurement of the wait into account, made some 50 times a second under load."""
        self.delay = delay
        standing = self._standing(delay)
        if standing > TARGET_SECONDS:
            self.pressure = min(MOST, self.pressure + _RISE * min(standing / TARGET_SECONDS - 1, _STEEPEST))
        elif standing < TARGET_SECONDS / 2:
            self.pressure = max(0.0, self.pressure - _FALL)

    def _standing(self, delay: float) -> float:
        """Return the shortest wait of the window, this one included; 0 until the window is full."""
        recent = self._recent
        recent.append(delay)
        covered = sum(recent) + _PERIOD * len(recent)
        while covered - recent[0] - _PERIOD >= WINDOW_SECONDS:
            covered -= recent.popleft() + _PERIOD
        return min(recent) if covered >= WINDOW_SECONDS else 0.0

    def served(self, seconds: float) -> None:
        """Note what a request took in here."""
        self.seconds += _WEIGHT * (seconds - self.seconds)

    def admit(self, remaining: float | None) -> None:
        """Let a request in, or refuse it before anything is done for it.

        Args:
            remaining: Seconds that its caller still waits; None: it did not say.

        Raises:
            DeadlineError: When the caller waits no longer.
            OverloadError: When it could not be answered in time, or others could not if it were.
        """
        if remaining is not None and remaining <= 0:
            self.pressure = min(MOST, self.pressure + _EXPIRED)
            raise DeadlineError("it had waited for longer than its caller does when its turn came")
        if not self.pressure:
            return
        if remaining is not None and remaining < 2 * self.seconds + _REPLY_SECONDS:
            raise OverloadError("too much is asked of this worker, no time was left to answer", retry_ms=self._pause())
        if self.pressure > 1 and self._is_unlucky():
            raise OverloadError("too much is asked of this worker; try again later", retry_ms=self._pause())

    def _is_unlucky(self) -> bool:
        """Whether this one is refused; evenly spread, ``pressure - 1`` of all."""
        self._refused += self.pressure - 1
        if self._refused < 1:
            return False
        self._refused -= 1
        return True

    def _pause(self) -> int:
        """Return milliseconds that a caller should wait before it tries again."""
        return int(1000 * max(self.delay, TARGET_SECONDS) * (1 + 9 * max(0.0, self.pressure - 1)))
