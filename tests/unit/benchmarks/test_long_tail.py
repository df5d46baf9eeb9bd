import json
from pathlib import Path

import numpy as np
import pytest
from long_tail import measure, misspell
from retrieval import VECTORS

from recall.dense.sentence import SentenceEncoder
from searchrank.errors import DataError
from tests.unit.recall.dense.small_encoder import write_encoder

DOCUMENTS = {"d1": "tea green", "d2": "coffee black", "d3": "tea black rooibos", "d4": "coffee white latte"}
QUERIES = {"q1": "tea rooibos", "q2": "infusion", "q3": "coffee"}
RELEVANT = {"q1": "d3", "q2": "d1", "q3": "d2"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_encoder(tmp_path / "mini")
    for name, told in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        lines = [json.dumps({"_id": key, "text": text}) for key, text in told.items()]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    (tmp_path / "qrels").mkdir()
    judged = [f"{query}\t{document}\t1" for query, document in RELEVANT.items()]
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(["query\tdocument\tgrade", *judged]))
    encoder = SentenceEncoder.open(tmp_path / "mini")
    vectors = [np.array([encoder.encode(text) for text in told.values()]) for told in (DOCUMENTS, QUERIES)]
    ids = {"doc_ids": list(DOCUMENTS), "query_ids": list(QUERIES)}
    np.savez(tmp_path / VECTORS, docs=vectors[0], queries=vectors[1], **ids)
    return tmp_path


def test_vectors_find_what_rare_unseen_and_misspelt_words_do_not(folder: Path):
    figures = measure(folder, folder / "index", folder / "mini")
    assert {kind: told["queries"] for kind, told in figures.items()} == {
        "all": 3,
        "rare": 2,
        "unseen": 1,
        "misspelt": 3,
    }
    assert figures["unseen"]["lexical"]["recall@100"] == 0.0
    assert figures["unseen"]["both"]["recall@100"] == 1.0
    for told in figures.values():
        assert told["both"]["recall@100"] >= told["lexical"]["recall@100"]


def test_misspelt_queries_are_left_out_without_an_encoder(folder: Path):
    assert "misspelt" not in measure(folder, folder / "index")


def test_another_encoder_than_that_of_the_embeddings_is_refused(folder: Path):
    write_encoder(folder / "other", unknown=5.0)
    with pytest.raises(DataError, match="did not make the embedding"):
        measure(folder, folder / "index", folder / "other")


def test_longer_words_are_misspelt_and_others_stay():
    told = misspell("tea of 1-dimensional biomaterials")
    assert told.startswith("tea of 1-dimensional b")
    assert sorted(told) == sorted("tea of 1-dimensional biomaterials")
    assert told != "tea of 1-dimensional biomaterials"
