"""Which thread of a worker goes first on a busy core."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from typing import Final

__all__ = ["step_back", "step_forward"]

NICE: Final = 5
SLICE_NS: Final = 100_000  # the shortest that Linux grants
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQII")  # struct sched_attr
_RESET_ON_FORK: Final = 1


def step_back(nice: int = NICE) -> None:
    """Let this thread give way: one that answers requests and wakes up runs at once and not when this one has run.

    Args:
        nice: How far it steps back. A thread that may hold the interpreter while another process has the core should
            not go far.
    """
    with contextlib.suppress(OSError):  # some sandboxes allow neither
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, nice)


def step_forward() -> bool:
    """Ask for short turns for this thread, and return whether the system knows them.

    A thread with shorter turns than the one that runs takes the core when it wakes up; without, it may wait for a tick
    of the clock, 4 ms, though its share is the same. Threads that it starts do not inherit it. Linux 6.12 was the first
    to heed it; earlier ones accept it and do as before.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or not hasattr(os, "SCHED_BATCH"):
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, _RESET_ON_FORK, nice, 0, SLICE_NS, 0, 0, 0, 0)
    return bool(ctypes.CDLL(None).syscall(number, 0, wanted, 0) == 0)
