"""Keeps workers running: spawns one process a port, restarts those that die, stops all of them when told to.

This process imports neither grpc nor anything compiled, so it stays small and has nothing to break. It talks
with its workers over pipes: a worker writes a JSON line when it is ready, and stops when its standard input
ends, so that no worker outlives its supervisor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from predictor.place import Place
from predictor.ports import worker_ports
from predictor.stamp import take_stamp
from searchrank import errors
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Commands", "ServeOptions", "Supervisor", "main"]

WATCH_SECONDS: Final = 0.25
_logger = logging.getLogger("searchrank.supervisor")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What to serve and where.

    Attributes:
        home: The workspace's folder.
        host: Address to listen on.
        port: Port of the first worker, the others follow; 0 finds free ones.
        workers: Processes.
        metrics_port: Port of the first worker's metrics, the others follow; 0 means none.
        serving_log: Share of the requests that the serving log keeps, 0 to 1.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 50051
    workers: int = 2
    metrics_port: int = 0
    serving_log: float = 1.0


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
            SearchRankError: When a worker refuses to start; the error is the worker's.
        """
        options = self._options
        workspace = Workspace(options.home).require()
        ports = worker_ports(options.host, options.port, options.workers)
        if options.metrics_port:
            worker_ports(options.host, options.metrics_port, options.workers)
        self._targets = [f"{options.host}:{port}" for port in ports]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        with tempfile.TemporaryDirectory(prefix="searchrank-", ignore_cleanup_errors=True) as folder:
            socket = str(Path(folder, "journal"))  # a socket's path has at most 107 bytes, a workspace's may have more
            command = [*self._commands.journal, "--home", str(options.home), "--socket", socket]
            journal = Place("the journal", command, self._stopping)
            workers = [
                Place(f"worker {k}", self._worker(k, port, socket), self._stopping) for k, port in enumerate(ports)
            ]
            await self._keep(workspace, journal, workers)
        if self._failure is not None:
            raise self._failure

    def _worker(self, index: int, port: int, socket: str) -> list[str]:
        options = self._options
        command = [*self._commands.worker, "--home", str(options.home), "--supervised", "--journal", socket]
        command += ["--host", options.host, "--port", str(port), "--serving-log", str(options.serving_log)]
        if options.metrics_port:
            command += ["--metrics-port", str(options.metrics_port + index)]
        return command

    async def _keep(self, workspace: Workspace, journal: Place, workers: Sequence[Place]) -> None:
        """Run everything until told to stop, the journal until the last worker has ended."""
        places = [journal, *workers]  # the journal first: workers find it when they look
        keeping = [asyncio.create_task(self._fill(place)) for place in places]
        others = [
            asyncio.create_task(self._announce(places, workers)),
            asyncio.create_task(self._build_on_change(workspace)),
        ]
        await self._stopping.wait()
        for task in others:
            task.cancel()
        await asyncio.gather(*(worker.end() for worker in workers))
        await journal.end()
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
    """Run a process to its end, or end it when cancelled; return its exit code."""
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Supervise from the command line; writes one JSON line to standard output when every worker serves."""
    parser = argparse.ArgumentParser(prog="predictor.supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=50051)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--metrics-port", type=int, default=0)
    parser.add_argument("--serving-log", type=float, default=1.0)
    options = ServeOptions(**vars(parser.parse_args(arguments)))
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
