"""Compares what requests bring with what the release saw in training, and raises an alarm when a column has left it.

Of every fourth request a few references are kept. When there are sixty-four, a thread of its own measures some rows of
each, all at once: raw inputs, the model's columns by an evaluator of its own, and how far the requests' moments are
from this machine's clock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from predictor.sketch import Sketch
from searchrank.models import read_likenesses
from searchrank.models.profile import RECALLED, SENT

if TYPE_CHECKING:
    from predictor.gathering import Pool
    from predictor.metrics import Metrics
    from predictor.serving import Serving
    from predictor.sketch import Alarm
    from predictor.stages import Asked
    from searchrank.models import Release

__all__ = ["EVERY", "Drift", "Seen", "show"]

EVERY: Final = 4
BATCH: Final = 64
SHOW_SECONDS: Final = 1.0
_logger = logging.getLogger("searchrank.predictor.drift")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A request that was picked.

    Attributes:
        asked: Who asked what, and what was known.
        pool: Its candidates.
        clock: What this machine's clock said, microseconds since 1970 UTC.
    """

    asked: Asked
    pool: Pool
    clock: int


async def show(serving: Serving, metrics: Metrics, *, period: float = SHOW_SECONDS) -> None:
    """Show alarms among the metrics every ``period`` seconds, for ever."""
    while True:
        await asyncio.sleep(period)
        metrics.drifting(serving.alarms())


class Drift:
    """The alarms of one release on one surface; told on the event loop, measured on a thread."""

    def __init__(
        self,
        surface: str,
        release: Release,
        *,
        is_on: bool = True,
        every: int = EVERY,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """Begin with nothing seen; a release that does not know what served rows look like raises no alarm.

        Args:
            surface: Its name, for words.
            release: What its training saw.
            is_on: Whether to look at anything.
            every: One request of so many is picked.
            clock: Returns microseconds since 1970 UTC; None: the machine's clock.
        """
        likenesses = read_likenesses(release.folder) if is_on else {}
        self._sketches = {source: Sketch(surface, release, likeness) for source, likeness in likenesses.items()}
        self._waiting: dict[str, list[Seen]] = {source: [] for source in likenesses}
        self._every = every
        self._clock = clock or (lambda: time.time_ns() // 1_000)
        self._count = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drift")

    @property
    def alarms(self) -> list[Alarm]:
        """What is not as it was in training, now."""
        return [alarm for sketch in self._sketches.values() for alarm in sketch.alarms]

    def saw(self, asked: Asked, pool: Pool, condition: object) -> None:
        """Take note of an answered request; one with a filter is left out, since its caller chose what it brings."""
        self._count += 1
        if self._count % self._every or condition is not None or not len(pool.pairs):
            return
        source = SENT if pool.found.recalled is None else RECALLED
        waiting = self._waiting.get(source)
        if waiting is None:
            return
        waiting.append(Seen(asked, pool, self._clock()))
        if len(waiting) >= BATCH:
            self._waiting[source] = []
            self._thread.submit(self._measure, source, waiting)

    def _measure(self, source: str, seen: list[Seen]) -> None:
        try:
            self._sketches[source].add(seen)
        except Exception:
            _logger.exception("the drift of a release cannot be measured")

    def settle(self) -> None:
        """Return when all full batches are measured."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)
