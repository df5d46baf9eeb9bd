from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import ConflictError, DataError, NotFoundError
from searchrank.features import FeatureSet, Root, encode, hash_text, hash_texts
from searchrank.features.catalogue import Catalogue
from searchrank.features.hash_table import HashTable

FEATURES = """
inputs:
  item.price: {type: float, missing: 7}
  item.category: {type: category}
  item.title: {type: tokens, limit: 4}
  item.tags: {type: list, limit: 3}
  item.location: {type: point}
  item.clicks: {type: signal, count: click}
  user.home: {type: point}
"""


@pytest.fixture(scope="module")
def feature_set() -> FeatureSet:
    return FeatureSet.parse(FEATURES)


def items(count: int = 5) -> pa.Table:
    return pa.table(
        {
            "item_id": [["a", "ünï", "7", "-12", "007"][k] if k < 5 else f"i{k}" for k in range(count)],
            "item.price": pa.array([None if k % 3 == 0 else k / 2 for k in range(count)], pa.float64()),
            "item.category": pa.array([f"c{k % 7}" for k in range(count)]).dictionary_encode(),
            "item.title": [f"hot pot {k}" for k in range(count)],
            "item.tags": pa.array([[f"t{k}", "x"][: k % 3] for k in range(count)], pa.list_(pa.string())),
        }
    )


def written(folder, feature_set: FeatureSet, table: pa.Table) -> Catalogue:
    Catalogue.write(folder, feature_set, table)
    return Catalogue.open(folder, feature_set)


def test_records_are_what_encode_gives_and_the_last_is_all_missing(tmp_path, feature_set):
    table = items()
    catalogue = written(tmp_path, feature_set, table)
    columns = {name: table.column(name).combine_chunks() for name in table.column_names[1:]}
    assert catalogue.records.dtype == feature_set.item_layout
    assert catalogue.records[:5].tobytes() == encode(feature_set.item_inputs, columns, 5).tobytes()
    assert catalogue.records[5:].tobytes() == encode(feature_set.item_inputs, {}, 1).tobytes()
    assert catalogue.records["item.price"][[0, 1, 5]].tolist() == [7, 0.5, 7]


@pytest.mark.parametrize(("limit", "size"), [("_CHUNK", 7), ("_CHUNK_BYTES", 1_000)])
def test_many_chunks_are_one_table(tmp_path, feature_set, monkeypatch, limit, size):
    table = items(50)
    whole = written(tmp_path / "whole", feature_set, table)
    monkeypatch.setattr(f"searchrank.features.catalogue.{limit}", size)
    parts = written(tmp_path / "parts", feature_set, pa.concat_tables([table.slice(0, 9), table.slice(9)]))
    assert parts.records.tobytes() == whole.records.tobytes()


def test_ids_find_their_rows_and_unknown_ones_the_missing_row(tmp_path, feature_set):
    catalogue = written(tmp_path, feature_set, items(2000))
    assert len(catalogue) == 2000
    assert catalogue.rows(catalogue.ids.to_pylist()).tolist() == list(range(2000))
    assert catalogue.rows(["never", "i5", "u\u0308ni\u0308", "İ"]).tolist() == [2000, 5, 1, 2000]
    assert catalogue.rows([]).tolist() == []
    assert catalogue.rows_of_hashes(np.array([hash_text("7"), 0])).tolist() == [2, 2000]
    assert catalogue.hashes.tolist() == hash_texts(catalogue.ids.to_pylist()).tolist()


def test_integer_ids_may_be_stored_as_integers(tmp_path, feature_set):
    extremes = [0, 5, -(1 << 63), (1 << 63) - 1]
    catalogue = written(tmp_path, feature_set, pa.table({"item_id": pa.array(extremes, pa.int64())}))
    assert catalogue.ids.to_pylist() == [str(n) for n in extremes]
    assert catalogue.rows([str(n) for n in extremes]).tolist() == [0, 1, 2, 3]
    assert catalogue.rows(["5"]).tolist() == [1]


def test_an_empty_catalogue_has_only_the_missing_row(tmp_path, feature_set):
    catalogue = written(tmp_path, feature_set, items(0))
    assert (len(catalogue), catalogue.rows(["a"]).tolist(), len(catalogue.records)) == (0, [0], 1)


def test_users_are_kept_the_same_way(tmp_path, feature_set):
    table = pa.table({"user_id": ["u"], "user.home": pa.array([[31.0, 121.0]], pa.list_(pa.float64(), 2))})
    Catalogue.write(tmp_path, feature_set, table, root=Root.USER)
    users = Catalogue.open(tmp_path, feature_set, root=Root.USER)
    assert users.records["user.home"][users.rows(["u"])].tolist() == [[31, 121]]


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (pa.array(["a", None]), "row 1 has no id"),
        (pa.array(["a", ""]), "row 1 has no id"),
        (pa.array(["a", "é" * 65]), "130 bytes, at most 128"),
        (pa.array(["a", "b", "a"]), "'a' is there twice .rows 0 and 2"),
        (pa.array(["é", "e\u0301"]), "one to the 64-bit hash"),
        (pa.array([1.5]), "text or integers, not double"),
    ],
)
def test_wrong_ids_are_refused_by_name(ids, words, tmp_path, feature_set):
    with pytest.raises(DataError, match=words) as raised:
        Catalogue.write(tmp_path, feature_set, pa.table({"item_id": ids}))
    assert raised.value.field == "item_id"
    assert not list(tmp_path.iterdir())


def test_a_wrong_column_is_named(tmp_path, feature_set):
    with pytest.raises(DataError) as raised:
        Catalogue.write(tmp_path, feature_set, pa.table({"item_id": ["a"], "item.price": ["dear"]}))
    assert raised.value.field == "item.price"
    with pytest.raises(DataError, match="item_id"):
        Catalogue.write(tmp_path, feature_set, pa.table({"id": ["a"]}))


def test_other_inputs_than_it_was_built_from_are_refused(tmp_path, feature_set):
    Catalogue.write(tmp_path, feature_set, items())
    Catalogue.open(tmp_path, FeatureSet.parse(FEATURES + "features:\n  cheap: log1p(item.price)\n"))
    with pytest.raises(DataError, match="rebuild"):
        Catalogue.open(tmp_path, FeatureSet.parse(FEATURES.replace("missing: 7", "missing: 8")))


def test_a_damaged_or_absent_catalogue_is_refused(tmp_path, feature_set):
    with pytest.raises(NotFoundError):
        Catalogue.open(tmp_path, feature_set)
    Catalogue.write(tmp_path, feature_set, items())
    with (tmp_path / "records.bin").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(DataError, match="damaged"):
        Catalogue.open(tmp_path, feature_set)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        Catalogue.open(tmp_path, feature_set)
    with pytest.raises(ConflictError):
        Catalogue.write(tmp_path, feature_set, items())


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_a_hash_table_holds_every_key(count):
    keys = np.random.default_rng(count).integers(-(1 << 63), (1 << 63) - 1, count)
    keys[:1] = 0
    table = HashTable.build(keys)
    assert table.rows(keys).tolist() == list(range(count))
    assert table.rows(np.array([12345, -1])).tolist() == [count, count]
    assert 2 * count <= len(table.slots) - 1
