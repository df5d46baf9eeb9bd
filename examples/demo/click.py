"""What one click changes: the same search before it, and after it on a new connection to another worker.

Beside it stands the same search by somebody who did not click, asked of both workers before and after: nothing of it
may change.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor import AsyncClient, Reaction
from searchrank.errors import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from predictor import Query, SearchResult

__all__ = ["Effect", "Move", "Visit", "click", "moment_of_now", "moves", "risen"]

_PATIENCE: Final = 10.0  # seconds, on a busy machine
_AHEAD: Final = timedelta(minutes=1)
_ROOM: Final = timedelta(seconds=15)
_NEIGHBOURS: Final = "item_to_item"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody who clicks, and somebody who does not.

    Attributes:
        query: What the first asks; its time is that of all searches.
        control: The same, asked by the second.
        position: Place of the item that is clicked, from 0.
    """

    query: Query
    control: Query
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What came of a click.

    Attributes:
        clicked: The item.
        another: Whether another worker answers after the click; a server of one worker has no other.
        before: The list in which it was clicked.
        after: The last worker's first answer that knows of the click.
        visible_ms: Milliseconds from sending the click to having that answer, a new connection included.
        controls: Answers to who did not click: of both workers before, then of both when they knew of the click.
    """

    clicked: str
    another: bool
    before: SearchResult
    after: SearchResult
    visible_ms: float
    controls: tuple[SearchResult, ...]

    @property
    def control_identical(self) -> bool:
        """Whether who did not click was given the same items with the same scores each time."""
        first, *others = self.controls
        return all(one.ids == first.ids and np.array_equal(one.scores, first.scores) for one in others)


async def moment_of_now() -> datetime:
    """Return a moment of this hour that is a little ahead, so that a click made until then is known in it.

    Asked for one moment, two answers differ by what was learnt between them and by nothing else. It lies in the same
    hour because counts that are renewed every hour would tell everybody of the click in the next. In the last seconds
    of an hour this waits for the next.
    """
    while True:
        now = datetime.now(UTC)
        end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        if end - now > _ROOM:
            return min(now + _AHEAD, end - timedelta(microseconds=1))
        await asyncio.sleep((end - now).total_seconds())


async def click(targets: Sequence[str], visit: Visit) -> Effect:
    """Search at the first worker, click, and search at the last one until it knows of the click.

    Raises:
        SearchRankError: When a worker refuses or fails, or does not learn of the click.
    """
    near, far = targets[0], targets[-1]
    controls = [await _search(worker, visit.control) for worker in (near, far)]
    async with AsyncClient([near]) as client:
        before = await client.search(visit.query, timeout=_PATIENCE)
        clicked = Reaction(before.ids[visit.position], "click", position=visit.position)
        began = monotonic()
        done = await client.feedback(before.request_id, [clicked], visit.query, timeout=_PATIENCE)
    after = await _search(far, visit.query, done.offset)
    seconds = monotonic() - began
    controls += [await _search(worker, visit.control, done.offset) for worker in (near, far)]
    return Effect(
        clicked=clicked.item_id,
        another=near != far,
        before=before,
        after=after,
        visible_ms=1000 * seconds,
        controls=tuple(controls),
    )


async def _search(worker: str, query: Query, offset: int = 0) -> SearchResult:
    """Return a worker's first answer that has read the log up to an offset, over a connection of its own.

    Raises:
        DeadlineError: When it does not read so far for ten seconds.
    """
    end = monotonic() + _PATIENCE
    async with AsyncClient([worker]) as client:
        while (answer := await client.search(query, timeout=_PATIENCE)).state_offset < offset:
            if monotonic() > end:
                raise DeadlineError(f"{worker} did not learn of the click within {_PATIENCE:.0f} seconds")
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where an item stands after a click, and where it stood before.

    Attributes:
        item: Its id.
        was: Its place before, from 0; None: it was not found.
        gain: By how much its score rose; NaN when it was not found before.
        tie: Rank among what is chosen together with the clicked item, from 1; 0: it is not, or no more than before.
        alike: Whether it is of the clicked item's category.
        rose: Whether it is found only now, or stands higher with a higher score.
    """

    item: str
    was: int | None
    gain: float
    tie: int
    alike: bool
    rose: bool


def moves(effect: Effect, category: Mapping[str, str], limit: int) -> list[Move]:
    """Return what became of the best items after the click, the clicked one among them.

    Args:
        effect: The answers.
        category: Of each of the items and of the clicked one.
        limit: How many items.
    """
    before, after = effect.before, effect.after
    places = {item: place for place, item in enumerate(before.ids)}
    tied = {item: _tie(before, place)[1] for item, place in places.items()}
    found = []
    for now, item in enumerate(after.ids[:limit]):
        was = places.get(item)
        gain = float(after.scores[now] - before.scores[was]) if was is not None else float("nan")
        rank, strength = _tie(after, now)
        found.append(
            Move(
                item=item,
                was=was,
                gain=gain,
                tie=rank if strength > tied.get(item, 0.0) else 0,
                alike=category[item] == category[effect.clicked],
                rose=was is None or (now < was and gain > 0),
            )
        )
    return found


def risen(page: Sequence[Move], clicked: str) -> list[Move]:
    """Return the neighbours of what was clicked that rose: items chosen together with it, and of its category."""
    return [move for move in page if move.item != clicked and move.rose and (move.tie or move.alike)]


def _tie(answer: SearchResult, place: int) -> tuple[int, float]:
    """Return rank and score among the neighbours of what was clicked; 0 for no neighbour."""
    ties = [(found.rank, found.score) for found in answer.found_by[place] if found.branch == _NEIGHBOURS]
    return ties[0] if ties else (0, 0.0)
