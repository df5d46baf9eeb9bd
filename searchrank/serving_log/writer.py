"""The writing half of the serving log: requests hand over references, a thread writes batches, nobody waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from xxhash import xxh3_64_intdigest

from searchrank.serving_log.batch import record_batch
from searchrank.serving_log.file import LogFile
from searchrank.serving_log.schema import Columns

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.serving_log.answered import Answered

__all__ = ["Limits", "ServingLogWriter"]

_logger = logging.getLogger(__name__)
_STOP_SECONDS: Final = 5.0
_REST_SECONDS: Final = 0.0005  # between two columns of a batch, each of which takes some tenths of a millisecond
Count = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the log may hold and take.

    Attributes:
        queued_bytes: Most memory that waiting answers may hold on to, about; more are dropped and counted.
        batch: Answers that are written together, a record batch; larger ones cost less an answer.
        pause: Seconds between two looks at how many there are.
        hold: Most seconds that fewer wait for more.
        file_bytes: Size from which on a file is finished and another begun.
        file_seconds: Age from which on it is.
    """

    queued_bytes: int = 64 << 20
    batch: int = 256
    pause: float = 0.1
    hold: float = 1.0
    file_bytes: int = 128 << 20
    file_seconds: float = 3_600.0


class ServingLogWriter:
    """The files of one process; ``offer`` is called from one thread, the rest happens on the writer's own."""

    def __init__(
        self,
        folder: Path,
        *,
        share: float = 1.0,
        limits: Limits | None = None,
        count: Count = lambda _result, _answers: None,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the thread; no file is made before there is something to write.

        Args:
            folder: ``Workspace.serving``; made if need be.
            share: Share of the requests that are logged, 0 to 1, chosen by a hash of the request id.
            limits: How much it may hold and take.
            count: Told what became of so many answers: ``written``, ``dropped`` (the queue was full), ``failed`` (the
                disk took no more) or ``left_out`` (not in the share).
            begin: Called on the thread when it begins, such as to let it give way to those that answer.
        """
        self._folder = folder
        self._limits = limits or Limits()
        self._threshold = int(share * (1 << 64))
        self._count = count
        self._begin = begin
        self._queue: SimpleQueue[Answered] = SimpleQueue()
        self._offered = 0  # bytes; written by the caller's thread alone
        self._taken = 0  # bytes; written by the own thread alone
        self._files: dict[pa.Schema, LogFile] = {}
        self._columns: dict[str, Columns] = {}
        self._failing = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serving-log", daemon=True)
        self._thread.start()

    @property
    def queued_bytes(self) -> int:
        """About how much memory the waiting answers hold on to."""
        return self._offered - self._taken

    def offer(self, answer: Answered) -> None:
        """Hand over an answer; never waits."""
        if self._threshold < 1 << 64 and xxh3_64_intdigest(answer.request_id.encode()) >= self._threshold:
            self._count("left_out", 1)
            return
        size = answer.nbytes
        if self._offered - self._taken + size > self._limits.queued_bytes or self._closing.is_set():
            self._count("dropped", 1)
            return
        self._offered += size
        self._queue.put(answer)

    def close(self) -> None:
        """Write everything that waits and finish the files; waits for a dead disk some seconds, then gives up."""
        self._closing.set()
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            _logger.error("the serving log in %s could not be finished in time", self._folder)

    def _run(self) -> None:
        self._begin()
        limits, due = self._limits, monotonic() + self._limits.hold
        while not self._closing.wait(limits.pause):
            if self._queue.qsize() >= limits.batch or monotonic() >= due:
                self._drain()
                due = monotonic() + limits.hold
        self._drain()
        for key in list(self._files):
            self._finish(key)

    def _drain(self) -> None:
        """Write what waits, not what comes meanwhile, then finish the files that are old or large enough."""
        for _ in range(ceil(self._queue.qsize() / self._limits.batch)):
            answers = self._next()
            for _, some in groupby(answers, lambda one: id(one.feature_set)):
                self._write(list(some))
            self._taken += sum(one.nbytes for one in answers)
        for key, file in list(self._files.items()):
            if file.size >= self._limits.file_bytes or file.age >= self._limits.file_seconds:
                self._finish(key)

    def _next(self) -> list[Answered]:
        answers: list[Answered] = []
        try:
            while len(answers) < self._limits.batch:
                answers.append(self._queue.get_nowait())
        except Empty:
            pass
        return answers

    def _write(self, answers: Sequence[Answered]) -> None:
        """Write answers of one feature set, or count them as lost; what cannot be written must not stop the thread."""
        layout = self._layout(answers[0].feature_set)
        key = layout.schema
        try:
            batch = record_batch(answers, layout, self._rest)
            file = self._files.get(key)
            if file is None:
                file = self._files[key] = LogFile(self._folder, key)
            file.write(batch)
        except OSError as error:
            self._fail(key, len(answers), error)
        except Exception:
            _logger.exception("%d answers could not be put into the serving log", len(answers))
            self._count("failed", len(answers))
        else:
            self._failing = False
            self._count("written", len(answers))

    def _rest(self) -> None:
        """Leave the interpreter to those that answer for a moment, unless somebody waits for the end."""
        if not self._closing.is_set():
            sleep(_REST_SECONDS)

    def _layout(self, feature_set: FeatureSet) -> Columns:
        key = feature_set.fingerprint  # each load brings a new object, mostly of the same meaning
        if key not in self._columns:
            self._columns[key] = Columns.of(feature_set)
        return self._columns[key]

    def _fail(self, key: pa.Schema, answers: int, error: OSError) -> None:
        """Give a file up; the next batch begins another one."""
        if not self._failing:
            _logger.error("the serving log in %s takes nothing: %s; answers go unlogged", self._folder, error)
        self._failing = True
        file = self._files.pop(key, None)
        if file is not None:
            file.give_up()
        self._count("failed", answers)

    def _finish(self, key: pa.Schema) -> None:
        file = self._files.pop(key)
        try:
            file.close()
        except OSError as error:
            _logger.error("%s could not be finished: %s", file.path, error)  # noqa: TRY400 - its words say all
