"""Whether a worker keeps up, by how long requests wait before it looks at them.

A queue that comes and goes is no overload, one that stands is: overload begins when the shortest wait of the last
``WINDOW_SECONDS`` (CoDel; Nichols and Jacobson, 2012) is longer than ``TARGET_SECONDS``. From then on ``pressure``
follows each wait, by how far it is from the target and by how fast it grows (PIE, RFC 8033), until it is back at 0. Up
to 1 it says how much less is done for a request, above 1 how many are refused.
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
_DISTANCE: Final = 40.0  # of pressure a second, for each second that the wait is beyond the target
_GROWTH: Final = 12.0  # of pressure, for each second that the wait grew
_PERIOD: Final = 0.02  # seconds between two measurements, besides what they take
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
        last, self.delay = self.delay, delay
        standing = self._standing(delay)
        if not self.pressure:
            if standing <= TARGET_SECONDS:
                return
            last = 0.0
        away = (delay - TARGET_SECONDS) * (delay + _PERIOD)
        self.pressure = max(0.0, min(MOST, self.pressure + _DISTANCE * away + _GROWTH * (delay - last)))

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
            OverloadError: When it could not be answered in time.
        """
        if remaining is None:
            return
        if remaining <= _REPLY_SECONDS:
            raise DeadlineError("it had waited for as long as its caller does when its turn came")
        if self.pressure and remaining < 2 * self.seconds + _REPLY_SECONDS:
            raise self.refusal("too much is asked of this worker, no time was left to answer")

    def is_too_many(self) -> bool:
        """Whether the next request is refused unread; evenly spread, ``pressure - 1`` of all."""
        if self.pressure <= 1:
            return False
        self._refused += self.pressure - 1
        if self._refused < 1:
            return False
        self._refused -= 1
        return True

    def refusal(self, words: str) -> OverloadError:
        """Return the error that says so, and how long to wait before trying again."""
        return OverloadError(words, retry_ms=self._pause())

    def _pause(self) -> int:
        """Return milliseconds that a caller should wait before it tries again."""
        return int(1000 * max(self.delay, TARGET_SECONDS) * (1 + 9 * max(0.0, self.pressure - 1)))
