"""A worker's line to the journal: calls that wait for the same answer go together, and again when the journal died."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from predictor.journal_wire import Refused, Written, pack, read_frame, read_results, write_frame
from searchrank.errors import RequestError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["JournalLink"]

GROUP_ROWS: Final = 10_000
MOST_WAITING: Final = 100_000
LOOP_ROWS: Final = 1_000  # more are packed on a thread
FIRST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 0.2
_logger = logging.getLogger("searchrank.predictor")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A part and whoever waits for its answer."""

    part: pa.RecordBatch
    answer: asyncio.Future[Written | Refused] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class JournalLink:
    """Hands parts to the journal and waits until they are on disk; used on one event loop, where ``run`` runs."""

    def __init__(self, socket: Path | None) -> None:
        """Prepare; nothing is connected before the first part.

        Args:
            socket: Where the journal listens; None: there is none, and every append says so.
        """
        self._socket = socket
        self._waiting: list[_Waiting] = []
        self._rows = 0
        self._awake = asyncio.Event()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def append(self, part: pa.RecordBatch, seconds: float) -> Written:
        """Return once the part is on disk.

        Args:
            part: Columns of the event log.
            seconds: How long to wait.

        Raises:
            RequestError: When the log refuses it; ``field`` names the column.
            UnavailableError: When it is not known to be on disk in time; it may be sent again as it is.
        """
        if self._socket is None:
            raise UnavailableError("this worker runs without a journal: start it with 'searchrank serve'")
        if self._rows and self._rows + len(part) > MOST_WAITING:
            raise UnavailableError(
                f"{self._rows:,} changes wait to be written: send the same call again a little later"
            )
        waiting = _Waiting(part)
        self._waiting.append(waiting)
        self._rows += len(part)
        self._awake.set()
        try:
            result = await asyncio.wait_for(waiting.answer, max(seconds, 0.0))
        except TimeoutError:
            raise UnavailableError(
                f"the event log did not answer within {seconds:.1f} s: send the same call again, it is written once"
            ) from None
        finally:
            self._rows -= len(part)
        if isinstance(result, Written):
            return result
        if result.field:
            refused = RequestError(result.words)  # which begin with the field
            refused.field = result.field
            raise refused
        raise UnavailableError(f"{result.words}; send the same call again, it is written once")

    async def run(self) -> None:
        """Deliver what waits, one frame after the other, until cancelled."""
        try:
            while True:
                await self._awake.wait()
                group = self._take()
                if not group:
                    self._awake.clear()
                    continue
                try:
                    await self._deliver(group)
                except Exception:
                    _logger.exception("a frame of %d parts failed", len(group))
                    _answer(group, [Refused("the server failed and logged why", "")] * len(group))
        finally:
            self._disconnect()

    def _take(self) -> list[_Waiting]:
        """Take the parts of the next frame: those whose callers still wait, up to ``GROUP_ROWS``, at least one."""
        group: list[_Waiting] = []
        rows = 0
        while self._waiting and (not group or rows + len(self._waiting[0].part) <= GROUP_ROWS):
            waiting = self._waiting.pop(0)
            if not waiting.answer.done():
                group.append(waiting)
                rows += len(waiting.part)
        return group

    async def _deliver(self, group: list[_Waiting]) -> None:
        try:
            frame = await _packed([waiting.part for waiting in group])
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # definitions changed between two calls: a frame each
            for waiting in group:
                await self._deliver([waiting])
            return
        pause = FIRST_PAUSE
        while any(not waiting.answer.done() for waiting in group):
            try:
                results = await self._exchange(frame)
            except (OSError, EOFError, ValueError) as error:
                _logger.debug("the journal is asked again: %s", error)
                self._disconnect()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            _answer(group, results)

    async def _exchange(self, frame: bytes) -> list[Written | Refused]:
        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(self._socket)
        reader, writer = self._streams
        await write_frame(writer, frame)
        return read_results(await read_frame(reader))

    def _disconnect(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _answer(group: list[_Waiting], results: list[Written | Refused]) -> None:
    for waiting, result in zip(group, results, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(result)


async def _packed(parts: list[pa.RecordBatch]) -> bytes:
    if sum(map(len, parts)) <= LOOP_ROWS:
        return pack(parts)
    return await asyncio.to_thread(pack, parts)
