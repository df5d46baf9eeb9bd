"""A ranked answer for people: asked over gRPC, each item with what it is and why it stands there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from predictor import AsyncClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from examples.demo.reasons import Phrasebook
    from predictor import Coverage, Query, ReleaseIdentity
    from searchrank.workspace import Workspace

__all__ = ["WIDTH", "Answer", "ask", "look_up", "show_answer"]

_PATIENCE: Final = 10.0  # seconds for the first questions of a server's life, on a busy machine
_NAMEWIDTH: Final = 34
WIDTH: Final = 130  # where there is no terminal to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A ranked list with its reasons.

    Attributes:
        ids: Best first.
        scores: One an item.
        values: What the model read of each item, by model column.
        reasons: One line an item.
        candidates: How many items were ranked.
        release: What ranked them.
        coverage: What was left out, and the time of each stage.
    """

    ids: list[str]
    scores: list[float]
    values: list[dict[str, float]]
    reasons: list[str]
    candidates: int
    release: ReleaseIdentity
    coverage: Coverage


async def ask(targets: Sequence[str], query: Query, book: Phrasebook) -> Answer:
    """Search, then have the items explained.

    Raises:
        SearchRankError: When the server refuses or fails.
    """
    async with AsyncClient(targets) as client:
        found = await client.search(query, timeout=_PATIENCE)
        told = await client.explain(query, found.ids, timeout=_PATIENCE)
    return Answer(
        ids=found.ids,
        scores=found.scores.tolist(),
        values=[dict(zip(told.columns, row, strict=True)) for row in told.features.tolist()],
        reasons=book.reasons(told),
        candidates=found.candidates,
        release=found.release,
        coverage=found.coverage,
    )


def look_up(workspace: Workspace, ids: Sequence[str], columns: Sequence[str]) -> list[tuple[object, ...]]:
    """Return some columns of the raw catalogue for items, in their order; None where there is nothing."""
    with pa.memory_map(str(workspace.items)) as source:
        table = pa.ipc.open_file(source).read_all()
    rows = pc.index_in(pa.array(list(ids), pa.string()), table.column("item_id").cast(pa.string()).combine_chunks())
    return list(zip(*(table.column(name).take(rows).to_pylist() for name in columns), strict=True))


def show_answer(title: str, answer: Answer, cells: Mapping[str, Sequence[str]], *, on_stderr: bool) -> None:
    """Print an answer as a table, and what it took.

    Args:
        title: What was asked.
        answer: The answer.
        cells: Heading of a column to its text for each item.
        on_stderr: Whether standard output is for machines.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("", justify="right")
    for place, name in enumerate(cells):
        side: Literal["left", "right"] = "right" if place else "left"
        table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis", max_width=_NAMEWIDTH)
    table.add_column("score", justify="right")
    table.add_column("why", overflow="fold", min_width=30)
    lines = zip(zip(*cells.values(), strict=True), answer.scores, answer.reasons, strict=True)
    for place, (texts, score, reason) in enumerate(lines, start=1):
        table.add_row(str(place), *map(escape, texts), f"{score:.2f}", escape(reason))
    console = Console(stderr=on_stderr, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(f"\n{escape(title)}")
    console.print(table)
    spent = sum(answer.coverage.stages.values()) / 1000
    release = f"{answer.release.name} version {answer.release.version}"
    console.print(f"{answer.candidates} candidates ranked by {release} in {spent:.1f} ms")
    for stage, subject, reason in answer.coverage.degradations:
        console.print(f"left out: {stage} {subject}: {reason}")
