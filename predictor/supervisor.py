"""Keeps workers running: spawns one process a port, restarts those that die, stops all of them when told to.

This process imports neither grpc nor anything compiled, so it stays small and has nothing to break. It talks
with its workers over pipes: a worker writes a JSON line when it is ready, and stops when its standard input
ends, so that no worker outlives its supervisor.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from predictor.ports import worker_ports
from predictor.stamp import take_stamp
from searchrank import errors
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ServeOptions", "Supervisor", "main"]

WORKER: Final = (sys.executable, "-m", "predictor.worker")
BUILDER: Final = (sys.executable, "-m", "predictor.build")
STOP_SECONDS: Final = 8.0
WATCH_SECONDS: Final = 0.25
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 10.0
STEADY_SECONDS: Final = 30.0
MOST_FAILURES: Final = 5  # deaths of a worker that never served
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


@dataclass(slots=True)
class _Worker:
    """One place in the line, whatever process fills it at the moment."""

    index: int
    port: int
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    refusal: str = ""
    refusal_kind: str = ""


class Supervisor:
    """Runs the workers of one workspace until SIGTERM, SIGINT or ``stop``."""

    def __init__(
        self,
        options: ServeOptions,
        on_ready: Callable[[Sequence[str], Sequence[int]], None],
        *,
        worker: Sequence[str] = WORKER,
        builder: Sequence[str] = BUILDER,
    ) -> None:
        """Prepare; nothing is spawned before ``run``.

        Args:
            options: What to serve and where.
            on_ready: Told once, when every worker serves: their addresses (``host:port``) and process ids.
            worker: Command of a worker, without its options.
            builder: Command of the builder, without its options.
        """
        self._worker = list(worker)
        self._builder = list(builder)
        self._options = options
        self._on_ready = on_ready
        self._stopping = asyncio.Event()
        self._failure: errors.SearchRankError | None = None

    def stop(self) -> None:
        """Ask for the end; ``run`` returns once every worker has stopped."""
        self._stopping.set()

    async def run(self) -> None:
        """Spawn the workers and keep them until the end.

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
        workers = [_Worker(index, port) for index, port in enumerate(ports)]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        keeping = [asyncio.create_task(self._keep(worker)) for worker in workers]
        others = [asyncio.create_task(self._announce(workers)), asyncio.create_task(self._build_on_change(workspace))]
        await self._stopping.wait()
        for task in others:
            task.cancel()
        await asyncio.gather(*(self._end(worker) for worker in workers))
        await asyncio.gather(*keeping, *others, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    async def _announce(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            await worker.ready.wait()
        pids = [worker.process.pid for worker in workers if worker.process is not None]
        self._on_ready([f"{self._options.host}:{worker.port}" for worker in workers], pids)

    async def _keep(self, worker: _Worker) -> None:
        """Fill one place with a process, and again whenever it dies."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._live(worker)
            if self._stopping.is_set():
                return
            worker.failures += not worker.ready.is_set()
            if worker.failures and (worker.refusal or worker.failures == MOST_FAILURES):
                self._failure = _as_error(worker, code)
                self.stop()
                return
            lived = time.monotonic() - began
            pause = FIRST_PAUSE if lived > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)
            _logger.error("worker %d ended with code %s, next try in %.1f s", worker.index, code, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self, worker: _Worker) -> int:
        """Run one process from its start to its end; return its exit code."""
        options = self._options
        command = [*self._worker, "--home", str(options.home), "--supervised"]
        command += ["--host", options.host, "--port", str(worker.port), "--serving-log", str(options.serving_log)]
        if options.metrics_port:
            command += ["--metrics-port", str(options.metrics_port + worker.index)]
        worker.refusal = worker.refusal_kind = ""
        pipe = asyncio.subprocess.PIPE
        worker.process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
        if self._stopping.is_set():  # it was being spawned while the others were told to end
            worker.process.terminate()
        output = worker.process.stdout
        while output is not None and (line := await output.readline()):
            self._hear(worker, line)
        return await worker.process.wait()

    def _hear(self, worker: _Worker, line: bytes) -> None:
        try:
            told: dict[str, Any] = json.loads(line)
        except ValueError:
            _logger.warning("worker %d: %s", worker.index, line.decode(errors="replace").rstrip())
            return
        if told.get("ready"):
            worker.ready.set()
        worker.refusal, worker.refusal_kind = told.get("error", ""), told.get("kind", "")

    async def _end(self, worker: _Worker) -> None:
        process = worker.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            _logger.warning("worker %d did not stop within %.0f s and is killed", worker.index, STOP_SECONDS)
            process.kill()
            await process.wait()

    async def _build_on_change(self, workspace: Workspace) -> None:
        """Prepare what workers will map, in a process of its own, whenever something else is to be served."""
        seen = take_stamp(workspace)
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = take_stamp(workspace)
            if now != seen:
                seen = now
                command = [*self._builder, "--home", str(workspace.root)]
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


def _as_error(worker: _Worker, code: int) -> errors.SearchRankError:
    if not worker.refusal:
        return errors.SearchRankError(f"worker {worker.index} ended {worker.failures} times (code {code}), see its log")
    kind = worker.refusal_kind if worker.refusal_kind in errors.__all__ else "SearchRankError"
    refusal: errors.SearchRankError = getattr(errors, kind)(worker.refusal)
    return refusal


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
