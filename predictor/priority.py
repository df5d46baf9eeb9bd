"""Which thread of a worker goes first on a busy core."""

from __future__ import annotations

import contextlib
import os
from typing import Final

__all__ = ["step_back"]

NICE: Final = 5


def step_back(nice: int = NICE) -> None:
    """Let this thread give way: one that answers requests and wakes up runs at once and not when this one has run.

    Args:
        nice: How far it steps back. A thread that may hold the interpreter while another process has the core should
            not go far.
    """
    with contextlib.suppress(OSError):  # some sandboxes allow neither
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, nice)
