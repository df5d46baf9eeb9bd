"""One serving process: loads what is live, answers on one port, follows changes, stops without losing a request."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import sys
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

import uvloop

from predictor.drift import show
from predictor.follower import Follower
from predictor.journal_link import JournalLink
from predictor.lean import keep_lean
from predictor.log_lines import set_up_log
from predictor.metrics import Metrics
from predictor.recording import open_log
from predictor.serve_options import ServeOptions
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.shadowing import Shadowing
from predictor.supervised import stop_on, tell
from predictor.trace_settings import open_tracer
from predictor.warming import warm
from predictor.watch import note, watch
from searchrank.errors import SearchRankError
from searchrank.project import Project
from searchrank.state import open_store
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXIT_REFUSED", "main"]

EXIT_REFUSED: Final = 78
BUILDER_SECONDS: Final = 120.0  # how long a worker leaves a large item block to the supervisor's builder
SWITCH_SECONDS: Final = 0.0001  # how long a loading thread may keep the interpreter from the event loop
_logger = logging.getLogger("searchrank.predictor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; writes a JSON line when ready, or one with the error that kept it from starting."""
    options = _options(arguments)
    keep_lean()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        set_up_log(options.serve.log_format)
        uvloop.run(_serve(options.serve, options.journal, supervised=options.supervised))
    except SearchRankError as error:
        tell(error=str(error), kind=type(error).__name__)
        _logger.error("cannot serve: %s", error)  # noqa: TRY400 - its words say all
        return EXIT_REFUSED
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return ``serve``, what to serve and where, ``journal`` and ``supervised``."""
    parser = argparse.ArgumentParser(prog="predictor.worker")
    parser.add_argument("--journal", type=Path, help="socket of the journal; without it nothing can be written")
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")
    found, rest = parser.parse_known_args(arguments)
    found.serve = ServeOptions.parse(rest, "predictor.worker")
    return found


async def _serve(options: ServeOptions, journal: Path | None, *, supervised: bool) -> None:
    began = perf_counter()
    stopping = asyncio.Event()
    stop_on(stopping, supervised=supervised)
    metrics = Metrics()
    tracer = open_tracer(Project.load(Workspace(options.home)).tracing, metrics)
    store = open_store(options.store)
    serving = Serving(Workspace(options.home), store)
    serving.shadowing = Shadowing(serving.workspace.shadow, metrics, open_store(options.store))
    serving.loader.looked_up = metrics.looked_up
    serving.loader.warm = partial(warm, recent=serving.recent)
    note(metrics, serving, await serving.load_aside())
    serving.loader.patience = BUILDER_SECONDS if supervised else 0.0
    metrics.watch(serving.lane.overload)
    if options.metrics_port:
        metrics.serve(options.metrics_port, options.host)
    await store.ready()
    log = open_log(serving.workspace, metrics, 0.0 if options.only else options.serving_log)
    link = JournalLink(journal)
    age = options.max_connection_age
    record = log.offer if log else None
    only = bool(options.only)
    server = RankingServer(serving, metrics, record, link, max_connection_age=age, tracer=tracer, only_recall=only)
    port = await server.start(options.host, options.port, options.tls)
    gc.collect()
    gc.freeze()
    follower = Follower(serving, metrics)
    background = [asyncio.create_task(part) for part in (watch(serving, metrics), show(serving, metrics), link.run())]
    tell(ready=True, port=port, pid=os.getpid(), seconds=round(perf_counter() - began, 3))
    _logger.info("serving %s on %s:%d", serving.summary(), options.host, port)
    await stopping.wait()
    await server.stop(drain=options.drain_seconds)
    for task in background:
        task.cancel()
    follower.stop()
    if log is not None:
        log.close()
    serving.close()
    await store.close()
    if tracer is not None:
        tracer.close()


if __name__ == "__main__":
    sys.exit(main())
