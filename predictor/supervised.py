"""What a supervised process owes its supervisor: a JSON line when it is ready, and an end when it is told to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

__all__ = ["stop_on", "tell"]


def tell(**words: Any) -> None:
    """Write one JSON line to standard output."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def stop_on(stopping: asyncio.Event, *, supervised: bool) -> None:
    """Set the event on SIGTERM, SIGINT and, for a supervised process, the end of standard input."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if supervised:

        def read() -> None:
            if not os.read(0, 4096):
                loop.remove_reader(0)
                stopping.set()

        loop.add_reader(0, read)
