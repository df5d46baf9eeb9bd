"""Keeps a worker's state as new as the event log, beside the requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from searchrank.errors import SearchRankError

if TYPE_CHECKING:
    from predictor.metrics import Metrics
    from predictor.serving import Serving

__all__ = ["FOLLOW_SECONDS", "Follower"]

FOLLOW_SECONDS: Final = 0.025
"""A quarter of the time that an event may take to be seen; each look costs the loop its turn at the interpreter."""
TIDY_SECONDS: Final = 1.0
_logger = logging.getLogger("searchrank.predictor")


class Follower:
    """Two threads: one takes in what the log tells, the other tidies up what the first has made.

    What cannot be read is logged once and counted; requests go on with what was known before.
    """

    def __init__(self, serving: Serving, metrics: Metrics, *, period: float = FOLLOW_SECONDS) -> None:
        """Start following.

        Args:
            serving: Whose surfaces are kept new.
            metrics: Where offset and failures are told.
            period: Seconds from the end of one look at the log to the next.
        """
        self._serving = serving
        self._metrics = metrics
        self._stopping = threading.Event()
        self._said = ""
        jobs = ((self._follow, period), (serving.tidy, TIDY_SECONDS))
        self._threads = [threading.Thread(target=self._repeat, args=job, name="follower", daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()

    def _follow(self) -> None:
        self._metrics.offset.set(self._serving.follow())

    def _repeat(self, job: Callable[[], object], period: float) -> None:
        while not self._stopping.wait(period):
            try:
                job()
            except SearchRankError as error:
                self._note(str(error))
            except Exception:
                self._note("the log cannot be followed")
                _logger.exception("the log cannot be followed")

    def _note(self, words: str) -> None:
        self._metrics.follow_failures.inc()
        if words != self._said:
            self._said = words
            _logger.error("requests go on with what was known before: %s", words)

    def stop(self) -> None:
        """Stop following; returns when both threads have ended."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
