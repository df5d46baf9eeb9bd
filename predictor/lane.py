"""The choice of the thread.

Short work runs on the event loop, where it costs no hand-over; long work on the one scoring thread of the worker,
first in, first out, so that it never holds up other calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from predictor.overload import Overload
from predictor.priority import step_back

if TYPE_CHECKING:
    from predictor.journey import Deadline

__all__ = ["Lane"]

INLINE_SECONDS: Final = 0.002
_NICE: Final = 10
"""Of the thread: beside it a short request has nine tenths of a core that is short, and begins at once."""
_GRACE_SECONDS: Final = 0.001  # for what ends at its deadline to come back

T = TypeVar("T")


class Lane:
    """Runs work here when it is short, on the worker's one thread when it is long; used on one event loop.

    Attributes:
        overload: Whether the worker keeps up.
        backlog: Seconds of work, by estimate, that wait for the thread or run on it.
    """

    def __init__(self, inline_seconds: float = INLINE_SECONDS) -> None:
        """Start no thread yet.

        Args:
            inline_seconds: Longest work, by estimate, that runs on the loop.
        """
        self.overload = Overload()
        self.backlog = 0.0
        self._inline_seconds = inline_seconds
        self._thread = ThreadPoolExecutor(1, "scoring", step_back, (_NICE,))

    def is_short(self, seconds: float) -> bool:
        """Whether work of this estimate runs on the loop."""
        return seconds <= self._inline_seconds

    async def queue(self, work: Callable[[], T], seconds: float, deadline: Deadline) -> T | None:
        """Run long work after all that was queued before it.

        Args:
            work: Looks at the deadline itself when it begins.
            seconds: How long it takes, by estimate.
            deadline: It is waited for no longer, and not queued when what is before it takes longer.

        Returns:
            What the work gives; None when there is nothing by the deadline.
        """
        if self.backlog > 0 and self.backlog >= deadline.remaining:
            return None
        self.backlog += seconds
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        future.add_done_callback(lambda _: self._ended(seconds))
        done, _ = await asyncio.wait((future,), timeout=max(0.0, deadline.remaining) + _GRACE_SECONDS)
        return future.result() if done else None

    def _ended(self, seconds: float) -> None:
        self.backlog = max(0.0, self.backlog - seconds)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)
