"""What a person sees while training and after it: progress on standard error, tables of figures."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Steps", "say", "show", "steps", "table"]


class Steps:
    """Named steps of a job, each with how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, name: str) -> Callable[[int, int], None]:
        """Start a step, ending the one before; returns what to call with (done, of)."""
        for task in self._progress.tasks:
            if not task.finished:
                self._progress.update(task.id, total=task.completed or 1, completed=task.completed or 1)
        step = self._progress.add_task(name, total=None)
        return lambda done, of: self._progress.update(step, completed=done, total=of)


@contextmanager
def steps() -> Iterator[Steps]:
    """Show the steps of a job on standard error until it ends; a failed job leaves none behind."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Steps(progress)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]) -> Table:
    """Return a table: the first column names the row, numbers have four decimals, NaN is a dash."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for i, name in enumerate(columns):
        made.add_column(name, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(_text(cell) for cell in row))
    return made


def show(made: Table, *, on_stderr: bool) -> None:
    """Print a table; to standard error when standard output is for machines."""
    Console(stderr=on_stderr).print(made)


def say(text: str, *, on_stderr: bool = False) -> None:
    """Print a line; to standard error when standard output is for machines."""
    Console(stderr=on_stderr, highlight=False, soft_wrap=True, markup=False).print(text)


def _text(cell: str | float) -> str:
    """Return a cell as text."""
    if isinstance(cell, str):
        return cell
    return "-" if math.isnan(cell) else f"{cell:.4f}"
