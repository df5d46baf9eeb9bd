from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recall.dense.vectors import VectorTable
from searchrank.errors import ConfigError, DataError


def test_arrays_and_columns_that_are_not_there_are_named(tmp_path: Path):
    np.savez(tmp_path / "v.npz", ids=np.array(["a"]), vector=np.ones((1, 2)))
    with pytest.raises(DataError, match="no array 'vectors', but ids, vector"):
        VectorTable.read(tmp_path / "v.npz")
    pq.write_table(pa.table({"name": ["a"], "vector": [[1.0]]}), tmp_path / "v.parquet")
    with pytest.raises(DataError, match="no column 'id', but name, vector"):
        VectorTable.read(tmp_path / "v.parquet")


def test_an_id_that_stands_twice_among_very_many_is_named(tmp_path: Path):
    names = [f"i{at}" for at in range(200_000)]
    np.savez(tmp_path / "v.npz", ids=np.array([*names, "i7"]), vectors=np.ones((200_001, 1), np.float32))
    with pytest.raises(DataError, match="the id 'i7' twice"):
        VectorTable.read(tmp_path / "v.npz")


def test_what_made_the_vectors_is_said_once():
    table = VectorTable(["a"], np.ones((1, 2), np.float32))
    assert table.said("mini", "f").encoder == "mini"
    assert table.said("mini", "f").said("", "f").encoder == "mini"
    with pytest.raises(ConfigError, match="f: made_by says 'other', the file says 'mini'"):
        table.said("mini", "f").said("other", "f")
