"""What a person sees while the demo works: each stage as it goes, and a line for each that is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from searchrank.native import ensure_built
from trainer.console import say, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Begin", "compile_kernels", "stage", "tell"]

Begin = Callable[[str], Callable[[int, int], None]]
"""Begins a named step; gives what to call with (done, of)."""


def tell(text: str) -> None:
    """Say something that is no figure, on standard error."""
    say(text, on_stderr=True)


@contextmanager
def stage(name: str) -> Iterator[Begin]:
    """Show the steps of a stage while it lasts, then how long it took.

    Where standard error is no terminal every step that begins is a line.

    Yields:
        What to call with the name of a step; gives what to call with (done, of).
    """
    started = time.monotonic()
    if sys.stderr.isatty():
        with steps() as told:
            yield told.begin
    else:
        yield _begin_line
    tell(f"{name}: {time.monotonic() - started:.1f} s")


def _begin_line(step: str) -> Callable[[int, int], None]:
    tell(f"  {step} …")
    return lambda _done, _of: None


def compile_kernels(begin: Begin) -> None:
    """Compile the kernels unless this install has them, as a step of its own."""

    def announce(words: str) -> None:
        begin(words)

    ensure_built(announce)
