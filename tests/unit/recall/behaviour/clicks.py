"""Clicks made up for tests, and lists of neighbours as dicts."""

from __future__ import annotations

import numpy as np

from recall.behaviour.graph import Graph
from recall.behaviour.neighbours import Neighbours
from recall.interaction import Interactions
from searchrank.features.history import EventColumns


def clicks(size: int, *pairs: tuple[int, int]) -> Interactions:
    """Events of (user, row), a second apart, over a catalogue of some size."""
    users, rows = (np.array([pair[at] for pair in pairs], np.int64) for at in (0, 1))
    none = np.zeros(len(pairs), np.int64)
    events = EventColumns(
        kinds=("click",),
        kind=none.astype(np.int32),
        known_time=np.arange(len(pairs)) * 1_000_000,
        user=users,
        item=rows + 1,
        query=none,
        value=np.full(len(pairs), np.nan),
    )
    return Interactions(events, rows, size)


def graph(size: int, *pairs: tuple[int, int]) -> Graph:
    return Graph.of(clicks(size, *pairs))


def random_pairs(seed: int, users: int, items: int, count: int) -> list[tuple[int, int]]:
    draw = np.random.default_rng(seed)
    return list(zip(draw.integers(1, users, count).tolist(), draw.integers(0, items, count).tolist(), strict=True))


def listed(found: Neighbours, row: int) -> dict[int, float]:
    part = slice(found.indptr[row], found.indptr[row + 1])
    return dict(zip(found.rows[part].tolist(), found.weights[part].tolist(), strict=True))


def nothing(_done: int, _total: int) -> None:
    """Be told how far a build has come."""
