"""Lets a surface answer before anybody asks it, so that nobody waits for what is made, mapped or kept on first use."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.apart import answer, before_it_serves
from searchrank.errors import SearchRankError
from searchrank.state import EmbeddedStore
from searchrank.v1 import ranking_pb2

if TYPE_CHECKING:
    from predictor.recent import Recent
    from predictor.requests import AnyRequest
    from predictor.surface import ServedSurface

__all__ = ["warm"]

WARM_SECONDS: Final = 0.2
_PAGE: Final = 4_096
_logger = logging.getLogger("searchrank.predictor")


def warm(surface: ServedSurface, recent: Recent) -> None:
    """Answer requests that were just answered by what serves now, or made-up ones when there are none that fit.

    Called on the thread that loads, while nobody else knows the surface. Nothing is logged or counted of it, and it
    neither uses the scoring thread nor asks the server that keeps users.
    """
    block = surface.live.view.block
    for records in (block.records, block.items):
        np.add.reduce(records.view(np.uint8)[::_PAGE], dtype=np.int64)  # maps every page
    asyncio.run(_warm(before_it_serves(surface, EmbeddedStore()), recent.of(surface.name)))


async def _warm(surface: ServedSurface, requests: list[AnyRequest]) -> None:
    until = monotonic() + WARM_SECONDS
    answered, refusal = 0, None
    for request in requests:
        if monotonic() > until:
            break
        try:
            await answer(surface, request)
            answered += 1
        except SearchRankError as error:
            refusal = error
    if refusal is not None:
        words = "surface %s: %s %d would refuse requests that are answered now: %s"
        _logger.warning(words, surface.name, surface.release.name, surface.release.version, refusal)
    if not answered:
        for request in _made_up(surface):
            await answer(surface, request)


def _made_up(surface: ServedSurface) -> list[AnyRequest]:
    ids = ranking_pb2.Ids(strings=ranking_pb2.StringIds(values=["a", "b"]))
    rank = ranking_pb2.RankRequest(candidates=ids)
    search = ranking_pb2.SearchRequest(query="warm up")
    return [rank, search, rank, search] if surface.recaller.branches else [rank, rank]
