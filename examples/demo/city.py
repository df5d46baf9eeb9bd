"""The city's demo: simulate, index, train, measure against the truth, serve, search."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from examples.city import write_city
from examples.city.words import CATEGORIES
from examples.demo.answer import Answer, look_up, show_answer
from examples.demo.click import click, moment_of_now
from examples.demo.evaluation import show_evaluation
from examples.demo.newcomer import newcomer, show_effect
from examples.demo.phrases import CITY
from examples.demo.stages import compile_kernels, stage
from predictor import Query
from recall import refresh_workspace
from searchrank.events import EventLog
from trainer import Job
from trainer.publishing import publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.city import CitySize
    from searchrank.workspace import Workspace

__all__ = ["CityDemo"]

_DAY_US: Final = 86_400_000_000
_SHOWN: Final = 10
_ZONE: Final = ZoneInfo("Asia/Shanghai")  # where the city lies
_ASKED: Final = ("kind", "event_time", "user_id", "query", "request.location", "request.device")


class CityDemo:
    """A simulated marketplace of a given size."""

    book = CITY

    def __init__(self, size: CitySize) -> None:
        self._size = size

    def learn(self, workspace: Workspace, *, on_stderr: bool) -> dict[str, Any]:
        """Fill the workspace up to a live release, show how good it is, and return the figures.

        Raises:
            SearchRankError: When the size is too small to learn from, or another program holds a file.
        """
        with stage("city: catalogue, events, truth") as begin, ThreadPoolExecutor(1) as beside:
            compiling = beside.submit(compile_kernels, begin)
            told = begin("simulating the city")
            progress = lambda _what, share: told(round(100 * share), 100)  # noqa: E731 - one line, one use
            write_city(workspace, self._size, progress, end=datetime.now(UTC))  # what is asked now reads last week
            compiling.result()
        with stage("snapshot and recall indexes") as begin:
            told = begin("indexing")
            refresh_workspace(workspace, progress=lambda done, of, _what: told(done, of))
        with stage("training, evaluation, registration, promotion") as begin:
            trial, _ = publish(Job.open(workspace), workspace.tracking_uri, promote_it=True, progress=begin)
        show_evaluation(trial, on_stderr=on_stderr)
        differences = {name.replace(" ", "_"): [d.low, d.high] for name, d in trial.evaluation.differences.items()}
        return {**trial.evaluation.figures(), "interval": differences, "release": str(trial.folder)}

    def questions(self, workspace: Workspace) -> list[Query]:
        """Return what is asked now: the last day's commonest kind of place, by who of its askers searched most."""
        log = EventLog.open(workspace.events)
        table = pa.Table.from_batches(log.read(columns=list(_ASKED)))
        asked = table.filter(pc.equal(table.column("kind"), "search"))
        times = asked.column("event_time").cast(pa.int64()).to_numpy()
        late = asked.filter(pa.array(times >= times.max() - _DAY_US))
        kinds = pa.array([category.name for category in CATEGORIES])
        plain = late.filter(pc.is_in(late.column("query"), kinds))
        late = plain if len(plain) else late
        words = _commonest(late.column("query"))
        late = late.filter(pc.equal(late.column("query"), words))
        busy = dict(_counted(asked.column("user_id")))
        row = max(range(len(late)), key=lambda row: busy[late.column("user_id")[row].as_py()])
        chosen = late.slice(row, 1).to_pylist()[0]
        query = Query(
            surface="places",
            user_id=chosen["user_id"],
            text=chosen["query"],
            context={
                "request.location": tuple(chosen["request.location"]),
                "request.device": chosen["request.device"],
            },
            limit=_SHOWN,
        )
        return [query]

    def show(self, workspace: Workspace, query: Query, answer: Answer, *, on_stderr: bool) -> None:
        """Print the ranked places."""
        facts = look_up(workspace, answer.ids, ("item.title", "item.category", "item.price"))
        cells = {
            "place": [str(title) for title, _, _ in facts],
            "category": [str(category) for _, category, _ in facts],
            "CNY": [f"{price:.0f}" for _, _, price in facts],
            "km": [f"{values.get('distance_km', float('nan')):.1f}" for values in answer.values],
        }
        when = f"{datetime.now(_ZONE):%A %H:%M}"
        show_answer(f"{query.user_id} types “{query.text}”, {when}", answer, cells, on_stderr=on_stderr)

    async def visit(
        self, workspace: Workspace, targets: Sequence[str], query: Query, *, on_stderr: bool
    ) -> dict[str, Any]:
        """Let a newcomer click a place, show how the list changes and that of the first asker does not."""
        visit = newcomer(workspace, query, await moment_of_now())
        effect = await click(targets, visit)
        moved = show_effect(workspace, visit, effect, on_stderr=on_stderr)
        return {
            "moved": moved,
            "control_identical": effect.control_identical,
            "click_visible_ms": round(effect.visible_ms, 1),
        }

    def next_steps(self, home: str, query: Query) -> list[tuple[str, str]]:
        """Return commands to go on with, and what each does."""
        location: Any = query.context["request.location"]
        context = shlex.quote(f"request.location=[{location[0]:.4f},{location[1]:.4f}]")
        search = f"searchrank search {shlex.quote(query.text)} --user {query.user_id} --context {context} --home {home}"
        return [
            ("ask it", search),
            ("change what it looks at", f"edit {home}/features.yaml, and models.city.inputs in {home}/project.yaml"),
            ("learn anew and go live", f"searchrank train --promote --home {home}"),
            ("after new inputs, before that", f"searchrank refresh --home {home}"),
        ]


def _counted(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    """Return each distinct text with how often it is there."""
    return [(entry["values"], entry["counts"]) for entry in pc.value_counts(column.combine_chunks()).to_pylist()]


def _commonest(column: pa.ChunkedArray) -> str:
    """Return the text that is there most often, of equals the first by name."""
    return min(_counted(column), key=lambda pair: (-pair[1], pair[0]))[0]
