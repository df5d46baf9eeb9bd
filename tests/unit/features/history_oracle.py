"""Random events, and every statistic of them by one pass over all events, as the documentation says it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from searchrank.features import FeatureSet, hash_text, normalize
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import History, query_hash

FEATURES = """
inputs:
  item.category: {type: category}
  item.tags: {type: tokens, limit: 4}
  item.clicks: {type: signal, count: click, missing: -1}
  item.clicks_recent: {type: signal, count: click, window: 20s, refresh: 5s}
  item.spend: {type: signal, sum: order, refresh: 3s}
  item.rating: {type: signal, mean: order, prior: 3.3, strength: 2, window: 30s}
  item.plain_rating: {type: signal, mean: order}
  item.ctr: {type: signal, rate: click, over: impression, prior: 0.1, strength: 7, window: 25s}
  item.plain_ctr: {type: signal, rate: click, over: impression, missing: 0.5}
  user.clicks: {type: signal, count: click}
  user.recent: {type: list, of: item_id, last: click, limit: 3, refresh: 2s}
  user.recent_window: {type: list, of: item_id, last: click, limit: 50, window: 10s, missing: empty}
  user.clicks_by_category: {type: map, count: click, by: item.category, limit: 50}
  user.ctr_by_category: {type: map, rate: click, over: impression, by: item.category, prior: 0.2, strength: 3, limit: 2}
  user.spend_by_tag: {type: map, sum: order, by: item.tags, limit: 3, window: 40s, refresh: 4s, missing: empty}
  user.rating_by_tag: {type: map, mean: order, by: item.tags, limit: 50}
  query.clicks: {type: signal, count: click, window: 30s}
  query.ctr: {type: signal, rate: click, over: impression}
"""
SECOND = 1_000_000


@dataclass
class Event:
    kind: str
    known: int
    user: str | None
    item: str | None
    query: str | None
    value: float | None


def random_events(seed: int, count: int) -> list[Event]:
    rng = np.random.default_rng(seed)

    def pick(names: list[str | None]) -> str | None:
        return names[rng.integers(len(names))]

    def value() -> float | None:
        return None if rng.random() < 0.2 else round(float(rng.normal(3, 2)), int(rng.integers(8)))

    return [
        Event(
            pick(["click", "impression", "impression", "order", "search"]),
            int(rng.integers(0, 60)) * SECOND // int(rng.choice([1, 1, 2, 3])) + int(rng.integers(-1, 2)),
            pick([None, "u1", "u2", "u3", "ü4"]),
            pick([None, "gone", *(f"i{k}" for k in range(12))]),
            pick([None, "", "Hot  Pot", "hot pot", "tea"]),
            value(),
        )
        for _ in range(count)
    ]


def table_of(events: list[Event], *, event_time: bool = False) -> pa.Table:
    stamps = pa.array([e.known for e in events], pa.timestamp("us", tz="UTC"))
    absent = pa.nulls(len(events), stamps.type)
    return pa.table(
        {
            "kind": pa.array([e.kind for e in events], pa.string()),
            "event_time": stamps if event_time else absent,
            "arrival_time": absent if event_time else stamps,
            "user_id": pa.array([e.user for e in events], pa.string()),
            "item_id": pa.array([e.item for e in events], pa.string()),
            "query": pa.array([e.query for e in events], pa.string()),
            "value": pa.array([e.value for e in events], pa.float64()),
        }
    )


CATEGORIES = {f"i{k}": [None, "food", "tea", "spa"][k % 4] for k in range(12)}
TAGS = {f"i{k}": ["new hot new", "", None, "hot", "quiet old cheap new late"][k % 5] for k in range(12)}


def write_catalogue(folder, feature_set) -> Catalogue:
    columns = {
        "item_id": list(CATEGORIES),
        "item.category": list(CATEGORIES.values()),
        "item.tags": list(TAGS.values()),
    }
    Catalogue.write(folder, feature_set, pa.table(columns))
    return Catalogue.open(folder, feature_set)


def counted(item, root: str, name: str | None, time: int, events: list[Event], kinds: set[str]) -> list[Event]:
    s = item.statistic
    end = time // s.refresh_us * s.refresh_us
    start = end - s.window_us if s.window_us else -math.inf
    same = normalize if root == "query" else str
    found = [
        e
        for e in events
        if e.kind in kinds and getattr(e, root) and same(getattr(e, root)) == same(name) and start <= e.known < end
    ]
    if s.kind in {"sum", "mean"}:
        found = [e for e in found if e.value is not None]
    return found


def number(item, found: list[Event]) -> np.float32:
    s = item.statistic
    total = float(sum(round(e.value * 1e6) for e in found if e.value is not None)) / 1e6
    hits = sum(e.kind == s.event for e in found)
    with np.errstate(invalid="ignore"):
        match s.kind:
            case "count":
                return np.float32(len(found))
            case "sum":
                return np.float32(total)
            case "mean":
                top, bottom = total + s.prior * s.strength, len(found) + s.strength
            case "rate":
                top, bottom = hits + s.prior * s.strength, (len(found) - hits) + s.strength
    return np.float32(top / bottom) if bottom else np.float32(math.nan)


def keys_of(item, event: Event) -> set[int]:
    if item.statistic.by == "item.category":
        category = CATEGORIES.get(event.item)
        return {hash_text(category)} if category else set()
    return {hash_text(t) for t in (TAGS.get(event.item) or "").split()[:4]}


def oracle(item, root: str, name: str | None, time: int, events: list[Event]):
    s = item.statistic
    if not name or not name.strip():
        return None
    found = counted(item, root, name, time, events, {s.event, s.over or s.event})
    if s.kind == "last":
        newest = [e.item for e in sorted(found, key=lambda e: e.known) if e.item][::-1]
        return [hash_text(i) for i in dict.fromkeys(newest)][: item.limit]
    if not s.by:
        return number(item, found)
    groups: dict[int, list[Event]] = defaultdict(list)
    for event in found:
        for key in keys_of(item, event):
            groups[key].append(event)
    kept = sorted(groups, key=lambda k: (-len(groups[k]), k))[: item.limit]
    return {key: number(item, groups[key]) for key in sorted(kept)}


def assert_cell(item, cell, expected) -> None:
    if item.limit:
        if expected is None:
            assert cell["count"] == (0 if item.missing == () else -1)
            expected = []
        else:
            assert cell["count"] == len(expected)
        members = cell["keys"] if item.statistic.by else cell["values"]
        assert members.tolist() == [*expected, *[0] * (item.limit - len(expected))]
        if item.statistic.by:
            values = np.array(list(dict(expected).values()), np.float32)
            assert cell["values"][: len(values)].tobytes() == values.tobytes()
            assert not cell["values"][len(values) :].any()
        return
    if expected is None or math.isnan(expected):
        expected = math.nan if item.missing is None else item.missing
    assert cell.tobytes() == np.float32(expected).tobytes(), (item.name, cell, expected)


def check(history: History, feature_set: FeatureSet, events: list[Event], seed: int) -> Counter[str]:
    rng = np.random.default_rng(seed)
    users = [None, "u1", "u2", "u3", "ü4", "never"] * 5
    queries = [None, "", "HOT pot", "tea", "never"] * 6
    items = ["gone", *CATEGORIES, "never"]
    moments = [int(t) for t in rng.integers(0, 70 * SECOND, len(users))]
    moments[:10] = [t // SECOND * SECOND for t in moments[:10]]
    times = np.array(moments)
    user_hashes = np.array([hash_text(u) if u else 0 for u in users])
    cells = history.requests(user_hashes, np.array([query_hash(q) for q in queries]), times)
    item_cells = history.items(np.array([hash_text(i) for i in items]), times[: len(items)])
    seen: Counter[str] = Counter()
    for item in feature_set.inputs.values():
        if item.statistic is None:
            continue
        names = {"user": users, "query": queries, "item": items}[item.root]
        values = (item_cells if item.is_live else cells)[item.name]
        for j, name in enumerate(names):
            assert_cell(item, values[j], oracle(item, item.root.value, name, moments[j], events))
            seen[item.name] += 1
    return seen
