"""One place in the supervisor's line: a process that is started again whenever it dies, until the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from searchrank import errors

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Place"]

STOP_SECONDS: Final = 8.0
RENEW_SECONDS: Final = 120.0  # how long the next process may take to be ready
SETTLE_SECONDS: Final = 1.0  # how long callers have, at least, to find it
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 2.0
STEADY_SECONDS: Final = 5.0
MOST_FAILURES: Final = 5  # deaths of a process that was never ready
_logger = logging.getLogger("searchrank.supervisor")


class Place:
    """A command that is kept running. Its process writes a JSON line when ready and ends when its input ends.

    Attributes:
        name: What it is called in the log.
        ready: Set once a process was ready.
        process: What fills the place now.
    """

    def __init__(
        self, name: str, command: Sequence[str], stopping: asyncio.Event, *, patience: float = STOP_SECONDS
    ) -> None:
        """Prepare; nothing is started before ``keep``.

        Args:
            name: What it is called in the log.
            command: What is run.
            stopping: Set when everything is to end.
            patience: Seconds that a process may take to end before it is killed.
        """
        self.name = name
        self.ready = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        self._command = list(command)
        self._stopping = stopping
        self._patience = patience
        self._is_up = asyncio.Event()
        self._leaves = False
        self._refusal: dict[str, str] = {}

    async def keep(self) -> None:
        """Fill the place with a process, and again whenever it dies, until everything stops.

        Raises:
            SearchRankError: When a process that was never ready refuses to start, as its own error, or dies too often.
        """
        pause = FIRST_PAUSE
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._live()
            if self._stopping.is_set():
                return
            failures += not self.ready.is_set()
            if failures and (self._refusal or failures == MOST_FAILURES):
                raise self._error(code, failures)
            if self._leaves:
                self._leaves = False
                continue
            lived = time.monotonic() - began
            pause = FIRST_PAUSE if lived > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)
            _logger.error("%s ended with code %s, next try in %.1f s", self.name, code, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self) -> int:
        """Run one process from its start to its end; return its exit code."""
        self._refusal = {}
        self._is_up.clear()
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, start_new_session=True
        )
        if self._stopping.is_set():  # it was being spawned while the others were told to end
            self.process.terminate()
        output = self.process.stdout
        while output is not None and (line := await output.readline()):
            self._hear(line)
        return await self.process.wait()

    def _hear(self, line: bytes) -> None:
        try:
            told: dict[str, Any] = json.loads(line)
        except ValueError:
            _logger.warning("%s: %s", self.name, line.decode(errors="replace").rstrip())
            return
        if told.get("ready"):
            self.ready.set()
            self._is_up.set()
        self._refusal = {"error": told["error"], "kind": told.get("kind", "")} if told.get("error") else {}

    async def replace(self) -> None:
        """End the process, wait until the next one is ready, and as long again for callers to find it.

        A caller tries an address again after a pause that grows with the time for which nothing answered.

        Raises:
            TimeoutError: When the next one is not ready in time.
        """
        _logger.info("%s is replaced", self.name)
        self._is_up.clear()
        self._leaves = True
        await self.end()
        began = time.monotonic()
        await asyncio.wait_for(self._is_up.wait(), RENEW_SECONDS)
        await asyncio.sleep(max(SETTLE_SECONDS, time.monotonic() - began))

    async def end(self) -> None:
        """Let the process stop, or kill it when it does not."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._patience)
        except TimeoutError:
            _logger.warning("%s did not stop within %.0f s and is killed", self.name, self._patience)
            process.kill()
            await process.wait()

    def _error(self, code: int, failures: int) -> errors.SearchRankError:
        if not self._refusal:
            return errors.SearchRankError(f"{self.name} ended {failures} times (code {code}), see its log")
        kind = self._refusal["kind"]
        refusal: errors.SearchRankError = getattr(errors, kind if kind in errors.__all__ else "SearchRankError")(
            self._refusal["error"]
        )
        return refusal
