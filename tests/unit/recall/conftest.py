from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns
from searchrank.workspace import Workspace

FEATURES = """
inputs:
  item.title:        {type: tokens, limit: 8}
  item.text:         {type: tokens, limit: 32}
  item.tags:         {type: list, of: tag, limit: 4}
  item.price:        {type: float}
  user.recent_items: {type: list, of: item_id, limit: 10, last: click}
features:
  price_log: log1p(item.price)
"""

PROJECT = """
surfaces:
  shop:
    model: shop
    recall:
      lexical: {fields: {item.title: 2.0, item.tags: 1.0}, quota: 20}
      item_to_item: {quota: 10}
      popular: {window: 30d, quota: 10}
  shelf:
    model: shop
    recall:
      popular: {window: 30d, quota: 5}
models:
  shop: {inputs: [price_log]}
"""

ITEMS = pa.table(
    {
        "item_id": ["pot", "cup", "wok", "tea", "pan"],
        "item.title": ["Iron pot", "Tea cup", "Iron wok 炒锅", "Green tea 绿茶", None],
        "item.text": ["heavy", "small", "heavy", "dry", "flat"],
        "item.tags": [["kitchen", "iron"], ["table"], None, ["leaf", None], ["kitchen"]],
        "item.price": [30.0, 5.0, 40.0, 8.0, None],
    }
)

# The columns are day, user, item, kind and value.
HAPPENED = [
    (1, "ann", "tea", "click", None),
    (1, "bob", "tea", "click", None),
    (1, "cat", "tea", "click", None),
    (80, "ann", "pot", "click", None),
    (80, "ann", "wok", "order", None),
    (81, "bob", "pot", "click", None),
    (81, "bob", "wok", "click", None),
    (82, "bob", "cup", "rating", 5.0),
    (83, "cat", "cup", "rating", 2.0),
    (84, "cat", "cup", "rating", None),
    (85, None, "pan", "click", None),
    (85, "ann", "gone", "click", None),
    (90, "ann", None, "search", None),
]


def event_table(happened: list[tuple[int, str | None, str | None, str, float | None]]) -> pa.Table:
    first = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    times = pa.array([first + dt.timedelta(days=day) for day, *_ in happened], pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "event_id": [f"e{at}" for at in range(len(happened))],
            "kind": pa.array([kind for *_, kind, _ in happened], pa.string()),
            "event_time": times,
            "arrival_time": times,
            "user_id": pa.array([user for _, user, *_ in happened], pa.string()),
            "item_id": pa.array([item for _, _, item, *_ in happened], pa.string()),
            "value": pa.array([value for *_, value in happened], pa.float64()),
        }
    )


@pytest.fixture(scope="session")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture(scope="session")
def events() -> EventColumns:
    return EventColumns.from_table(event_table(HAPPENED))


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A workspace with five items, thirteen events and two surfaces; nothing indexed."""
    workspace = Workspace(tmp_path / "shop")
    workspace.items.parent.mkdir(parents=True)
    workspace.project.write_text(PROJECT)
    workspace.features.write_text(FEATURES)
    with pa.ipc.new_file(workspace.items, ITEMS.schema) as writer:
        writer.write_table(ITEMS)
    with EventLog.open(workspace.events, writable=True) as log:
        log.append(event_table(HAPPENED))
    return workspace
