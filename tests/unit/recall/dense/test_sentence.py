from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from recall import DenseBranch, DenseConfig, Query
from recall.dense.build import QuerySide, build_dense
from recall.dense.sentence import SentenceEncoder, digest_of
from searchrank.errors import DataError, NotFoundError
from tests.unit.recall.dense.small_encoder import MEANINGS, write_encoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_encoder(tmp_path / "mini")
    return tmp_path / "mini"


def test_the_vector_of_a_text_is_the_mean_of_its_tokens_and_padding_counts_nothing(folder: Path):
    vector = SentenceEncoder.open(folder).encode("Tea coffee")
    assert vector is not None
    np.testing.assert_allclose(vector, np.mean([MEANINGS["tea"], MEANINGS["coffee"]], axis=0), rtol=1e-6)


def test_a_text_without_tokens_has_no_vector(folder: Path):
    assert SentenceEncoder.open(folder).encode("  ") is None


def test_the_fingerprint_is_told_by_the_files(folder: Path):
    before = digest_of(folder)
    assert SentenceEncoder.open(folder).fingerprint == before
    shutil.rmtree(folder)
    write_encoder(folder, unknown=0.2)
    assert digest_of(folder) != before


def test_missing_and_torn_files_are_named(folder: Path):
    (folder / "model.onnx").write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be opened"):
        SentenceEncoder.open(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(NotFoundError, match=r"tokenizer\.json"):
        SentenceEncoder.open(folder)


def test_an_encoder_that_was_replaced_since_the_build_is_refused(tmp_path: Path, folder: Path):
    encoder = SentenceEncoder.open(folder)
    vectors = np.array(list(MEANINGS.values()), np.float32)
    config = DenseConfig(vectors="v.npz", encoder=str(folder))
    (tmp_path / "index").mkdir()
    side = QuerySide(encoder.fingerprint, None, str(folder))
    build_dense(tmp_path / "index", config, np.arange(4), vectors, 4, queries=side)
    found = DenseBranch.open(tmp_path / "index", config).retrieve(Query(text="an espresso"), 1)
    assert list(MEANINGS)[found.rows[0]] == "espresso"
    shutil.rmtree(folder)
    write_encoder(folder, unknown=0.2)
    with pytest.raises(DataError, match="use one encoder for both"):
        DenseBranch.open(tmp_path / "index", config)
