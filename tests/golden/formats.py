"""One writer and one reader for each stored format: today's code writes a folder, and says what it reads in one.

A reader gives plain values for JSON. What it gave when a folder was made lies beside it, and must be what every later
version of the code reads there.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from recall import IndexSources, Query, RecallConfig, Recaller, build_indexes
from searchrank.events import EventLog, schema
from searchrank.experiments import Experiments
from searchrank.features import FeatureSet, ModelInput, fit, hash_texts
from searchrank.features.history import EventColumns, query_hash
from searchrank.features.snapshot import Snapshot, SnapshotSource, fill_candidates, fill_requests
from searchrank.models import CHALLENGER, Entry, Ledger, Release, ReleaseDraft, profile_columns, releases, write_release

NOON: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
NOON_US: Final = int(NOON.timestamp() * 1_000_000)
FEATURES: Final = """
inputs:
  request.query:      {type: tokens, limit: 4}
  request.time:       {type: time}
  request.location:   {type: point}
  request.device:     {type: category}
  candidate.eta_min:  {type: float}
  item.title:         {type: tokens, limit: 4}
  item.price:         {type: float, unit: CNY}
  item.category:      {type: category, missing: other}
  item.location:      {type: point}
  item.opened:        {type: time}
  item.tags:          {type: list, limit: 3}
  item.embedding:     {type: vector, size: 2}
  item.hours:         {type: map, limit: 3}
  item.clicks:        {type: signal, count: click}
  item.clicks_1d:     {type: signal, count: click, window: 1d, refresh: 1h}
  item.ctr:           {type: signal, rate: click, over: impression, prior: 0.1, strength: 5}
  item.spent:         {type: signal, sum: order}
  user.age:           {type: float}
  user.recent_items: {type: list, of: item_id, limit: 3, last: click}
  user.taste:         {type: map, limit: 3, count: click, by: item.category}
  user.mean_order:    {type: signal, mean: order, prior: 10, strength: 2}
  query.clicks:       {type: signal, count: click}
features:
  price_log:   log1p(item.price)
  distance_km: haversine_km(request.location, item.location)
  taste:       lookup(user.taste, item.category)
  match:       token_overlap(request.query, item.title)
  ctr:         item.ctr
"""
INPUTS: Final = ("price_log", "distance_km | bucketize(4)", "taste | clip(0, 2)", "match", "ctr | standardize")
RECALL: Final = {
    "lexical": {"fields": {"item.title": 1.0}, "quota": 5},
    "item_to_item": {"events": ["click"], "quota": 5},
    "popular": {"events": ["click"], "quota": 5},
}
EXPERIMENTS: Final = """
surfaces:
  shop:
    page:
      salt: page-1
      parameters:
        page_size: {type: integer, default: 20, sets: limit}
        banner: {type: choice, choices: [none, red], default: none}
      experiments:
        longer:
          buckets: 0-4999
          share: 40%
          arms: {control: {weight: 3}, long: {weight: 1, set: {page_size: 40}}}
        coloured:
          buckets: 5000-9999
          share: 50%
          where: {request.device: [phone]}
          overrides: {tester: red}
          arms: {control: {weight: 1}, red: {weight: 1, set: {banner: red}}}
"""
FOREST: Final = Path(__file__).with_name("forest.txt")
"""As LightGBM 4.7 wrote it: eight trees of six leaves over five columns of 200 random rows."""
Told = dict[str, Any]


# --- events


def events() -> list[list[dict[str, Any]]]:
    """Return two appends with every core column, every reserved kind and every type of input."""
    users, items = ("ann", "bo", "café"), ("i0", "i1", "i2", "i3")
    searched, changed = [], []
    for k in range(24):
        at = NOON - timedelta(hours=36) + timedelta(hours=k)
        common = {
            "event_time": at,
            "arrival_time": at + timedelta(seconds=k),
            "request_id": f"r{k // 3}",
            "user_id": users[k % 3],
            "session_id": f"s{k // 6}",
            "surface": "shop",
        }
        kind = ("search", "impression", "click", "order")[k % 4]
        own: dict[str, Any] = {"item_id": items[k % 3 + (k > 12)], "position": k % 5}
        if kind == "search":
            own = {"query": "hot pot", "request.location": [30.25, 120.5], "request.device": "phone"}
        if kind == "impression":
            own |= {"candidate.eta_min": 1.5 * k}
        if kind == "order":
            own |= {"value": 12.25 + k}
        searched.append({"event_id": f"e{k}", "kind": kind, **common, **own})
    document = {
        "item.title": "new noodles",
        "item.price": 8.5,
        "item.location": [31.0, 121.0],
        "item.opened": NOON,
        "item.tags": ["late", "café"],
        "item.embedding": [0.5, -2.0],
        "item.hours": [("mon", 9.0), ("tue", 10.5)],
    }
    for k, own in enumerate(
        (
            {"kind": "put_item", "item_id": "i9", **document},
            {"kind": "delete_item", "item_id": "i3"},
            {"kind": "put_user", "user_id": "ann", "user.age": 31.0},
            {"kind": "delete_user", "user_id": "bo"},
            {"kind": "link", "user_id": "ann", "linked_id": "ann-phone"},
        )
    ):
        changed.append({"event_id": f"c{k}", "event_time": NOON, "arrival_time": NOON + timedelta(seconds=k), **own})
    return [searched, changed]


def write_events(folder: Path) -> None:
    """Write two segments, the first of them sealed."""
    declared = schema(FeatureSet.parse(FEATURES))
    for rows in events():
        with EventLog.open(folder, writable=True, schema=declared) as log:
            log.append(pa.Table.from_pylist(rows, declared))


def read_events(folder: Path) -> Told:
    """Return every event, absent values left out."""
    log = EventLog.open(folder)
    rows = [row for batch in log.read() for row in batch.to_pylist()]
    return {"end": log.end, "events": [{name: plain(v) for name, v in row.items() if v is not None} for row in rows]}


# --- snapshot


def items() -> pa.Table:
    """Return four items with every type of input, the last of them with nothing."""
    return pa.table(
        {
            "item_id": ["i0", "i1", "i2", "i3"],
            "item.title": ["hot pot house", "noodle café", "火锅 pot", None],
            "item.price": [10.0, 25.5, 0.0, None],
            "item.category": ["hot pot", "noodles", "hot pot", None],
            "item.location": pa.array([[30.0, 120.0], [30.5, 120.5], [31.0, 121.0], None], pa.list_(pa.float64(), 2)),
            "item.opened": pa.array([NOON, NOON, None, None], pa.timestamp("us", "UTC")),
            "item.tags": [["late"], [], ["a", "b", "c", "d"], None],
            "item.embedding": pa.array([[0.5, 1.0], [0.25, -1.0], [0.0, 0.0], None], pa.list_(pa.float32(), 2)),
            "item.hours": pa.array([[("mon", 9.0)], [], [("tue", 1.5)], None], pa.map_(pa.string(), pa.float32())),
        }
    )


def write_snapshot(folder: Path) -> None:
    """Write features, a snapshot of items, profiles and events, and its indexes."""
    folder.mkdir(parents=True)
    (folder / "features.yaml").write_text(FEATURES, encoding="utf-8")
    features = FeatureSet.load(folder / "features.yaml")
    known = EventColumns.from_table(pa.Table.from_pylist(events()[0], schema(features)))
    users = pa.table({"user_id": ["ann", "bo"], "user.age": [30.0, None]})
    source = SnapshotSource(items=items(), users=users, events=known, as_of=NOON_US, event_offset=24)
    Snapshot.build(folder / "first", features, source)
    write_indexes(folder)


def write_indexes(folder: Path) -> None:
    """Write the indexes of the snapshot in the folder."""
    features = FeatureSet.load(folder / "features.yaml")
    known = EventColumns.from_table(pa.Table.from_pylist(events()[0], schema(features)))
    catalogue = Snapshot.open(folder / "first", features).catalogue
    sources = IndexSources(inputs=features.inputs, items=items(), events=known, catalogue=catalogue)
    build_indexes(folder / "first", [RecallConfig.parse(RECALL)], sources)


def read_snapshot(folder: Path) -> Told:
    """Return its manifest, its items as they are stored, statistics at two times, and what the indexes find."""
    features = FeatureSet.load(folder / "features.yaml")
    snapshot = Snapshot.open(folder / "first", features)
    manifest = snapshot.manifest
    told: Told = {name: getattr(manifest, name) for name in ("id", "as_of", "event_offset", "items", "users", "format")}
    told["ids"] = snapshot.catalogue.ids.to_pylist()
    told["catalogue"] = [record(row) for row in snapshot.catalogue.records]
    for moment in (NOON_US, NOON_US - 86_400_000_000):
        told[f"statistics at {moment}"] = statistics(features, snapshot, moment)
    found = Recaller.open(snapshot.indexes, RecallConfig.parse(RECALL)).retrieve(
        Query(text="hot pot", lists={"user.recent_items": np.array([1])}, time=NOON_US), 10
    )
    told["recalled"] = {
        "rows": found.recalled.rows.tolist(),
        "branches": list(found.recalled.branches),
        "ranks": found.recalled.ranks.tolist(),
        "scores": plain(found.recalled.scores),
    }
    return told


def statistics(features: FeatureSet, snapshot: Snapshot, moment: int) -> Told:
    """Return what is counted for two users, a stranger, a query and every item."""
    people, ids = ["ann", "café", "stranger"], ["i0", "i1", "i2", "i3", "nowhere"]
    requests = features.request_encoder.missing(len(people))
    times = np.full(len(people), moment)
    fill_requests(snapshot, requests, hash_texts(people), np.full(len(people), query_hash("hot pot"), np.int64), times)
    candidates = features.candidate_encoder.missing(len(ids))
    fill_candidates(snapshot, candidates, hash_texts(ids), np.full(len(ids), moment))
    return {
        "users": dict(zip(people, map(record, requests), strict=True)),
        "items": dict(zip(ids, map(record, candidates), strict=True)),
    }


# --- release


def write_release_folder(folder: Path) -> None:
    """Write a weighted sum and a forest over the same inputs."""
    features = FeatureSet.parse(FEATURES)
    rng = np.random.default_rng(0)
    matrix = rng.normal(1.0, 2.0, (200, len(INPUTS)))
    forest = FOREST.read_text(encoding="utf-8")
    weights = json.dumps({"weights": [0.5, -0.25, 1.0, 2.0, -1.5], "bias": 0.75})
    rows = {name: items()[name] for name in items().column_names if name != "item_id"}
    golden = pa.table(
        {
            **rows,
            "item.ctr": [0.1, 0.25, None, 0.5],
            "user.taste": pa.array([[("noodles", 2.0)]] * 4, pa.map_(pa.string(), pa.float32())),
            "request.query": ["hot pot"] * 4,
            "request.location": pa.array([[30.1, 120.1]] * 4, pa.list_(pa.float64(), 2)),
        }
    )
    names = [text.split()[0] for text in INPUTS]
    fitted = fit(
        [ModelInput.parse(text, features) for text in INPUTS],
        lambda _wanted: dict(zip(names, matrix.T.astype(np.float32), strict=True)),
    )
    for name, scorer, model in (("sum", "linear", weights), ("forest", "lightgbm", forest)):
        draft = ReleaseDraft(
            name=name,
            feature_set=features,
            inputs=fitted,
            model=model,
            scorer=scorer,
            golden=golden,
            profile=profile_columns(names, matrix.T.astype(np.float32)),
            lineage={"code": "first"},
            metrics={"ndcg@10": 0.25},
        )
        write_release(folder, draft)


def read_release(folder: Path) -> Told:
    """Prove every release in a folder and return what it says and how it scores fixed rows."""
    told: Told = {}
    for one, _ in releases(folder):
        release = Release.open(one)
        matrix = np.linspace(-3.0, 4.0, 4 * len(INPUTS), dtype=np.float32).reshape(len(INPUTS), 4)
        matrix[1, 2] = np.nan
        told[release.name] = {
            "version": release.version,
            "digest": release.digest,
            "fingerprint": release.feature_set.fingerprint,
            "columns": list(release.plan.columns),
            "scores": plain(release.scorer.score(matrix)),
            "metrics": dict(release.manifest.metrics),
        }
    return told


# --- ledger and experiments


def write_ledger(folder: Path) -> None:
    """Write a promotion, another, a challenger and a rollback."""
    folder.mkdir(parents=True)
    made = [
        Entry(
            time=NOON + timedelta(minutes=k),
            name="taste",
            action="rollback" if k == 3 else "promote",
            version=version,
            digest=f"{version:064x}",
            folder=f"releases/taste-{version}",
            author="Zoë",
            previous=f"{before:064x}" if before else None,
            **({"alias": CHALLENGER} if k == 2 else {}),
        )
        for k, (version, before) in enumerate(((1, 0), (2, 1), (3, 0), (1, 2)))
    ]
    (folder / "ledger.jsonl").write_text("".join(entry.to_line() for entry in made), encoding="utf-8")


def read_ledger(folder: Path) -> Told:
    """Return every entry, what is live, and what was live before."""
    ledger = Ledger(folder / "ledger.jsonl")
    live, tried = ledger.live("taste"), ledger.live("taste", CHALLENGER)
    before = ledger.at("taste", NOON + timedelta(seconds=90))
    names = ("time", "name", "action", "version", "digest", "folder", "author", "previous", "alias")
    return {
        "entries": [{name: plain(getattr(entry, name)) for name in names} for entry in ledger.entries()],
        "live": live and live.version,
        "challenger": tried and tried.version,
        "live at 12:01:30": before and before.version,
    }


def write_experiments(folder: Path) -> None:
    """Write the file as a person would."""
    folder.mkdir(parents=True)
    (folder / "experiments.yaml").write_text(EXPERIMENTS, encoding="utf-8")


def read_experiments(folder: Path) -> Told:
    """Return the version of the file and what applies to a hundred units and a tester."""
    found = Experiments.load(folder / "experiments.yaml")
    told: Told = {"version": found.version}
    for unit in (*(f"user-{k}" for k in range(100)), "用户", "tester"):
        given = found.assign("shop", user_id=unit, attributes={"request.device": "phone"})
        arms = [[arm.experiment, arm.arm, arm.propensity, arm.overridden] for arm in given.arms]
        told[unit] = {"arms": arms, "parameters": dict(given.parameters)}
    return told


# --- plain values


def record(row: np.void) -> Told:
    """Return the cells of a record by name; what fills up the space between them is left out."""
    names = [name for name in row.dtype.names or () if not name.startswith("_")]
    return {name: plain(row[name]) for name in names}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: floats to the last bit, NaN and infinities as words, times in UTC."""
    if isinstance(value, np.void):
        return record(value)
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


FORMATS: Final = {
    "events-v1": (write_events, read_events),
    "snapshot-v1": (write_snapshot, read_snapshot),
    "release-v1": (write_release_folder, read_release),
    "ledger-v1": (write_ledger, read_ledger),
    "experiments-v1": (write_experiments, read_experiments),
}
