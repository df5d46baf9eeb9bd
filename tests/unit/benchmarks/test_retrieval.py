import json
from pathlib import Path

import numpy as np
import pytest
from retrieval import VECTORS, compare, load, measure

from searchrank.errors import NotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [{"_id": f"d{k}", "title": "", "text": f"word{k} common"} for k in range(200)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    queries = [{"_id": "q1", "text": "word7"}, {"_id": "q2", "text": "nothing known"}]
    queries += [{"_id": f"t{k}", "text": f"word{k}"} for k in range(100, 130)]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td7\t1\nq2\td3\t1\nq2\td4\t0\n")
    train = "".join(f"t{k}\td{k}\t1\n" for k in range(100, 130))
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n" + train)
    vectors = np.eye(200, dtype=np.float16)
    names = np.array([f"d{k}" for k in range(200)])[::-1]  # in another order than the documents
    near = np.stack([vectors[0] * 0.5 + vectors[199 - 7], vectors[199 - 3], *vectors[70:100][::-1]])
    asked = np.array([query["_id"] for query in queries])
    np.savez(tmp_path / VECTORS, doc_ids=names, docs=vectors, query_ids=asked, queries=near)
    return tmp_path


def test_a_relevant_document_that_is_not_found_gains_nothing(folder: Path):
    collection = load(folder, folder / "index")
    found = measure(collection)
    figures = {name: told.figures() for name, told in found.items()}
    assert figures["lexical"] == {"ndcg@10": 0.5, "recall@100": 0.5}
    assert figures["dense"] == {"ndcg@10": 1.0, "recall@100": 1.0}
    assert figures["rrf"]["ndcg@10"] > 0.5


def test_fusion_is_learnt_from_the_training_queries_and_compared_by_slice(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    collection = load(folder, folder / "index")
    found = measure(collection)
    assert found["learned"].recall == 1.0
    compare(collection, found["learned"], found["rrf"])
    told = capsys.readouterr().out
    assert "learnt from 30 queries" in told
    slices = ["all", "short", "long", "one answer", "several answers"]
    assert [line[:18].strip() for line in told.splitlines()[-5:]] == slices


def test_missing_judgements_are_an_error(folder: Path):
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(NotFoundError, match=r"test\.tsv"):
        load(folder, folder / "index")
