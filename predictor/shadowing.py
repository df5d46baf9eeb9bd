"""Shadow scoring: what another release would have answered, worked out after the answer, off its path.

A sampled share of the answers is asked again of the shadow, the whole pipeline with recall and the arms of the request,
on one thread that steps back for those that answer. While it is busy, what comes is left out: nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from predictor.apart import answer, apart
from predictor.priority import step_back
from searchrank.models.shadowed import ShadowFile
from searchrank.state import EmbeddedStore, UserStore
from searchrank.v1 import ranking_pb2

if TYPE_CHECKING:
    from pathlib import Path

    from predictor.apart import Answer
    from predictor.metrics import Metrics
    from predictor.requests import AnyRequest
    from predictor.surface import ServedSurface

__all__ = ["Shadowing"]

BUSY: Final = "busy"
DEGRADED: Final = "degraded"
FAILED: Final = "failed"
_logger = logging.getLogger("searchrank.predictor")


class Shadowing:
    """Compares answers with those of shadow releases. ``offer`` is called on the event loop."""

    def __init__(self, folder: Path, metrics: Metrics | None = None, store: UserStore | None = None) -> None:
        """Start no thread yet.

        Args:
            folder: Where what is found is written.
            metrics: Where it is counted; None: nowhere.
            store: Where users are found; used by nobody else. None: in the memory of this process.
        """
        self._metrics = metrics
        self._store = store or EmbeddedStore()
        self._file = ShadowFile(folder)
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow", initializer=step_back)
        self._busy = False
        self._missed = 0  # samples left out since the last that was not
        self._known: tuple[ServedSurface, ServedSurface] | None = None

    def offer(self, surface: ServedSurface, request: AnyRequest, given: Answer) -> None:
        """Take a finished answer, if it is sampled and by the live release; returns at once."""
        config, other = surface.config, surface.shadow
        if other is None or random.random() >= config.shadow_share:  # noqa: S311 - a sample
            return
        if given.release.digest != surface.digest or not _is_first(request):
            return
        if self._busy:
            self._missed += 1
            self._count(surface.name, BUSY)
            return
        self._busy = True
        missed, self._missed = self._missed, 0
        now = time.time_ns()
        self._thread.submit(self._take, surface, request, given, now, missed)

    def _take(self, surface: ServedSurface, request: AnyRequest, given: Answer, now: int, missed: int) -> None:
        try:
            self._compare(surface, _at(request, now), given, missed)
        except Exception:
            _logger.exception("what came of a shadow release is lost")
        finally:
            self._busy = False

    def _compare(self, surface: ServedSurface, request: AnyRequest, given: Answer, missed: int) -> None:
        other = surface.shadow
        if other is None:
            return
        live, shadow = ((s.release.name, s.release.version, s.digest) for s in (surface, other))
        found = self._file.of(surface.name, live, shadow)
        for _ in range(missed):
            found.agreement.leave_out(BUSY)
        try:
            would = self._runner.run(answer(self._apart(other), request))
        except Exception as error:  # noqa: BLE001 - a shadow that fails is what one wants to know
            found.problem = f"{type(error).__name__}: {error}"
            result = FAILED
        else:
            result = DEGRADED if given.coverage.degradations or would.coverage.degradations else ""
            if not result:
                result = self._add(found.agreement.add(_listed(given), _listed(would)), surface.name)
        if result in {FAILED, DEGRADED}:
            found.agreement.leave_out(result)
        self._count(surface.name, result)
        self._file.write()

    def _add(self, alike: float, surface: str) -> str:
        if self._metrics is not None:
            self._metrics.shadow_rbo.labels(surface).observe(alike)
        return "same" if alike == 1.0 else "changed"

    def _count(self, surface: str, result: str) -> None:
        if self._metrics is not None:
            self._metrics.shadow.labels(surface, result).inc()

    def _apart(self, other: ServedSurface) -> ServedSurface:
        """Return the shadow for this thread; it is kept until another one is asked."""
        if self._known is None or self._known[0] is not other:
            self._known = other, apart(other, self._store)
        return self._known[1]

    def close(self) -> None:
        """Let the thread end."""
        self._thread.submit(self._end)
        self._thread.shutdown(wait=True)

    def _end(self) -> None:
        self._runner.run(self._store.close())
        self._runner.close()


def _at(request: AnyRequest, now: int) -> AnyRequest:
    """Return a request as of a moment, nanoseconds since 1970 UTC, unless it names one itself."""
    if request.HasField("request_time"):
        return request
    fixed = type(request).FromString(request.SerializeToString())
    fixed.request_time.FromMicroseconds(now // 1_000)
    return fixed


def _is_first(request: AnyRequest) -> bool:
    """Whether a request asks for a ranked list, from its beginning."""
    if isinstance(request, ranking_pb2.SearchRequest):
        return not request.page_token
    return isinstance(request, ranking_pb2.RankRequest)


def _listed(given: Answer) -> Sequence[int] | Sequence[str]:
    """Return what tells the members of a ranked list apart: ids, or positions in the request, where ids may repeat."""
    return list(given.order) if isinstance(given, ranking_pb2.RankResponse) else list(given.ids.strings.values)
