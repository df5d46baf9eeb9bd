from __future__ import annotations

import pytest

from recall.behaviour import graph as graphs
from tests.unit.recall.behaviour.clicks import graph


def sides(found: graphs.Graph) -> tuple[list[list[int]], list[list[int]]]:
    items = [found.users[a:b].tolist() for a, b in zip(found.item_ends, found.item_ends[1:], strict=False)]
    users = [found.items[a:b].tolist() for a, b in zip(found.user_ends, found.user_ends[1:], strict=False)]
    return items, users


def test_both_sides_hold_each_pair_once_the_latest_first():
    found = graph(4, (7, 0), (7, 2), (5, 0), (7, 0), (5, 2), (9, 2))
    assert sides(found) == ([[1, 0], [], [2, 0, 1], []], [[2, 0], [0, 2], [2]])
    assert found.size == 4


def test_clicks_of_nobody_join_nothing():
    assert sides(graph(2, (0, 0), (0, 1))) == ([[], []], [])


def test_only_the_latest_items_of_a_user_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graphs, "USER_LIMIT", 2)
    assert sides(graph(3, (1, 0), (2, 0), (1, 1), (1, 0), (1, 2))) == ([[0, 1], [], [0]], [[2, 0], [0]])


def test_no_events_and_no_items_are_an_empty_graph():
    assert sides(graph(3)) == ([[], [], []], [])
    assert sides(graph(0)) == ([], [])
