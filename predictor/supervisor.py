"""Keeps workers running: spawns one process a port, replaces those that die or hang, stops all of them when told to.

This process imports neither grpc nor anything compiled, so it stays small and has nothing to break. It talks
with its workers over pipes: a worker writes a JSON line when it is ready and a beat each second, and stops when its
standard input ends, so that no worker outlives its supervisor.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from predictor.place import STOP_SECONDS, Place
from predictor.ports import worker_ports
from predictor.serve_options import ServeOptions
from predictor.stamp import take_stamp
from searchrank import errors
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Commands", "Supervisor", "main"]

WATCH_SECONDS: Final = 0.25
BUILD_SECONDS: Final = 1800.0  # after which a builder hangs
_logger = logging.getLogger("searchrank.supervisor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """What the supervisor runs, each without its options.

    Attributes:
        worker: Answers on one port.
        journal: Appends to the event log.
        builder: Prepares what workers will map.
    """

    worker: Sequence[str] = (sys.executable, "-m", "predictor.worker")
    journal: Sequence[str] = (sys.executable, "-m", "predictor.journal")
    builder: Sequence[str] = (sys.executable, "-m", "predictor.build")


class Supervisor:
    """Runs the workers and the journal of one workspace until SIGTERM, SIGINT or ``stop``."""

    def __init__(
        self,
        options: ServeOptions,
        on_ready: Callable[[Sequence[str], Sequence[int]], None],
        commands: Commands | None = None,
    ) -> None:
        """Prepare; nothing is spawned before ``run``.

        Args:
            options: What to serve and where.
            on_ready: Told once, when everything runs: the workers' addresses (``host:port``) and process ids.
            commands: What to run; None: the predictor's own processes.
        """
        self._commands = commands or Commands()
        self._options = options
        self._on_ready = on_ready
        self._stopping = asyncio.Event()
        self._renew = asyncio.Event()
        self._targets: list[str] = []
        self._failure: errors.SearchRankError | None = None

    def stop(self) -> None:
        """Ask for the end; ``run`` returns once every process has stopped."""
        self._stopping.set()

    async def run(self) -> None:
        """Spawn the journal and the workers and keep them until the end.

        Raises:
            NotFoundError: When the folder holds no project.
            ConflictError: When a port is taken.
            ConfigError: When connections cannot be encrypted as asked.
            SearchRankError: When a worker refuses to start; the error is the worker's.
        """
        options = self._options
        workspace = Workspace(options.home).require()
        if options.tls is not None:
            options.tls.check(server=True)
        ports = worker_ports(options.host, options.port, options.workers)
        if options.metrics_port:
            worker_ports(options.host, options.metrics_port, options.workers)
        self._targets = [f"{options.host}:{port}" for port in ports]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._renew.set)
        with tempfile.TemporaryDirectory(prefix="searchrank-", ignore_cleanup_errors=True) as folder:
            socket = str(Path(folder, "journal"))  # a socket's path has at most 107 bytes, a workspace's may have more
            command = [*self._commands.journal, "--home", str(options.home), "--socket", socket]
            journal = None if options.only else Place("the journal", command, self._stopping)
            patience = STOP_SECONDS + options.drain_seconds
            workers = [
                Place(f"worker {k}", self._worker(k, port, socket), self._stopping, patience=patience)
                for k, port in enumerate(ports)
            ]
            await self._keep(workspace, journal, workers)
        if self._failure is not None:
            raise self._failure

    def _worker(self, index: int, port: int, socket: str) -> list[str]:
        options = self._options
        metrics = options.metrics_port + index if options.metrics_port else 0
        own = replace(options, port=port, workers=1, metrics_port=metrics)
        written = [] if options.only else ["--journal", socket]
        return [*self._commands.worker, *own.arguments(), "--supervised", *written]

    async def _keep(self, workspace: Workspace, journal: Place | None, workers: Sequence[Place]) -> None:
        """Run everything until told to stop, the journal until the last worker has ended."""
        journals = [] if journal is None else [journal]
        places = [*journals, *workers]  # the journal first: workers find it when they look
        keeping = [asyncio.create_task(self._fill(place)) for place in places]
        others = [
            asyncio.create_task(self._announce(places, workers)),
            asyncio.create_task(self._build_on_change(workspace)),
            asyncio.create_task(self._renew_on_demand([*workers, *journals])),
        ]
        await self._stopping.wait()
        for task in others:
            task.cancel()
        await asyncio.gather(*(worker.end() for worker in workers))
        await asyncio.gather(*(one.end() for one in journals))
        await asyncio.gather(*keeping, *others, return_exceptions=True)

    async def _fill(self, place: Place) -> None:
        try:
            await place.keep()
        except errors.SearchRankError as error:
            self._failure = self._failure or error
            self.stop()

    async def _announce(self, places: Sequence[Place], workers: Sequence[Place]) -> None:
        for place in places:
            await place.ready.wait()
        pids = [worker.process.pid for worker in workers if worker.process is not None]
        self._on_ready(self._targets, pids)

    async def _renew_on_demand(self, places: Sequence[Place]) -> None:
        """Replace the processes one after the other whenever SIGHUP asks for it, so that the others go on serving."""
        while True:
            await self._renew.wait()
            self._renew.clear()
            try:
                for place in places:
                    await place.replace()
            except TimeoutError:
                _logger.exception("a replaced process does not serve again; the ones after it stay as they are")

    async def _build_on_change(self, workspace: Workspace) -> None:
        """Prepare what workers will map, in a process of its own, whenever something else is to be served."""
        seen = take_stamp(workspace)
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = take_stamp(workspace)
            if now != seen:
                seen = now
                command = [*self._commands.builder, "--home", str(workspace.root)]
                if await _run(command):
                    _logger.error("the builder failed; workers go on with what they serve")


async def _run(command: Sequence[str]) -> int:
    """Run a process to its end, or end it when cancelled or too slow; return its exit code."""
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    except OSError:
        return os.EX_OSERR
    try:
        return await asyncio.wait_for(process.wait(), BUILD_SECONDS)
    except TimeoutError:
        return os.EX_TEMPFAIL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Supervise from the command line; writes one JSON line to standard output when every worker serves."""
    options = ServeOptions.parse(arguments, "predictor.supervisor")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def tell(**words: Any) -> None:
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()

    async def supervise() -> None:
        await Supervisor(options, lambda targets, pids: tell(ready=True, targets=targets, pids=pids)).run()

    try:
        asyncio.run(supervise())
    except errors.SearchRankError as error:
        tell(error=str(error), kind=type(error).__name__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
