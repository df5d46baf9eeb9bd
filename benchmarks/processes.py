"""Child processes of a benchmark: started on one core, spoken to in lines of JSON, stopped by their own handle."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Child", "cores"]


def cores() -> tuple[int, int]:
    """Return the core for servers and the core for clients; one and the same where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


class Child:
    """A running program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    @contextmanager
    def started(cls, command: Sequence[str], core: int) -> Iterator[Child]:
        """Start a program on a core, every library on one thread; stop it at the end."""
        everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # inherited by the child and all its threads
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        finally:
            os.sched_setaffinity(0, everywhere)
        try:
            yield cls(process)
        finally:
            process.terminate()
            process.wait(timeout=20)

    def read(self) -> dict[str, Any]:
        """Return the next line it writes.

        Raises:
            RuntimeError: When it ends instead.
        """
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **command: Any) -> dict[str, Any]:
        """Write a command and return the answer.

        Raises:
            RuntimeError: When it ends instead.
        """
        if self._process.stdin:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        return self.read()
