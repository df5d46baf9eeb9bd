from __future__ import annotations

import logging
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recall import DenseBranch, DenseConfig, IndexSources, Late, Query, RecallConfig, Recaller, build_indexes
from recall.dense.build import QuerySide, build_dense
from recall.dense.encoding import CachedEncoder
from recall.dense.index import Costs, VectorIndex, write_index
from recall.dense.vectors import VectorTable
from searchrank.errors import ConfigError, DataError, NotFoundError
from searchrank.features import FeatureSet
from searchrank.features.catalogue import Catalogue
from searchrank.features.history import EventColumns
from tests.unit.recall.conftest import ITEMS

ASKED = DenseConfig(vectors="v.npz", input="request.vector")


def drawn(n: int, seed: int = 0, size: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, size)).astype(np.float32)


def built(folder: Path, config: DenseConfig, vectors: np.ndarray, **how) -> DenseBranch:
    folder.mkdir(parents=True)
    build_dense(folder, config, np.arange(len(vectors)), vectors, len(vectors), **how)
    return DenseBranch.open(folder, config)


def linear(vectors: np.ndarray, vector: np.ndarray, metric: str, kept: np.ndarray) -> list[int]:
    scores = vectors.astype(np.float64) @ vector
    if metric == "cosine":
        with np.errstate(invalid="ignore"):
            scores = scores / np.linalg.norm(vectors.astype(np.float64), axis=1)
    rows = np.flatnonzero(kept & np.isfinite(scores))
    return rows[np.lexsort((rows, -scores[rows]))].tolist()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_branch_equals_a_linear_scan(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    n = data.draw(st.integers(0, 40))
    cells = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0]), min_size=4 * n, max_size=4 * n)
    vectors = np.array(data.draw(cells), np.float32).reshape(n, 4)
    vector = np.array(data.draw(st.lists(st.sampled_from([-1.0, 0.5, 2.0]), min_size=4, max_size=4)), np.float32)
    metric = data.draw(st.sampled_from(["cosine", "inner_product"]))
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), np.bool_)
    exclude = np.array(data.draw(st.lists(st.integers(-1, 50), max_size=5)), np.int64)
    branch = built(tmp_path_factory.mktemp("d") / "i", ASKED.model_copy(update={"metric": metric}), vectors)
    kept = allowed & ~np.isin(np.arange(n), exclude)
    found = branch.retrieve(Query(given={ASKED.input: vector}, allowed=allowed, exclude=exclude), 100)
    wanted = linear(vectors, vector, metric, kept)
    exact = {row: at for at, row in enumerate(wanted)}
    assert sorted(found.rows.tolist()) == sorted(wanted)
    pairs = list(zip(-found.scores, found.rows, strict=True))
    assert pairs == sorted(pairs)
    scores = vectors.astype(np.float64) @ vector.astype(np.float64)
    if metric == "inner_product":  # small whole numbers: no rounding
        assert [exact[row] for row in found.rows.tolist()] == list(range(len(wanted)))
        assert found.scores.tolist() == scores[found.rows].tolist()


@pytest.mark.parametrize("storage", ["f32", "f16", "i8"])
def test_a_graph_finds_what_a_scan_finds_at_every_share_of_allowed_ones(tmp_path: Path, storage: str):
    vectors = drawn(5_000)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    write_index(tmp_path, vectors, storage)
    index = VectorIndex.open(tmp_path, 64)
    quick = VectorIndex(index._index, Costs(1.0, 0.0, 0.0, 1e-9), 64)  # a graph whenever there are enough survivors
    scan = VectorIndex(index._index, None, 64)
    shares = np.random.default_rng(1).random(len(vectors))
    near_first = vectors @ drawn(1, 9)[0]  # correlated: one side of the space is allowed
    for share in (1.0, 0.3, 0.05, 0.005):
        for allowed in (shares < share, near_first >= np.quantile(near_first, 1 - share)):
            hits = 0
            for vector in drawn(20, 3):
                best = [p[np.lexsort((p, -s))][:10] for p, s in (i.nearest(vector, 10, allowed) for i in (quick, scan))]
                assert allowed[best[0]].all()
                hits += len(np.intersect1d(*best))
            assert hits >= 0.95 * 200


@pytest.mark.parametrize("storage", ["f32", "f16", "i8"])
@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
def test_a_scan_by_the_library_equals_a_linear_scan(tmp_path: Path, storage: str, metric: str):
    vectors = np.random.default_rng(4).integers(-3, 4, (900, 8)).astype(np.float32)  # many are equal
    vectors[:, 0] += 5
    branch = built(tmp_path / "i", ASKED.model_copy(update={"storage": storage, "metric": metric}), vectors)
    kept = np.random.default_rng(5).random(900) < 0.5
    for vector in drawn(10, 6):
        allowed = branch.retrieve(Query(given={ASKED.input: vector}, allowed=kept), 10)
        whole = branch.retrieve(Query(given={ASKED.input: vector}), 900)
        assert len(whole) == 900
        best = whole.rows[kept[whole.rows]][:10]
        assert allowed.rows.tolist() == best.tolist()
        if storage == "f32":
            exact = linear(vectors, vector, metric, kept)
            assert len(np.intersect1d(allowed.rows, exact[:10])) >= 9, "equal ones may be rounded apart"


@pytest.mark.parametrize(("storage", "bytes_each"), [("f32", 256), ("f16", 128), ("i8", 64)])
def test_vectors_are_kept_as_configured(tmp_path: Path, storage: str, bytes_each: int):
    write_index(tmp_path, drawn(500, size=64), storage)
    size = (tmp_path / "vectors.faiss").stat().st_size
    assert 500 * bytes_each <= size <= 500 * bytes_each + 1_000


def test_a_graph_finds_the_largest_inner_products_of_vectors_of_any_length(tmp_path: Path):
    vectors = drawn(4_500)
    branch = built(tmp_path / "i", ASKED.model_copy(update={"metric": "inner_product"}), vectors)
    branch._index._costs = Costs(1.0, 0.0, 0.0, 1e-9)
    asked = drawn(20, 3)
    found = [branch.retrieve(Query(given={ASKED.input: vector}), 10).rows for vector in asked]
    exact = np.argsort(-(asked @ vectors.T), axis=1)[:, :10]
    assert sum(len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True)) >= 0.97 * 200


def test_items_put_since_are_scanned_and_replaced_ones_left_out(tmp_path: Path):
    vectors = drawn(6)
    config = ASKED.model_copy(update={"vectors": "item.vector"})
    branch = built(tmp_path / "i", config, vectors)
    put = np.stack([vectors[2], np.full(8, np.nan, np.float32)])
    late = Late(np.array([7, 8]), {}, np.array([2]), np.array([7]), {"item.vector": put})
    found = branch.retrieve(Query(given={ASKED.input: vectors[2]}, late=late), 10)
    assert found.rows[0] == 7
    assert sorted(found.rows.tolist()) == [0, 1, 3, 4, 5, 7]
    of_file = built(tmp_path / "f", ASKED, vectors).retrieve(Query(given={ASKED.input: vectors[2]}, late=late), 10)
    assert late.moved(of_file).rows[0] == 7


def test_what_cannot_be_indexed_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    vectors = drawn(5)
    vectors[1] = 0
    with caplog.at_level(logging.WARNING):
        build_dense(tmp_path, ASKED, np.array([0, 1, 2, 9, 9]), vectors, 9)
    assert "2 vectors are of unknown items, 1 are zero; 7 items have none" in caplog.text
    assert DenseBranch.open(tmp_path, ASKED).retrieve(Query(given={ASKED.input: vectors[0]}), 9).rows[0] == 0


@pytest.mark.parametrize("vector", [None, np.full(8, np.nan, np.float32), np.zeros(8, np.float32)])
def test_a_query_without_a_vector_finds_nothing(tmp_path: Path, vector: np.ndarray | None):
    assert len(built(tmp_path / "i", ASKED, drawn(9)).retrieve(Query(text="pot", given={ASKED.input: vector}), 5)) == 0


def test_a_vector_of_another_size_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"size 3, those of items are of 8"):
        built(tmp_path / "i", ASKED, drawn(9)).retrieve(Query(given={ASKED.input: np.ones(3, np.float32)}), 5)


def test_embeddings_of_queries_are_found_by_normalised_text(tmp_path: Path):
    vectors = drawn(9)
    table = VectorTable(["Green  TEA", "pot"], vectors[[4, 7]], "mini-1")
    config = DenseConfig(vectors="v.npz", queries="q.npz", input=ASKED.input)
    branch = built(tmp_path / "i", config, vectors, queries=QuerySide("mini-1", table))
    assert branch.retrieve(Query(text="green tea"), 1).rows.tolist() == [4]
    assert branch.retrieve(Query(text="pot"), 1).rows.tolist() == [7]
    assert len(branch.retrieve(Query(text="wok"), 1)) == 0
    assert branch.retrieve(Query(text="pot", given={ASKED.input: vectors[0]}), 1).rows.tolist() == [0]


def test_queries_of_another_encoder_are_refused(tmp_path: Path):
    table = VectorTable(["tea"], drawn(1), "mini-2")
    with pytest.raises(DataError, match=r"items were made by 'mini-1', those of queries by 'mini-2'"):
        built(tmp_path / "i", ASKED, drawn(9), queries=QuerySide("mini-1", table))


def test_a_vector_is_made_once_and_those_used_longest_ago_go():
    class Counting:
        fingerprint = "c"
        asked: ClassVar[list[str]] = []

        def encode(self, text):
            self.asked.append(text)
            return np.ones(2, np.float32)

    encoder = CachedEncoder(Counting(), kept=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        encoder.encode(text)
    assert Counting.asked == ["a", "b", "c", "b"]
    assert len(encoder) == 2


def write_table(path: Path, ids: list[str], vectors: np.ndarray) -> None:
    if path.suffix == ".npz":
        np.savez(path, ids=np.array(ids), vectors=vectors, encoder="mini-1")
    elif path.suffix == ".npy":
        np.save(path, vectors)
        path.with_suffix(".ids").write_text("\n".join(ids))
    else:
        table = pa.table({"id": ids, "vector": list(vectors)}).replace_schema_metadata({"encoder": "mini-1"})
        if path.suffix == ".parquet":
            pq.write_table(table, path)
        else:
            with pa.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)


@pytest.mark.parametrize("name", ["v.npz", "v.npy", "v.parquet", "v.arrow"])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_vectors_are_read_from_files(tmp_path: Path, name: str, kind: type):
    vectors = drawn(4).astype(kind)
    write_table(tmp_path / name, list("abcd"), vectors)
    table = VectorTable.read(tmp_path / name)
    assert list(table.ids) == list("abcd")
    assert table.vectors.dtype == np.float32
    assert table.vectors.tolist() == vectors.tolist()
    assert table.encoder == ("" if name == "v.npy" else "mini-1")


def test_wrong_files_of_vectors_are_refused(tmp_path: Path):
    with pytest.raises(NotFoundError, match="no file of vectors"):
        VectorTable.read(tmp_path / "v.npz")
    (tmp_path / "v.npz").write_bytes(b"PK torn")
    with pytest.raises(DataError, match="cannot be read"):
        VectorTable.read(tmp_path / "v.npz")
    (tmp_path / "v.csv").write_text("a,1\n")
    with pytest.raises(DataError, match=r"write \.npz"):
        VectorTable.read(tmp_path / "v.csv")
    holes = drawn(3)
    holes[1, 2] = np.nan
    for ids, vectors, message in (
        (["a", "b", "c"], holes, "vector of 'b' holds NaN"),
        (["a", "b", "a"], drawn(3), "id 'a' twice"),
        (["a", "b"], drawn(3), "2 ids and vectors of shape"),
    ):
        write_table(tmp_path / "w.npz", ids, vectors)
        with pytest.raises(DataError, match=message):
            VectorTable.read(tmp_path / "w.npz")
    pq.write_table(pa.table({"id": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="differ in size"):
        VectorTable.read(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"vectors": "v.npz"}, "say where vectors of queries come from"),
        ({"vectors": "v.npz", "queries": "q.npz", "encoder": "mini"}, "not both"),
        ({"vectors": "v.npz", "input": "a", "metric": "l2"}, "metric"),
    ],
)
def test_a_wrong_configuration_is_refused(section: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        RecallConfig.parse({"dense": section})


@pytest.fixture
def sources(tmp_path: Path, feature_set: FeatureSet, events: EventColumns) -> IndexSources:
    Catalogue.write(tmp_path / "catalogue", feature_set, ITEMS)
    catalogue = Catalogue.open(tmp_path / "catalogue", feature_set)
    return IndexSources(inputs=feature_set.inputs, items=ITEMS, events=events, catalogue=catalogue, root=tmp_path)


def test_dense_and_lexical_are_built_from_files_and_fused(tmp_path: Path, sources: IndexSources):
    config = RecallConfig.parse(
        {"lexical": {"fields": {"item.title": 1.0}}, "dense": {"vectors": "v.npz", "queries": "q.npz"}}
    )
    ids = ITEMS["item_id"].to_pylist()
    write_table(tmp_path / "v.npz", ids, drawn(5))
    write_table(tmp_path / "q.npz", ["green tea"], drawn(5)[[4]])
    told: list[str] = []
    build_indexes(tmp_path, [config], sources, lambda _done, _total, what: told.append(what))
    assert told == ["index lexical", "index dense", "index dense 0 %", "done"]
    found = Recaller.open(tmp_path / "indexes", config).retrieve(Query(text="Green tea"), 5)
    assert found.recalled.branches == ("lexical", "dense")
    assert found.recalled.rows[0] == ids.index("tea")
    assert found.recalled.ranks[1].tolist().index(1) == found.recalled.rows.tolist().index(4)


def test_a_build_that_fails_leaves_the_old_index(tmp_path: Path, sources: IndexSources):
    config = RecallConfig.parse({"dense": {"vectors": "v.npz", "queries": "v.npz"}})
    write_table(tmp_path / "v.npz", ITEMS["item_id"].to_pylist(), drawn(5))
    build_indexes(tmp_path, [config], sources)

    def dies(_done: int, _total: int, what: str) -> None:
        if "%" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_indexes(tmp_path, [config], sources, dies)
    assert len(Recaller.open(tmp_path / "indexes", config).retrieve(Query(text="tea"), 5).recalled) == 5
    write_table(tmp_path / "v.npz", ["a"], np.full((1, 8), np.inf, np.float32))
    with pytest.raises(DataError, match="NaN or infinity"):
        build_indexes(tmp_path, [config], sources)
    assert len(Recaller.open(tmp_path / "indexes", config).retrieve(Query(text="tea"), 5).recalled) == 5


def test_a_torn_index_is_named(tmp_path: Path):
    built(tmp_path / "i", ASKED, drawn(9))
    file = tmp_path / "i" / "vectors.faiss"
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="damaged"):
        DenseBranch.open(tmp_path / "i", ASKED)


def test_an_undeclared_request_vector_is_refused(tmp_path: Path, sources: IndexSources):
    config = RecallConfig(dense=replace_input(ASKED))
    with pytest.raises(ConfigError, match=r"recall\.dense\.input: 'request\.vektor' is not a vector of the request"):
        build_indexes(tmp_path, [config], sources)


def replace_input(config: DenseConfig) -> DenseConfig:
    return config.model_copy(update={"input": "request.vektor"})
