"""What training reads: the live snapshot while it is up to date, and golden rows as the catalogue finds them."""

import os

import numpy as np
import pyarrow as pa
import pytest

from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource, publish
from searchrank.workspace import Workspace
from trainer.golden import golden_rows
from trainer.samples import Samples
from trainer.state import open_state, raw_tables

FEATURES = FeatureSet.parse("inputs: {item.price: {type: float}, item.clicks: {type: signal, count: click}}")
SECOND = 10**9


def write_items(place, price):
    table = pa.table({"item_id": ["caf\u00e9"], "item.price": [price]})
    with pa.OSFile(str(place.items), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


@pytest.fixture
def place(tmp_path):
    """A workspace with one item, one click and a live snapshot of both."""
    place = Workspace(tmp_path)
    place.items.parent.mkdir(parents=True, exist_ok=True)
    write_items(place, 5.0)
    click = {"event_id": ["1"], "kind": ["click"], "event_time": pa.array([7], pa.timestamp("us", "UTC"))}
    with EventLog.open(place.events, writable=True) as log:
        log.append(pa.table(click | {"item_id": ["caf\u00e9"], "arrival_time": click["event_time"]}))
        source = SnapshotSource(
            items=raw_tables(place, FEATURES, log)[0],
            events=EventColumns.from_batches(log.read()),
            as_of=8,
            event_offset=1,
        )
    folder = Snapshot.build(place.snapshots / "live", FEATURES, source)
    publish(folder)
    made = (folder / "manifest.json").stat().st_mtime_ns
    os.utime(place.items, ns=(made - SECOND, made - SECOND))
    return place


def test_the_live_snapshot_is_read_while_it_is_up_to_date(place):
    with open_state(place, FEATURES, EventLog.open(place.events), 7) as state:
        assert state.folder == place.snapshots / "live"


def test_a_catalogue_written_after_the_live_snapshot_is_read_itself(place):
    write_items(place, 6.0)
    with open_state(place, FEATURES, EventLog.open(place.events), 7) as state:
        assert state.folder != place.snapshots / "live"
        assert state.catalogue.records["item.price"][0] == 6.0


def test_golden_rows_hold_the_raw_values_of_an_id_spelt_in_another_normal_form(place):
    ids = ["cafe\u0301", "caf\u00e9"]
    samples = Samples(
        feature_set=FEATURES,
        requests=pa.table({"user_id": pa.nulls(2, pa.string()), "query": pa.nulls(2, pa.string())}),
        impressions=pa.table({"item_id": ids}),
        times=np.array([8, 9]),
        sizes=np.array([1, 1]),
        positions=np.array([0, 0]),
        labels=np.zeros(2, np.float32),
    )
    with open_state(place, FEATURES, EventLog.open(place.events), 7) as state:
        golden, rows = golden_rows(samples, state, *raw_tables(place, FEATURES, EventLog.open(place.events)))
        read = state.catalogue.records["item.price"][rows.item_rows]
    assert golden.column("item.price").to_pylist() == [5.0, None]
    assert read[0] == 5.0
    assert np.isnan(read[1])
