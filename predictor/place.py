"""One place in the supervisor's line: a process that is started again whenever it dies or hangs, until the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
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
SILENT_SECONDS: Final = 5.5  # five beats
LOOKS: Final = 5  # in that time
START_SECONDS: Final = 900.0  # after which one that is still not ready hangs
_logger = logging.getLogger("searchrank.supervisor")


class Place:
    """A command that is kept running. Its process writes a JSON line when ready, then a line at each beat.

    It ends when its input ends. One that is ready and misses beats hangs; it is killed, and another takes its place.

    Attributes:
        name: What it is called in the log.
        ready: Set once a process was ready.
        process: What fills the place now.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        stopping: asyncio.Event,
        *,
        patience: float = STOP_SECONDS,
        silence: float = SILENT_SECONDS,
    ) -> None:
        """Prepare; nothing is started before ``keep``.

        Args:
            name: What it is called in the log.
            command: What is run.
            stopping: Set when everything is to end.
            patience: Seconds that a process may take to end before it is killed.
            silence: Seconds without a beat after which a process that was ready is killed.
        """
        self.name = name
        self.ready = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        self._command = list(command)
        self._stopping = stopping
        self._patience = patience
        self._silence = silence
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
        try:
            self.process = process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, start_new_session=True
            )
        except OSError as error:  # no memory, no process, no file: perhaps later
            _logger.error("%s cannot be started: %s", self.name, error)  # noqa: TRY400 - its words say all
            return os.EX_OSERR
        if self._stopping.is_set():  # it was being spawned while the others were told to end
            process.terminate()
        if process.stdout is not None and not await self._listen(process.stdout):
            _logger.error("%s hangs and is killed", self.name)
            process.kill()
        return await process.wait()

    async def _listen(self, output: asyncio.StreamReader) -> bool:
        """Hear the process until it closes its output; return False when it is silent for too long.

        Silence is counted in looks rather than read off the clock: while this process was itself held up, what the
        other wrote has waited in the pipe.
        """
        missed, pause = 0, self._silence / LOOKS
        while missed < (LOOKS if self._is_up.is_set() else START_SECONDS / pause):
            try:
                line = await asyncio.wait_for(output.readline(), pause)
            except TimeoutError:
                missed += not (self._leaves or self._stopping.is_set())  # then it is killed by whoever ends it
                continue
            except ValueError:  # longer than the buffer
                _logger.warning("%s wrote a line that is too long to be read", self.name)
                continue
            if not line:
                return True
            missed = 0
            self._hear(line)
        return False

    def _hear(self, line: bytes) -> None:
        if not line.strip():
            return
        told = _object(line)
        if told is None:
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
            with contextlib.suppress(ProcessLookupError):
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


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
