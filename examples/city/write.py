"""Write a city into a workspace: catalogue, profiles, event log, truth and definitions, a day at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from examples.city.attraction import attraction
from examples.city.candidates import show
from examples.city.clicks import draw_outcome
from examples.city.happenings import Naming, Rows, Seen, event_rows, event_table
from examples.city.people import user_table
from examples.city.places import item_table
from examples.city.recent import REMEMBERED, remember
from examples.city.requests import Requests, draw_requests
from examples.city.size import DAY_US, FIRST_DAY_US, Stream, random_stream, weeks_until
from examples.city.world import World, make_world
from examples.files import copy_definitions, require_no_events, write_table
from searchrank.events import EventLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from examples.city.size import CitySize, Floats, Ints
    from examples.files import Progress
    from searchrank.workspace import Workspace

__all__ = ["EVENTS_PER_REQUEST", "TRUTH_FILE", "truth_path", "write_city"]

TRUTH_FILE: Final = "truth.arrow"
EVENTS_PER_REQUEST: Final = 22.95
"""A search, twenty impressions, a click and a half, an order or none."""

_BLOCK: Final = 4096
_APPEND_ROWS: Final = 1 << 18
_WEEK: Final = (1.0, 0.95, 0.95, 1.0, 1.15, 1.35, 1.25)
_TRUTH: Final = pa.schema([("request_id", pa.string()), ("item_id", pa.string()), ("attraction", pa.float64())])


@dataclass(slots=True)
class _State:
    """What one day hands to the next: last clicks, numbers given out, events that have not arrived."""

    recent: Ints
    requests: int
    events: int
    pending: list[Rows]


def write_city(workspace: Workspace, size: CitySize, progress: Progress, *, end: datetime | None = None) -> None:
    """Simulate a city and write it: the same size and seed give the same bytes of catalogue, truth and event columns.

    ``truth.arrow`` (request_id, item_id, attraction: the probability of a click by somebody who looks) is for the
    oracle alone; nothing that trains or serves reads it.

    Args:
        workspace: Where; must have no events yet.
        size: What.
        progress: Told after every day.
        end: The log is as it is at this moment: the city ends the latest whole number of weeks before it that leaves
            half a day for late events, and what arrives later still is not there. None: it begins on 3 March 2025.

    Raises:
        ConfigError: When ``end`` has no time zone.
        ConflictError: When the workspace has events.
    """
    later = 0 if end is None else weeks_until(size, end)
    until = None if end is None else int(end.timestamp() * 1_000_000) - later
    require_no_events(workspace)
    world = make_world(size)
    copy_definitions(__package__, workspace)
    write_table(workspace.items, item_table(world.places, size, later))
    write_table(workspace.users, user_table(world.people))
    with (
        EventLog.open(workspace.events, writable=True) as log,
        pa.ipc.new_file(str(workspace.root / TRUTH_FILE), _TRUTH) as truth,
    ):
        naming = Naming.of(world, later)
        for share in _days(naming, log, truth, until):
            progress("simulating the city", share)


def _days(naming: Naming, log: EventLog, truth: Any, until: int | None) -> Iterator[float]:
    """Write day after day, give the share that is done after each; nothing arrives from ``until`` on."""
    world = naming.world
    state = _State(np.full((world.people.count, REMEMBERED), -1), 0, 0, [])
    for day, count in enumerate(_requests_a_day(world.size)):
        rng = random_stream(world.size, Stream.DAY, day)
        for rows, facts in _blocks(rng, world, draw_requests(rng, world, day, count), state):
            state.pending.append(rows)
            truth.write_table(_truth_table(facts, naming))
        last = day + 1 == world.size.days
        _append(log, naming, state, until if last else FIRST_DAY_US + (day + 1) * DAY_US)
        yield (day + 1) / world.size.days


def _requests_a_day(size: CitySize) -> Ints:
    """Return how many requests each day has: more at the end of a week, exact in sum."""
    weights = np.array([_WEEK[day % 7] for day in range(size.days)])
    ends = np.round(np.cumsum(weights) / weights.sum() * size.events / EVENTS_PER_REQUEST).astype(np.int64)
    counts: Ints = np.diff(ends, prepend=0)
    return counts


def _blocks(
    rng: np.random.Generator, world: World, requests: Requests, state: _State
) -> Iterator[tuple[Rows, tuple[int, Ints, Floats]]]:
    """Give the events and the truth (first request, shown, attraction) of a day, some thousand requests at a time."""
    clicks = []
    for start in range(0, len(requests.time), _BLOCK):
        block = requests.part(slice(start, start + _BLOCK))
        recent = state.recent[block.user]
        shown = show(rng, world, block, recent)
        probability = attraction(world, block, shown, recent)
        seen = Seen(block, state.requests, shown, draw_outcome(rng, probability))
        rows = event_rows(rng, world, seen, state.events)
        at, position = np.nonzero(seen.outcome.clicked)
        clicks.append((block.user[at], shown[at, position]))
        yield rows, (state.requests, shown, probability)
        state.requests += len(block.time)
        state.events += len(rows)
    if clicks:
        users, items = (np.concatenate(column) for column in zip(*clicks, strict=True))
        state.recent = remember(state.recent, users, items)


def _truth_table(facts: tuple[int, Ints, Floats], naming: Naming) -> pa.Table:
    first, shown, probability = facts
    at, position = np.nonzero(shown >= 0)
    requests = pa.array([f"r{first + i}" for i in range(len(shown))])
    columns = (requests.take(pa.array(at)), naming.items.take(pa.array(shown[at, position])))
    return pa.table([*columns, pa.array(probability[at, position])], schema=_TRUTH)


def _append(log: EventLog, naming: Naming, state: _State, until: int | None) -> None:
    """Append what has arrived before ``until`` in the order of arrival, keep the rest."""
    if not state.pending:
        return
    rows = np.concatenate(state.pending)
    rows = rows[np.argsort(rows["arrival"], kind="stable")]
    arrived = len(rows) if until is None else int(np.searchsorted(rows["arrival"], until))
    state.pending = [rows[arrived:].copy()]
    for start in range(0, arrived, _APPEND_ROWS):
        log.append(event_table(rows[start : min(start + _APPEND_ROWS, arrived)], naming))


def truth_path(workspace: Workspace) -> Path:
    """Return where the truth of a city is."""
    return workspace.root / TRUTH_FILE
