import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.events import DELETE_ITEM, PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet, Root, hash_text, hash_texts
from searchrank.features.catalogue import Catalogue
from trainer.as_of import AsOf
from trainer.versions import Versions

FEATURES = FeatureSet.parse("inputs: {item.price: {type: float}}\nfeatures: {price: item.price * 1}")


@pytest.fixture
def base(tmp_path):
    table = pa.table({"item_id": ["a", "b"], "item.price": [1.0, 2.0]})
    Catalogue.write(tmp_path / "catalogue", FEATURES, table)
    return Catalogue.open(tmp_path / "catalogue", FEATURES)


@pytest.fixture
def log(tmp_path):
    rows = [
        (PUT_ITEM, "a", 10.0),
        ("click", "a", None),
        (PUT_ITEM, "new", 30.0),
        (DELETE_ITEM, "b", None),
        (PUT_ITEM, "a", 11.0),
        (PUT_ITEM, "b", 20.0),
    ]
    moment = pa.array([1_700_000_000_000_000 + k for k in range(len(rows))], pa.timestamp("us", "UTC"))
    kinds, items, prices = zip(*rows, strict=True)
    table = pa.table({"event_id": [f"e{k}" for k in range(len(rows))], "kind": kinds, "item_id": items})
    table = table.append_column("event_time", moment).append_column("arrival_time", moment)
    with EventLog.open(tmp_path / "events", writable=True, schema=schema(FEATURES)) as opened:
        opened.append(table.append_column("item.price", pa.array(prices, pa.float64())))
        yield opened


def prices(versions, item, offsets):
    hashes = np.full(len(offsets), hash_text(item))
    return versions.gather(versions.rows(hashes, np.array(offsets)))["item.price"].tolist()


def test_a_document_is_the_last_one_put_before_the_offset(base, log):
    versions = Versions.read(base, FEATURES, Root.ITEM, log, (0, log.end))
    assert prices(versions, "a", [0, 1, 4, 5, 6]) == [1.0, 10.0, 10.0, 11.0, 11.0]


def test_a_deleted_or_unknown_item_is_missing_until_it_is_put(base, log):
    versions = Versions.read(base, FEATURES, Root.ITEM, log, (0, log.end))
    assert np.array_equal(prices(versions, "b", [3, 4, 5, 6]), [2.0, np.nan, np.nan, 20.0], equal_nan=True)
    assert np.array_equal(prices(versions, "new", [2, 3]), [np.nan, 30.0], equal_nan=True)
    assert versions.rows(hash_texts(["b", "nowhere"]), np.array([4, 6])).tolist() == [2, 2]


def test_only_a_stretch_of_the_log_counts(base, log):
    versions = Versions.read(base, FEATURES, Root.ITEM, log, (1, 5))
    assert prices(versions, "a", [4, 5, 6]) == [1.0, 11.0, 11.0]
    assert np.isnan(prices(versions, "b", [6])).all()


def test_without_changes_the_snapshot_is_all_there_is(base, log):
    versions = Versions.read(base, FEATURES, Root.ITEM, log, (0, 0))
    assert prices(versions, "a", [6]) == [1.0]


def test_an_offset_means_what_arrived_before_its_event(log):
    as_of = AsOf.read(log)
    last = 1_700_000_000_000_005
    assert as_of.before(np.array([0, 3, 6])).tolist() == [0, last - 2, last + 1]
    with pytest.raises(DataError, match="saw the log up to offset 7, but it ends at 6"):
        as_of.before(np.array([7]))
