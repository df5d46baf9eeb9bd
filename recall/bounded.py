"""One branch as requests ask it: here if it is quick and waits for nothing, else on a few threads of its own.

A thread that hangs cannot be cancelled, it can only be waited for no longer. So a branch has no more than
``THREADS`` of them. More questions wait for one that comes free; when none does, or after some answers in a row that
came too late, the branch is skipped at once. In the background it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from recall.branch import Branch, Candidates, Query
from recall.coverage import BranchCoverage, Outcome
from searchrank.state.circuit import Circuit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["THREADS", "BoundedBranch", "Given", "ask", "collect"]

THREADS: Final = 4
INLINE_SECONDS: Final = 0.002  # as scoring may take on the loop
STUCK_SECONDS: Final = 0.05
MOST_WAITING: Final = 64
_WEIGHT: Final = 0.1  # of a new measurement in the running estimate
_FAIR_SECONDS: Final = 0.005  # who waited less cannot blame the branch
_logger = logging.getLogger(__name__)


Given = tuple[Candidates, BranchCoverage]


def nothing(name: str, outcome: Outcome, problem: str, seconds: float = 0.0) -> Given:
    """Return that a branch gave nothing, and why."""
    return Candidates.empty(), BranchCoverage(name, 0, seconds, problem, outcome)


def ask(branch: Branch, query: Query, limit: int, deadline: float) -> Given:
    """Ask a branch here and now; what it raises is logged and told.

    Args:
        branch: The branch.
        query: What is wanted.
        limit: Most candidates.
        deadline: On the clock of ``time.monotonic``, seconds; it is not begun after that.
    """
    start = time.monotonic()
    if start >= deadline:
        return nothing(branch.name, Outcome.LATE, "no time was left to ask it")
    try:
        found = branch.retrieve(query, limit)
    except Exception as error:
        _logger.exception("recall branch %s failed", branch.name)
        return nothing(branch.name, Outcome.FAILED, f"{type(error).__name__}: {error}", time.monotonic() - start)
    return found, BranchCoverage(branch.name, len(found), time.monotonic() - start)


@dataclass(frozen=True, slots=True)
class _Task:
    """A question for the threads of a branch; its future belongs to the loop."""

    query: Query
    limit: int
    deadline: float
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Given]


class BoundedBranch:
    """A branch with its threads; used on one event loop."""

    def __init__(self, branch: Branch, *, threads: int = THREADS, circuit: Circuit | None = None) -> None:
        """Start no thread yet.

        Args:
            branch: What is asked.
            threads: Most threads.
            circuit: When to stop asking; made if None.
        """
        self.branch = branch
        self.skipped = 0
        self._threads = threads
        self._circuit = circuit or Circuit()
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._started = 0
        self._busy = 0  # questions on threads, and those that wait for one
        self._moved = 0.0  # when one of them ended, or the first began
        self._seconds_each = 0.0  # a candidate asked for, a running estimate
        self._patience = 0.0  # of the last who waited in vain

    def begin(self, query: Query, limit: int, deadline: float) -> Given | asyncio.Future[Given]:
        """Ask; returns what it gave, or what will hold it when it runs on a thread."""
        if not self.branch.waits and self._seconds_each * limit <= INLINE_SECONDS:
            given = ask(self.branch, query, limit, deadline)
            self._note(given, limit)
            return given
        if self._is_stuck():
            self.skipped += 1
            return nothing(self.branch.name, Outcome.SKIPPED, f"skipped: all its {self._threads} threads are busy")
        if time.monotonic() >= deadline:
            return nothing(self.branch.name, Outcome.LATE, "no time was left to ask it")
        if not self._circuit.is_open:
            return self._queue(query, limit, deadline)
        if self._circuit.take_probe():
            self._queue(query, limit, time.monotonic() + self._patience)
        self.skipped += 1
        reason = f"skipped, since it was late: {self._circuit.reason}"
        return nothing(self.branch.name, Outcome.SKIPPED, reason)

    def _is_stuck(self) -> bool:
        """Whether one more question would wait for threads that hang: all are busy, and none has come free for long."""
        if self._busy < self._threads:
            return False
        return self._busy >= MOST_WAITING or time.monotonic() - self._moved > STUCK_SECONDS

    def give_up(self, future: asyncio.Future[Given], waited: float) -> None:
        """Wait no longer."""
        if future.done():
            return
        problem = f"no answer within {1e3 * waited:.0f} ms"
        if waited >= _FAIR_SECONDS:
            self._patience = waited
            self._circuit.fail(problem)
        future.set_result(nothing(self.branch.name, Outcome.LATE, problem, waited))

    def _queue(self, query: Query, limit: int, deadline: float) -> asyncio.Future[Given]:
        loop = asyncio.get_running_loop()
        task = _Task(query, limit, deadline, loop, loop.create_future())
        if not self._busy:
            self._moved = time.monotonic()
        self._busy += 1
        if self._started < min(self._threads, self._busy):
            self._start()
        self._tasks.put(task)
        return task.future

    def _start(self) -> None:
        """Start a thread that does not keep the process, nor this object, alive."""
        self._started += 1
        who = weakref.WeakMethod(self._done)
        thread = threading.Thread(
            target=_run, args=(self.branch, self._tasks, who), name=f"recall-{self.branch.name}", daemon=True
        )
        thread.start()
        weakref.finalize(self, self._tasks.put, None)

    def _done(self, task: _Task, given: Given) -> None:
        self._busy -= 1
        self._moved = time.monotonic()
        self._note(given, task.limit)
        in_time = not task.future.done()
        if in_time:
            task.future.set_result(given)
        if not given[1].problem and (in_time or given[1].seconds <= self._patience):
            self._circuit.succeed()

    def _note(self, given: Given, limit: int) -> None:
        if not given[1].problem:
            self._seconds_each += _WEIGHT * (given[1].seconds / max(1, limit) - self._seconds_each)


def _run(
    branch: Branch, tasks: SimpleQueue[_Task | None], who: weakref.WeakMethod[Callable[[_Task, Given], None]]
) -> None:
    """Answer questions until told to end."""
    while (task := tasks.get()) is not None:
        given = ask(branch, task.query, task.limit, task.deadline)
        done = who()
        try:
            task.loop.call_soon_threadsafe(done or _forget, task, given)
        except RuntimeError:  # the loop has ended, and with it whoever waited
            return
        del done, task, given


def _forget(task: _Task, given: Given) -> None:
    """Give an answer of a branch that is let go of to the last who waits for it."""
    if not task.future.done():
        task.future.set_result(given)


async def collect(begun: Iterable[tuple[BoundedBranch, Given | asyncio.Future[Given]]], deadline: float) -> list[Given]:
    """Return what branches gave by the deadline, in their order; on the clock of ``time.monotonic``."""
    parts = list(begun)
    started = time.monotonic()
    waiting = [(branch, part) for branch, part in parts if isinstance(part, asyncio.Future)]
    if not waiting:
        return [part for _, part in parts if not isinstance(part, asyncio.Future)]

    def end() -> None:
        for branch, future in waiting:
            branch.give_up(future, time.monotonic() - started)

    timer = asyncio.get_running_loop().call_later(max(0.0, deadline - started), end)
    try:
        return [await part if isinstance(part, asyncio.Future) else part for _, part in parts]
    finally:
        timer.cancel()
