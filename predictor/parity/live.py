"""The online side: a real worker answers over gRPC, and every score and feature is compared with the offline matrix."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from predictor.client import Client
from predictor.parity.offline import differing_bits
from predictor.parity.tables import Tables
from predictor.query import Query
from searchrank.errors import UnavailableError
from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, publish
from searchrank.models import Ledger
from searchrank.workspace import Workspace

__all__ = ["compare", "prepare", "promoted", "worker"]

PROJECT: Final = """
surfaces: {parity: {model: parity, budget_ms: 2000, limit: 10000}}
models: {parity: {inputs: [raw_item]}}
"""
EXPLAINED: Final = 20


def prepare(workspace: Workspace, feature_set: FeatureSet, tables: Tables, release: Path) -> None:
    """Lay out a workspace that serves a release over the tables' items."""
    workspace.project.write_text(PROJECT, encoding="utf-8")
    workspace.features.write_text(feature_set.canonical, encoding="utf-8")
    nothing = pa.table({n: pa.array([], pa.string()) for n in ("kind", "user_id", "item_id", "query")})
    nothing = nothing.append_column("arrival_time", pa.array([], pa.timestamp("us", "UTC")))
    nothing = nothing.append_column("event_time", pa.array([], pa.timestamp("us", "UTC")))
    nothing = nothing.append_column("value", pa.array([], pa.float64()))
    source = SnapshotSource(items=tables.items, events=EventColumns.from_table(nothing), as_of=0)
    publish(Snapshot.build(workspace.snapshots / "parity", feature_set, source))
    Ledger(workspace.ledger).promote(release)


@contextmanager
def worker(workspace: Workspace) -> Iterator[str]:
    """Run one worker; gives its address.

    Raises:
        UnavailableError: When it does not start; carries what it said.
    """
    command = [sys.executable, "-m", "predictor.worker", "--home", str(workspace.root)]
    with (workspace.root / "worker.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout else ""
            said = json.loads(line or "{}")
            if not said.get("ready"):
                raise UnavailableError(f"the worker did not start: {said.get('error', line)!s:.500}")
            yield f"127.0.0.1:{said['port']}"
        finally:
            process.terminate()
            process.wait(timeout=20)
            if process.stdout:
                process.stdout.close()


def compare(
    target: str, tables: Tables, scores: npt.NDArray[np.float64], matrix: npt.NDArray[np.float32], requests: int
) -> tuple[int, int]:
    """Ask the worker what was computed offline.

    Args:
        target: Its address.
        tables: The raw rows; recall columns are not sent and must be missing in them.
        scores: Offline scores ``(pairs,)``.
        matrix: Offline features ``(columns, pairs)``.
        requests: How many requests to send, from the first.

    Returns:
        Pairs compared, and bits that differ in scores and features.
    """
    differing = compared = 0
    asked = tables.pairs.column("request").to_numpy()
    items = tables.items.column("item_id").to_pylist()
    with Client(target) as client:
        for number in range(requests):
            rows = np.flatnonzero(asked == number)
            pairs = tables.pairs.take(pa.array(rows))
            ids = [items[k] if k < len(items) else "unknown" for k in pairs.column("item").to_pylist()]
            sent = {n: _values(pairs.column(n)) for n in pairs.column_names if n.startswith("candidate.")}
            query = Query(surface="parity", context=_context(tables.requests.slice(number, 1)))
            answer = client.rank(query, ids, sent, timeout=5.0)
            served = np.empty(len(rows))
            served[answer.order] = answer.scores
            differing += differing_bits(served, scores[rows])
            part = {name: values[:EXPLAINED] for name, values in sent.items()}
            told = client.explain(query, ids[:EXPLAINED], part, timeout=5.0)
            features = np.ascontiguousarray(told.features)
            differing += differing_bits(features, np.ascontiguousarray(matrix[:, rows[:EXPLAINED]].T))
            compared += len(rows)
    return compared, differing


def promoted(target: str, version: str, *, seconds: float = 5.0) -> bool:
    """Return whether the worker goes on serving a version throughout some seconds."""
    until = time.monotonic() + seconds
    with Client(target) as client:
        while time.monotonic() < until:
            if client.rank(Query(surface="parity"), ["item-0"]).release.version != version:
                return False
            time.sleep(0.1)
    return True


def _context(row: pa.Table) -> dict[str, Any]:
    values = {name: _values(row.column(name))[0] for name in row.column_names}
    return {name: value for name, value in values.items() if value is not None}


def _values(column: pa.ChunkedArray) -> list[Any]:
    values = column.to_pylist()
    if pa.types.is_map(column.type):
        return [None if v is None else dict(v) for v in values]
    if pa.types.is_timestamp(column.type):
        return [None if v is None else v.astimezone(dt.UTC) for v in values]
    if pa.types.is_fixed_size_list(column.type) and column.type.list_size == 2:
        return [None if v is None else tuple(v) for v in values]
    if pa.types.is_fixed_size_list(column.type):
        return [None if v is None else np.asarray(v, np.float32) for v in values]
    return list(values)
