"""Follows ledger, snapshot pointer and experiments, and takes what they name into service while requests go on."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from predictor.stamp import take_stamp

if TYPE_CHECKING:
    from predictor.metrics import Metrics
    from predictor.serving import Loaded, Serving

__all__ = ["WATCH_SECONDS", "note", "watch"]

WATCH_SECONDS: Final = 0.1
_logger = logging.getLogger("searchrank.predictor")


async def watch(serving: Serving, metrics: Metrics, *, period: float = WATCH_SECONDS) -> None:
    """Look every ``period`` seconds, for ever; loading happens on a thread, the swap is one assignment.

    A release or snapshot that is refused is logged and counted; what serves goes on serving.
    """
    while True:
        await asyncio.sleep(period)
        if take_stamp(serving.workspace) == serving.stamp:
            continue
        try:
            note(metrics, serving, await serving.load_aside())
        except Exception:
            metrics.loads.labels("refused").inc()
            _logger.exception("refused, what was serving goes on serving")


def note(metrics: Metrics, serving: Serving, loaded: Loaded) -> None:
    """Count and log what became of a load."""
    metrics.keep(serving.loader.held)
    for name, error in loaded.refused.items():
        metrics.loads.labels("refused").inc()
        _logger.error("surface %s: refused, what was serving goes on serving: %s", name, error)
    for name, error in loaded.shadows_refused.items():
        metrics.loads.labels("refused").inc()
        _logger.error("surface %s: its shadow is not asked: %s", name, error)
    if loaded.experiments_refused is not None:
        metrics.experiments.labels("refused").inc()
        _logger.error("experiments: refused, what was tried goes on being tried: %s", loaded.experiments_refused)
    elif loaded.experiments_taken:
        metrics.experiments.labels("taken").inc()
        _logger.info("now trying %s", loaded.experiments_taken)
    if loaded.taken:
        metrics.loads.labels("taken").inc(len(loaded.taken))
        metrics.live.clear()
        for surface in serving.served():
            metrics.live.labels(surface.name, surface.release_name, surface.snapshot.manifest.id).set(1)
            if surface.cache is not None:
                metrics.cache_entries.labels(surface.name).set_function(partial(serving.cached, surface.name))
        _logger.info("now serving %s", serving.summary())
