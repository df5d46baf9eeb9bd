"""Whole servers: a supervisor and its workers as processes, their deaths, their imports and their memory."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from predictor import AsyncClient, Client, Query, ServeOptions, running_server
from predictor.testing import make_shop
from searchrank.errors import ConflictError, NotFoundError, UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ASKED = Query(surface="shop", user_id="u1")
HEAVY = {"torch", "pandas", "sklearn", "mlflow", "lightgbm", "numba", "scipy", "matplotlib", "polars", "rich", "typer"}
HEAVY |= {"onnxruntime", "opentelemetry"}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return make_shop(tmp_path_factory.mktemp("shop")).root


def free_ports(count: int) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1] + count


def test_two_workers_answer_one_channel_in_even_shares(home):
    base = free_ports(20)
    options = ServeOptions(home=home, port=0, workers=2, metrics_port=base)
    with running_server(options) as targets, Client(targets) as client:
        _until(
            lambda: client.rank(ASKED, ["i1"]).ids and all(_counted(base + k) for k in range(2))
        )  # connected to both
        before = [_counted(base + k) for k in range(2)]
        for _ in range(200):
            assert client.rank(ASKED, ["i1"]).ids == ["i1"]
        shares = [_counted(base + k) - before[k] for k in range(2)]
    assert sum(shares) == 200
    assert abs(shares[0] - shares[1]) <= 0.1 * 100


def _counted(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("searchrank_requests_total{"))


def test_a_worker_that_dies_comes_back_and_the_other_serves_on(home):
    with Supervised(home) as server, Client(server.told["targets"]) as client:
        client.rank(ASKED, ["i1"])
        victim = server.told["pids"][0]
        os.kill(victim, signal.SIGKILL)
        _until(lambda: not _answers(server.told["targets"][0]))
        _until(lambda: client.rank(ASKED, ["i1"]).ids == ["i1"])
        _until(lambda: _answers(server.told["targets"][0]))
        assert server.process.poll() is None


def test_workers_stop_with_their_supervisor_even_when_it_is_killed(home):
    with Supervised(home) as server:
        words = Path(f"/proc/{server.told['pids'][0]}/cmdline").read_text().split("\0")
        socket_folder = Path(words[words.index("--journal") + 1]).parent
        assert socket_folder.exists()
        os.kill(server.process.pid, signal.SIGKILL)
        _until(lambda: not any(_answers(target) for target in server.told["targets"]))
        _until(lambda: not socket_folder.exists())


def test_sigterm_stops_everything_cleanly(home):
    with Supervised(home) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert not any(_answers(target) for target in server.told["targets"])


async def test_no_request_is_lost_when_workers_are_replaced_under_load(home):
    answered = []
    with Supervised(home, "--drain-seconds", "0.2") as server:
        async with AsyncClient(server.told["targets"]) as client:
            asking = [asyncio.create_task(_ask(client, answered)) for _ in range(4)]
            await asyncio.to_thread(_until, lambda: len(answered) > 20 or any(task.done() for task in asking))
            server.process.send_signal(signal.SIGHUP)
            before = len(answered)
            await asyncio.to_thread(_until, lambda: not any(_alive(pid) for pid in server.told["pids"]))
            during = len(answered) - before
            await asyncio.to_thread(_until, lambda: all(_answers(target) for target in server.told["targets"]))
            for task in asking:
                task.cancel()
            for ended in await asyncio.gather(*asking, return_exceptions=True):
                assert isinstance(ended, asyncio.CancelledError), ended
    assert before > 20
    assert during > 0


async def _ask(client, answered: list[str]) -> None:
    while True:
        found = await client.rank(ASKED, ["i3", "i1"], timeout=30.0)
        assert found.ids == ["i1", "i3"]
        answered.append(found.ids[0])
        await asyncio.sleep(0.005)


def test_a_busy_port_is_a_conflict_before_anything_is_spawned(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConflictError, match=f"127.0.0.1:{port}"),
            running_server(ServeOptions(home=home, port=port)),
        ):
            pass


def test_a_server_without_a_live_release_says_so_and_ends(tmp_path):
    workspace = make_shop(tmp_path)
    workspace.ledger.unlink()
    options = ServeOptions(home=workspace.root, port=0)
    with pytest.raises(NotFoundError, match="no release of model 'taste' is live"), running_server(options):
        pass


def test_a_worker_imports_nothing_heavy(home):
    code = f"""
import asyncio, json, sys
import predictor.worker
from predictor.lean import keep_lean
from pathlib import Path
from predictor import pipeline
from predictor.metrics import Metrics
from predictor.serving import Serving
from predictor.trace_settings import open_tracer
from searchrank.v1 import ranking_pb2
from searchrank.workspace import Workspace
keep_lean()
assert open_tracer(None, Metrics(), {{}}) is None
serving = Serving(Workspace(Path({str(home)!r})))
serving.load()
request = ranking_pb2.SearchRequest(surface="shop", user_id="u1", query="tea")
asyncio.run(pipeline.search(serving.surface("shop"), request, None))
print(json.dumps(sorted(sys.modules)))
serving.close()
"""
    assert not {*HEAVY, "opentelemetry"} & {name.split(".")[0] for name in json.loads(_run(code))}


def test_a_worker_stays_small(home):
    with Supervised(home) as server, Client(server.told["targets"]) as client:
        client.search(Query(surface="shop", user_id="u1", text="tea"))
        for pid in server.told["pids"]:
            words = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
            private = sum(int(words[k + 1]) for k, word in enumerate(words) if word.startswith("Private_"))
            assert private <= 120 * 1024
            mapped = Path(f"/proc/{pid}/maps").read_text()
            assert not [name for name in HEAVY if f"/site-packages/{name}/" in mapped]


def test_a_supervisor_imports_neither_grpc_nor_anything_compiled():
    modules = json.loads(_run("import json, sys, predictor.supervisor; print(json.dumps(sorted(sys.modules)))"))
    assert not {"grpc", "numpy", "pyarrow", "llvmlite", *HEAVY} & {name.split(".")[0] for name in modules}


class Supervised:
    """A supervisor with two workers for the length of a ``with`` block, to be treated badly."""

    def __init__(self, home: Path, *options: str):
        command = [sys.executable, "-m", "predictor.supervisor", "--home", str(home), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def __enter__(self):
        self.told = json.loads(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _answers(target: str) -> bool:
    with Client([target]) as client:
        try:
            return client.rank(ASKED, ["i1"], timeout=2.0).ids == ["i1"]
        except UnavailableError:
            return False


def _until(claim, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if claim():
                return
        except UnavailableError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
