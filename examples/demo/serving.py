"""Serve a workspace for as long as somebody asks it, from this very process, which no worker outlives."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final, TypeVar

from predictor.supervisor import Commands, Supervisor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from predictor import ServeOptions

__all__ = ["serve"]

T = TypeVar("T")

_RUN: Final = (sys.executable, "-m", "examples.demo.logged")


def serve(options: ServeOptions, use: Callable[[list[str]], Awaitable[T]]) -> T:
    """Start workers, call ``use`` with their addresses once all are ready, and stop them when it returns.

    Ctrl-C and SIGTERM stop them too, and so does the end of this process: a worker ends with its standard input.

    Raises:
        SearchRankError: When the server refuses to start, or what ``use`` raises.
        KeyboardInterrupt: When it was stopped from outside.
    """
    return asyncio.run(_serve(options, use))


async def _serve(options: ServeOptions, use: Callable[[list[str]], Awaitable[T]]) -> T:
    ready: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def told(targets: Sequence[str], _pids: Sequence[int]) -> None:
        if not ready.done():
            ready.set_result(list(targets))

    programs = {name: (*_RUN, f"predictor.{name}") for name in ("worker", "journal")}
    supervisor = Supervisor(options, told, Commands(**programs, builder=(*_RUN, "predictor.build")))
    serving = asyncio.create_task(supervisor.run())

    async def ask() -> T:
        return await use(await ready)

    asking = asyncio.create_task(ask())
    try:
        await asyncio.wait({serving, asking}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            await serving
            raise KeyboardInterrupt
        return await asking
    finally:
        asking.cancel()
        supervisor.stop()
        await asyncio.gather(serving, return_exceptions=True)
