"""Which thread of a worker goes first on a busy core."""

from __future__ import annotations

import contextlib
import os
from typing import Final

__all__ = ["step_back"]

NICE: Final = 5


def step_back() -> None:
    """Let this thread give way: one that answers requests and wakes up runs at once and not when this one has run.

    It is not put far back, since it may hold the interpreter while another process has the core.
    """
    with contextlib.suppress(OSError):  # some sandboxes allow neither
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
