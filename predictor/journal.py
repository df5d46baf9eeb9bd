"""The journal: the one process that appends to the event log of a running service.

It listens on a Unix socket, takes parts from workers and commits them in groups: what arrives while one flush to disk
runs goes down with the next. It imports neither grpc nor a compiler, so that it is back at once after a death.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import pyarrow as pa
import uvloop

from predictor.committing import Committer
from predictor.journal_wire import Refused, Written, answer, read_frame, unpack, write_frame
from predictor.lean import keep_lean
from predictor.supervised import stop_on, tell
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    Results = Sequence[Written | Refused]

__all__ = ["Journal", "main"]

_logger = logging.getLogger("searchrank.journal")


class Journal:
    """Takes frames from any number of connections and commits them in groups, on a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._committer = Committer(folder)
        self._thread = ThreadPoolExecutor(1, "commit")
        self._waiting: list[tuple[list[pa.RecordBatch], asyncio.Future[Results]]] = []
        self._awake = asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()

    async def run(self, socket: Path, stopping: asyncio.Event) -> None:
        """Listen until told to stop; what has arrived by then is committed and answered.

        Args:
            socket: Path to listen at; whatever is there is replaced.
            stopping: Set when it is time to end.
        """
        began = perf_counter()
        loop = asyncio.get_running_loop()
        socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._talk, socket)
        if problem := await loop.run_in_executor(self._thread, self._committer.open):
            _logger.error("%s", problem)
        committing = asyncio.create_task(self._commit_groups(stopping))
        tell(ready=True, pid=os.getpid(), seconds=round(perf_counter() - began, 3))
        await stopping.wait()
        server.close()
        self._awake.set()
        await committing
        await loop.run_in_executor(self._thread, self._committer.close)
        self._thread.shutdown()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        socket.unlink(missing_ok=True)

    async def _commit_groups(self, stopping: asyncio.Event) -> None:
        while self._waiting or not stopping.is_set():
            await self._awake.wait()
            self._awake.clear()
            group, self._waiting = self._waiting, []
            parts = [part for frame, _ in group for part in frame]
            results = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, parts)
            start = 0
            for frame, answered in group:
                if not answered.done():
                    answered.set_result(results[start : start + len(frame)])
                start += len(frame)

    def _commit(self, parts: Sequence[pa.RecordBatch]) -> Results:
        try:
            return self._committer.commit(parts)
        except Exception as error:
            _logger.exception("a group of %d parts failed", len(parts))
            self._committer.close()
            return [Refused(f"the event log cannot be written: {error!r}", "")] * len(parts)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, frame by frame, until it ends or sends what is no frame."""
        talk = asyncio.current_task()
        if talk is not None:
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)
        try:
            while True:
                parts = unpack(await read_frame(reader))
                answered: asyncio.Future[Results] = asyncio.get_running_loop().create_future()
                self._waiting.append((parts, answered))
                self._awake.set()
                await write_frame(writer, answer(await answered))
        except (OSError, EOFError):
            pass  # the worker ended, or begins again on another connection
        except pa.ArrowInvalid:
            _logger.exception("a connection sent what is no frame and is closed")
        finally:
            writer.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep the journal of a workspace until told to stop; writes a JSON line when it listens."""
    parser = argparse.ArgumentParser(prog="predictor.journal")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True, help="at most 100 bytes")
    options = parser.parse_args(arguments)
    keep_lean()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    uvloop.run(_run(Journal(Workspace(options.home).events), options.socket))
    return 0


async def _run(journal: Journal, socket: Path) -> None:
    stopping = asyncio.Event()
    stop_on(stopping, supervised=True)
    supervisor = os.getppid()
    await journal.run(socket, stopping)
    for _ in range(20):  # of one that is killed, the pipe ends a little before its children get another parent
        if os.getppid() != supervisor:
            break
        await asyncio.sleep(0.01)
    if os.getppid() != supervisor:  # it was killed and cannot clear its folder away
        with contextlib.suppress(OSError):
            socket.parent.rmdir()


if __name__ == "__main__":
    sys.exit(main())
