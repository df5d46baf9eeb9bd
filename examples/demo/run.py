"""The demo as the sentence it is: begin afresh, learn, show the evaluation, serve, ask, say how to go on."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from examples.demo.answer import Answer, ask
from examples.demo.serving import serve
from examples.demo.stages import tell
from predictor import Query, ServeOptions
from predictor.ports import worker_ports
from searchrank.workspace import Workspace
from trainer.console import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from examples.demo.reasons import Phrasebook

__all__ = ["Place", "Serving", "Visited", "World", "run"]

_HOST = "127.0.0.1"


class World(Protocol):
    """Something to learn and to search.

    Attributes:
        book: The words for its reasons.
    """

    book: Phrasebook

    def learn(self, workspace: Workspace, *, on_stderr: bool) -> Mapping[str, Any]:
        """Fill the workspace up to a live release, show how good it is, and return the figures."""
        ...

    def questions(self, workspace: Workspace) -> list[Query]:
        """Return what somebody might ask, at least one thing."""
        ...

    def show(self, workspace: Workspace, query: Query, answer: Answer, *, on_stderr: bool) -> None:
        """Print an answer."""
        ...

    def next_steps(self, home: str, query: Query) -> list[tuple[str, str]]:
        """Return (what it does, command) to go on with."""
        ...


@runtime_checkable
class Visited(Protocol):
    """A world in which somebody also does something while it is served."""

    async def visit(
        self, workspace: Workspace, targets: Sequence[str], query: Query, *, on_stderr: bool
    ) -> Mapping[str, Any]:
        """Show what changes by it, beside what was asked before; return the figures."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a demo serves.

    Attributes:
        workers: Processes.
        port: First port; 0 finds free ones.
        keep: Whether to go on until Ctrl-C.
    """

    workers: int
    port: int
    keep: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a demo works.

    Attributes:
        folder: Holds the folder while it does.
        learnt: Called when the folder is filled, however that ended.
    """

    folder: AbstractContextManager[Workspace]
    learnt: Callable[[Workspace], None] = lambda _workspace: None


def run(world: World, place: Place, serving: Serving, *, started: float, json: bool) -> dict[str, Any]:
    """Run a demo.

    Args:
        world: Which.
        place: Its folder.
        serving: How to serve.
        started: ``time.monotonic()`` when the command began.
        json: Whether standard output is for machines.

    Returns:
        The figures; those that are not finite are None.

    Raises:
        SearchRankError: When a port is taken, the folder is somebody's own, or a part fails.
    """
    worker_ports(_HOST, serving.port, serving.workers)  # a busy port is told before, not after, the work
    with place.folder as workspace:
        try:
            figures = dict(world.learn(workspace, on_stderr=json))
        finally:
            place.learnt(workspace)
        queries = world.questions(workspace)

        async def use(targets: list[str]) -> float:
            for query in queries:
                world.show(workspace, query, await ask(targets, query, world.book), on_stderr=json)
            seconds = time.monotonic() - started
            if isinstance(world, Visited):
                figures.update(await world.visit(workspace, targets, queries[0], on_stderr=json))
            _tell_next(world, workspace.root, queries[-1], targets if serving.keep else [], on_stderr=json)
            if serving.keep:
                await asyncio.Event().wait()
            return seconds

        tell(f"starting {serving.workers} workers …")
        options = ServeOptions(home=workspace.root, host=_HOST, port=serving.port, workers=serving.workers)
        seconds = serve(options, use)
    say(f"{seconds:.0f} seconds from the beginning to the ranked list", on_stderr=True)
    return {name: _finite(value) for name, value in {"seconds": round(seconds, 2), **figures}.items()}


def _tell_next(world: World, home: Path, query: Query, targets: list[str], *, on_stderr: bool) -> None:
    """Say how to go on."""
    rows = [("serve it", f"searchrank serve --home {home}"), *world.next_steps(str(home), query)]
    if targets:
        ports = " ".join(f"--target {target}" for target in targets)
        rows = [(what, f"{words} {ports}" if words.startswith("searchrank search") else words) for what, words in rows]
        rows = [(f"serving on {', '.join(targets)}", "Ctrl-C stops it"), *rows[1:]]
    rows += [
        ("what is and was live", f"searchrank release list --home {home}"),
        ("runs and versions", f"mlflow ui --backend-store-uri {Workspace(home).tracking_uri}"),
    ]
    say("\nGo on from here", on_stderr=on_stderr)
    for what, words in rows:
        say(f"  {what}:\n    {words}", on_stderr=on_stderr)


def _finite(value: Any) -> Any:
    """Return a figure as JSON can hold it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list) else value
