"""What a supervised process owes its supervisor: a line when it is ready, a beat each second, an end when told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import Any, Final

__all__ = ["BEAT_SECONDS", "stop_on", "tell"]

BEAT_SECONDS: Final = 1.0


def tell(**words: Any) -> None:
    """Write one JSON line to standard output."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def stop_on(stopping: asyncio.Event, *, supervised: bool) -> None:
    """Set the event on SIGTERM, SIGINT and, for a supervised process, the end of standard input.

    A supervised process also writes an empty line each second from now on, for as long as its event loop turns: one
    that is silent hangs, and the supervisor replaces it.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if supervised:

        def read() -> None:
            if not os.read(0, 4096):
                loop.remove_reader(0)
                stopping.set()

        loop.add_reader(0, read)
        _beat(loop)


def _beat(loop: asyncio.AbstractEventLoop) -> None:
    with contextlib.suppress(OSError):
        os.set_blocking(1, False)  # a supervisor that is held up reads nothing, and must not hold up this process
        os.write(1, b"\n")
    os.set_blocking(1, True)
    loop.call_later(BEAT_SECONDS, _beat, loop)
