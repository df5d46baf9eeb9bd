"""Slices by expression: requests whose relevant rows are so."""

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import ConfigError, DefinitionError
from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns
from searchrank.features.snapshot import Snapshot, SnapshotSource
from trainer.evaluation.members import members_of
from trainer.samples import Samples

FEATURES = FeatureSet.parse("""
inputs:
  item.price: {type: float}
  item.kind: {type: category}
  request.device: {type: category}
features:
  double: item.price * 2
""")
ITEMS = pa.table({"item_id": ["a", "b"], "item.price": [1.0, 9.0], "item.kind": ["tea", "coffee"]})


@pytest.fixture
def snapshot(tmp_path):
    events = EventColumns.from_table(pa.table({"kind": pa.array([], pa.string())}))
    source = SnapshotSource(items=ITEMS, users=None, events=events, as_of=1)
    return Snapshot.open(Snapshot.build(tmp_path / "state", FEATURES, source), FEATURES)


def samples(labels):
    """Requests of both items, from a phone and a desk in turn."""
    count = len(labels) // 2
    return Samples(
        FEATURES,
        pa.table({
            "request_id": [str(i) for i in range(count)],
            "user_id": pa.nulls(count, pa.string()),
            "query": pa.nulls(count, pa.string()),
            "request.device": [("phone", "desk")[i % 2] for i in range(count)],
        }),
        pa.table({"item_id": ["a", "b"] * count}),
        np.arange(count),
        np.full(count, 2),
        np.tile([0, 1], count),
        np.asarray(labels, np.float32),
    )  # fmt: skip


def test_a_request_is_in_a_slice_when_one_of_its_relevant_rows_is(snapshot):
    found = members_of({"dear": "double > 10"}, samples([1, 0, 0, 1, 1, 1, 0, 0]), snapshot, [ITEMS])
    assert found["dear"].tolist() == [False, True, True, False]


def test_a_category_is_a_slice_for_each_value_of_enough_requests(snapshot):
    found = members_of(
        {"kind": "item.kind", "on": "request.device"}, samples([1, 0] * 30 + [0, 1] * 12), snapshot, [ITEMS]
    )
    assert {name: int(mask.sum()) for name, mask in found.items()} == {"kind=tea": 30, "on=desk": 21, "on=phone": 21}


def test_an_expression_that_is_no_slice_is_refused(snapshot):
    with pytest.raises(ConfigError, match="a comparison or a category, not a number: double"):
        members_of({"x": "double"}, samples([1, 0]), snapshot, [])
    with pytest.raises(DefinitionError, match=r"gate\.slices\.x"):
        members_of({"x": "nowhere > 1"}, samples([1, 0]), snapshot, [])


def test_no_slices_need_no_looking(snapshot):
    assert members_of({}, samples([1, 0]), snapshot, []) == {}
