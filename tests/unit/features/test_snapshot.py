from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import ConflictError, DataError, NotFoundError
from searchrank.features import FeatureSet, encode, hash_text
from searchrank.features.history import EventColumns, query_hash
from searchrank.features.snapshot import (
    Snapshot,
    SnapshotSource,
    current,
    fill_candidates,
    fill_requests,
    publish,
    snapshot_id,
)

FEATURES = """
inputs:
  item.price: {type: float}
  item.category: {type: category}
  item.clicks: {type: signal, count: click}
  user.home: {type: point}
  user.age: {type: float, missing: 30}
  user.likes: {type: list, limit: 2}
  user.embedding: {type: vector, size: 3}
  user.clicks: {type: signal, count: click}
  user.taste: {type: map, count: click, by: item.category, limit: 4}
  query.clicks: {type: signal, count: click}
  request.hour: {type: float}
  candidate.eta: {type: float}
"""


def events() -> EventColumns:
    return EventColumns.from_table(
        pa.table(
            {
                "kind": ["click", "click", "click", "click"],
                "event_time": pa.array([10, 20, 30, 40], pa.timestamp("us", tz="UTC")),
                "user_id": ["u1", "u1", "u2", "u1"],
                "item_id": ["i1", "i2", "i1", "i1"],
                "query": ["tea", None, "TEA", "tea"],
            }
        )
    )


def source() -> SnapshotSource:
    items = pa.table({"item_id": ["i1", "i2"], "item.price": [1.0, 2.0], "item.category": ["a", "b"]})
    users = {
        "user_id": ["u1", "u3"],
        "user.home": pa.array([[31.0, 121.0], None], pa.list_(pa.float64(), 2)),
        "user.age": [20.0, None],
        "user.likes": pa.array([["x", "y", "z"], ["w"]]),
        "user.embedding": pa.array([[1, 2, 3], [4, 5, 6]], pa.list_(pa.float32(), 3)),
    }
    return SnapshotSource(items=items, users=pa.table(users), events=events(), as_of=40, event_offset=4)


@pytest.fixture(scope="module")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


@pytest.fixture(scope="module")
def snapshot(feature_set, tmp_path_factory) -> Snapshot:
    folder = Snapshot.build(tmp_path_factory.mktemp("snapshots") / "one", feature_set, source())
    return Snapshot.open(folder, feature_set)


def test_the_manifest_says_what_was_counted(snapshot, feature_set):
    manifest = snapshot.manifest
    assert (manifest.id, manifest.items, manifest.users, manifest.event_offset) == ("one", 2, 2, 4)
    assert (manifest.as_of, manifest.feature_set) == (40, feature_set.fingerprint)
    assert manifest.created.endswith("+00:00")


def test_requests_get_profiles_and_statistics_and_keep_the_rest(snapshot, feature_set):
    names = ["u1", "u2", "u3", None]
    users = np.array([hash_text(n) if n else 0 for n in names])
    requests = encode(feature_set.request_inputs, {"request.hour": [1, 2, 3, 4]}, 4)
    fill_requests(snapshot, requests, users, np.full(4, query_hash(" Tea")), np.array([25, 99, 99, 99]))
    assert requests["request.hour"].tolist() == [1, 2, 3, 4]
    assert requests["user.age"].tolist() == [20, 30, 30, 30]
    assert requests["user.home"][0].tolist() == [31, 121]
    assert np.isnan(requests["user.home"][1:]).all()
    assert requests["user.likes"]["count"].tolist() == [2, -1, 1, -1]
    assert requests["user.likes"]["values"][0].tolist() == [hash_text("x"), hash_text("y")]
    assert requests["user.embedding"][2].tolist() == [4, 5, 6]
    assert requests["user.clicks"][:3].tolist() == [2, 1, 0]
    assert np.isnan(requests["user.clicks"][3])
    assert requests["user.taste"]["count"].tolist() == [2, 1, 0, -1]
    assert requests["query.clicks"].tolist() == [1, 2, 2, 2]


def test_one_request_has_the_bytes_it_has_among_many(snapshot, feature_set):
    users, queries, times = np.array([hash_text("u1")]), np.array([query_hash("tea")]), np.array([35])
    one, many = (encode(feature_set.request_inputs, {}, n) for n in (1, 5))
    fill_requests(snapshot, one, users, queries, times)
    fill_requests(snapshot, many, *(np.repeat(a, 5) for a in (users, queries, times)))
    assert many.tobytes() == one.tobytes() * 5


def test_candidates_get_live_statistics_and_keep_the_rest(snapshot, feature_set):
    candidates = encode(feature_set.candidate_inputs, {"candidate.eta": [7, 8, 9]}, 3)
    fill_candidates(snapshot, candidates, np.array([hash_text(i) for i in ("i1", "i2", "i3")]), np.full(3, 50))
    assert candidates["candidate.eta"].tolist() == [7, 8, 9]
    assert candidates["item.clicks"].tolist() == [2, 1, 0]  # the event at as_of is left out


def test_records_of_a_smaller_feature_set_are_filled_too(snapshot):
    smaller = FeatureSet.parse("inputs:\n  user.age: {type: float}\n  user.new: {type: float}\n")
    requests = encode(smaller.request_inputs, {}, 1)
    fill_requests(snapshot, requests, np.array([hash_text("u1")]), np.zeros(1, np.int64), np.array([9]))
    assert requests["user.age"][0] == 20
    assert np.isnan(requests["user.new"][0])


def test_records_of_another_form_are_refused(snapshot):
    other = FeatureSet.parse("inputs:\n  user.likes: {type: list, limit: 3}\n")
    one = np.ones(1, np.int64)
    with pytest.raises(DataError, match=r"user\.likes"):
        fill_requests(snapshot, encode(other.request_inputs, {}, 1), one, one, one)


def test_a_snapshot_is_written_once_and_whole(feature_set, tmp_path):
    Snapshot.build(tmp_path / "a", feature_set, source())
    with pytest.raises(ConflictError):
        Snapshot.build(tmp_path / "a", feature_set, source())
    bad = SnapshotSource(items=pa.table({"item_id": ["i", "i"]}), events=events(), as_of=1)
    with pytest.raises(DataError, match="twice"):
        Snapshot.build(tmp_path / "b", feature_set, bad)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_snapshot_needs_no_users(feature_set, tmp_path):
    Snapshot.build(tmp_path / "a", feature_set, SnapshotSource(items=source().items, events=events(), as_of=40))
    snapshot = Snapshot.open(tmp_path / "a", feature_set)
    requests = encode(feature_set.request_inputs, {}, 1)
    fill_requests(snapshot, requests, np.array([hash_text("u1")]), np.zeros(1, np.int64), np.array([50]))
    assert (snapshot.manifest.users, requests["user.age"][0], requests["user.clicks"][0]) == (0, 30, 2)


def test_new_features_need_no_new_snapshot_but_new_inputs_do(snapshot):
    Snapshot.open(snapshot.folder, FeatureSet.parse(FEATURES + "features:\n  cheap: log1p(item.price)\n"))
    with pytest.raises(DataError, match="rebuild"):
        Snapshot.open(snapshot.folder, FeatureSet.parse(FEATURES + "  user.more: {type: float}\n"))


def test_progress_is_told(feature_set, tmp_path):
    told = []
    Snapshot.build(tmp_path / "a", feature_set, source(), lambda *step: told.append(step))
    assert told == [(0, 3, "items"), (1, 3, "users"), (2, 3, "statistics"), (3, 3, "done")]


def test_the_current_snapshot_is_the_last_published(feature_set, tmp_path):
    with pytest.raises(NotFoundError, match="searchrank refresh"):
        current(tmp_path)
    for name in ("a", "b"):
        publish(Snapshot.build(tmp_path / name, feature_set, source()))
        assert current(tmp_path) == tmp_path / name
    with pytest.raises(NotFoundError):
        publish(tmp_path / "c")
    assert current(tmp_path) == tmp_path / "b"
    (tmp_path / "CURRENT").write_text("../elsewhere")
    with pytest.raises(NotFoundError):
        current(tmp_path)


def test_ids_of_snapshots_are_new_and_sort_by_time():
    assert snapshot_id(0) != snapshot_id(0)
    assert snapshot_id(10**15) < snapshot_id(2 * 10**15)


def test_a_damaged_manifest_is_refused(feature_set, tmp_path):
    Snapshot.build(tmp_path / "a", feature_set, source())
    for text in ("{", "[]", '{"format": 1}'):
        (tmp_path / "a" / "manifest.json").write_text(text)
        with pytest.raises(DataError, match="rebuild"):
            Snapshot.open(tmp_path / "a", feature_set)


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:40])])
def test_a_snapshot_that_lost_a_file_or_part_of_it_is_refused_as_damaged(feature_set, tmp_path, harm):
    folder = Snapshot.build(tmp_path / "whole", feature_set, source())
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix in {".npy", ".arrow", ".bin"}]
    assert len(files) > 10
    for number, name in enumerate(files):
        broken = shutil.copytree(folder, tmp_path / f"broken{number}")
        harm(broken / name)
        with pytest.raises(DataError, match="damaged"):
            Snapshot.open(broken, feature_set)
