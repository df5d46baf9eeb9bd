"""A small shop for tests of state: six items, three users, statistics of every kind, and a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from searchrank.events import CORE, EventLog
from searchrank.features import FeatureSet
from searchrank.features.history import EVENT_COLUMNS, EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource

FEATURES = """
inputs:
  item.price: {type: float}
  item.category: {type: category, missing: other}
  item.title: {type: tokens, limit: 4}
  item.place: {type: point}
  item.clicks: {type: signal, count: click}
  item.ctr: {type: signal, rate: click, over: impression, prior: 0.1, strength: 3, window: 25s, refresh: 2s}
  user.age: {type: float, missing: 30}
  user.likes: {type: list, limit: 2}
  user.clicks: {type: signal, count: click}
  user.recent: {type: list, of: item_id, last: click, limit: 3}
  user.spend: {type: map, sum: order, by: item.category, limit: 2, missing: empty}
  query.ctr: {type: signal, rate: click, over: impression}
  request.hour: {type: float}
  candidate.eta: {type: float}
features:
  cheap: item.price * 1
"""
ITEMS = {
    "item_id": [f"i{k}" for k in range(6)],
    "item.price": [float(k) for k in range(6)],
    "item.category": ["a", "b", None, "a", "b", "a"],
    "item.title": [f"tea {k}" for k in range(6)],
}
USERS = {"user_id": ["u0", "u1", "u2"], "user.age": [20.0, None, 40.0], "user.likes": [["x", "y", "z"], None, []]}
SECOND = 1_000_000
EXTRA = {
    "item.price": pa.float64(),
    "item.category": pa.string(),
    "item.title": pa.string(),
    "item.place": pa.list_(pa.float64(), 2),
    "user.age": pa.float64(),
    "user.likes": pa.list_(pa.string()),
}


def batch_of(events: list[dict[str, Any]], first: int = 0) -> pa.RecordBatch:
    """Return events of the log's schema; the k-th of the log arrives in second k."""
    rows = [
        {"event_time": (first + k) * SECOND, "arrival_time": (first + k) * SECOND} | e for k, e in enumerate(events)
    ]
    named = {name for row in rows for name in row if name in EXTRA}
    schema = pa.schema([*CORE, *((name, kind) for name, kind in EXTRA.items() if name in named)])
    rows = [{"event_id": f"e{first + k}"} | row for k, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(rows, schema=schema)


@dataclass
class Shop:
    """A snapshot made from the first events of a log that goes on."""

    root: Path
    feature_set: FeatureSet
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.root / "events"

    def tell(self, *events: dict[str, Any]) -> None:
        with EventLog.open(self.log, writable=True) as log:
            log.append(batch_of(list(events), len(self.events)))
        self.events.extend(events)

    def columns(self) -> EventColumns:
        return EventColumns.from_batches(EventLog.open(self.log).read(columns=EVENT_COLUMNS))

    def snapshot(self, name: str = "one") -> Snapshot:
        events = self.columns() if self.events else EventColumns.from_batches([])
        source = SnapshotSource(
            items=pa.table(ITEMS),
            users=pa.table(USERS),
            events=events,
            as_of=(len(self.events) + 1) * SECOND,
            event_offset=len(self.events),
        )
        Snapshot.build(self.root / name, self.feature_set, source)
        return self.opened(name)

    def opened(self, name: str) -> Snapshot:
        return Snapshot.open(self.root / name, self.feature_set)


def random_events(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    def pick(*names: str | None) -> str | None:
        return names[int(rng.integers(len(names)))]

    return [
        {
            "kind": pick("click", "impression", "impression", "order", "search"),
            "user_id": pick(None, "u0", "u1", "u2", "u9"),
            "item_id": pick(None, "gone", "i0", "i1", "i2", "i3"),
            "query": pick(None, "tea", "Hot  Pot", "hot pot"),
            "value": None if rng.random() < 0.3 else round(float(rng.normal(3, 2)), 3),
        }
        for _ in range(count)
    ]
