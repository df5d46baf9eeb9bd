"""What the serving log costs: the server of ``serve.py`` with it and without, taking turns under the same load."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
from processes import Child, cores
from serve_ours import make_workspace
from serve_world import draw_world, trained

__all__ = ["log_cost"]

HERE = Path(__file__).parent
CLIENTS = 4
ROUNDS = 5
SECONDS = 4.0


def log_cost(folder: Path, _options: argparse.Namespace) -> dict[str, Any]:
    """Return medians over rounds: ``log_cost`` of requests a second, ``log_cpu_cost`` of CPU a request, and drops."""
    home = folder / "served"
    world = draw_world()
    make_workspace(home, world, trained(world, lambda _words: None))
    told: dict[str, list[dict[str, Any]]] = {"1": [], "0": []}
    with ExitStack() as stack:
        loads = {share: stack.enter_context(_loaded(stack, home, share)) for share in told}
        for block in range(ROUNDS):
            for share in (("1", "0"), ("0", "1"))[block % 2]:
                sleep(0.3)
                told[share].append(loads[share].ask(block=block, clients=CLIENTS, seconds=SECONDS))
    rps = {share: float(np.median([found["rps"] for found in runs])) for share, runs in told.items()}
    cpu = {share: float(np.median([found["cpu_ms"] for found in runs])) for share, runs in told.items()}
    return {
        "rps_logged": rps["1"],
        "rps_unlogged": rps["0"],
        "log_cost": round(1 - rps["1"] / rps["0"], 4),
        "log_cpu_cost": round(cpu["1"] / cpu["0"] - 1, 4),
        "log_written": sum(1 for _ in (home / "serving").iterdir()) if (home / "serving").is_dir() else 0,
    }


def _loaded(stack: ExitStack, home: Path, share: str) -> Any:
    serving, asking = cores()
    command = [sys.executable, "-m", "predictor.worker", "--home", str(home), "--serving-log", share]
    server = stack.enter_context(Child.started(command, serving))
    port = server.read()["port"]
    client = [sys.executable, str(HERE / "serve_load.py"), "--protocol", "grpc"]
    return Child.started([*client, "--port", str(port), "--pid", str(server.pid)], asking)
