"""Recomputes the answers of ``chaos.py`` after the fact, with nothing killed: the log is told again, event by event.

An answer says up to which offset it read the log, and not to which offset the store of users had come: any that is no
further from it than the store may be behind without saying so, is right.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from predictor import pipeline
from predictor.answers import Ranking, SearchResult
from predictor.live import View
from predictor.query import Query, rank_request, search_request
from predictor.serving import Serving
from predictor.surface import ServedSurface
from searchrank.events import EventLog
from searchrank.features.inputs import Root
from searchrank.state import Fetched, State
from searchrank.workspace import Workspace

__all__ = ["Asked", "differing"]

TIDY = 64  # offsets after which what following the log has made is put together


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question and its answer.

    Attributes:
        query: As sent, with its time.
        ids: Candidates of a ``Rank``; empty: a ``Search``.
        found: Ids and the bytes of their scores.
        offset: Up to which the answer had read the log.
    """

    query: Query
    ids: tuple[str, ...]
    found: tuple[tuple[Any, ...], bytes]
    offset: int

    @classmethod
    def of(cls, query: Query, ids: Sequence[str], answer: Ranking | SearchResult) -> Asked:
        """Keep what will be compared."""
        return cls(query, tuple(ids), (tuple(answer.ids), answer.scores.tobytes()), answer.state_offset)


class _AsOf:
    """A store of users that stands still."""

    followed: Collection[Root] = ()

    def __init__(self, state: State) -> None:
        self._state = state

    async def ready(self) -> None:
        """Do nothing."""

    async def fetch(self, state: State, user: int, patience: float = 0.0) -> Fetched:  # noqa: ARG002
        """Return what this state knows of a user."""
        return Fetched(self._state, user, self._state.offset)

    async def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Still:
    """A view that stays."""

    view: View


def differing(workspace: Workspace, folder: Path, answers: Sequence[Asked], reach: int) -> list[Asked]:
    """Return the answers that no reference gives.

    Args:
        workspace: What was served; nothing serves it any more.
        folder: An empty one for the reference.
        answers: In any order.
        reach: By how many events the store may differ from the worker.
    """
    shutil.copytree(workspace.root, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("events", "serving"))
    events = EventLog.open(workspace.events).table()
    by_offset: dict[int, list[Asked]] = defaultdict(list)
    for one in answers:
        by_offset[one.offset].append(one)
    serving, views, wrong = Serving(Workspace(folder)), {}, []
    serving.load()
    with EventLog.open(folder / "events", writable=True, schema=events.schema) as log:
        for end in range(events.num_rows + reach + 1):
            if 0 < end <= events.num_rows:
                log.append(events.slice(end - 1, 1))
                serving.follow()
                if not end % TIDY:
                    serving.tidy()
            if end <= events.num_rows:
                views[end] = serving.surface("shop").live.view
            wrong += asyncio.run(_differing(serving.surface("shop"), by_offset[end - reach], views))
            views.pop(end - 2 * reach, None)
    serving.close()
    return wrong


async def _differing(surface: ServedSurface, answers: Sequence[Asked], views: dict[int, View]) -> list[Asked]:
    wrong = []
    for one in answers:
        near = sorted(views, key=lambda offset: abs(offset - one.offset))
        for offset in near:
            if await _found(surface, one, views[one.offset], views[offset]) == one.found:
                break
        else:
            wrong.append(one)
    return wrong


async def _found(surface: ServedSurface, one: Asked, view: View, user: View) -> tuple[tuple[Any, ...], bytes]:
    still: Any = _Still(view)
    served = replace(surface, live=still, store=_AsOf(user.state))
    if one.ids:
        sent = {"candidate.eta_min": list(np.arange(len(one.ids), dtype=float))}
        ranking = Ranking.of(await pipeline.rank(served, rank_request(one.query, one.ids, sent), None))
        return tuple(ranking.ids), ranking.scores.tobytes()
    found = SearchResult.of(await pipeline.search(served, search_request(one.query), None))
    return tuple(found.ids), found.scores.tobytes()
