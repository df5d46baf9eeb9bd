import json
from pathlib import Path

import numpy as np
import pytest
from retrieval import VECTORS, load, measure

from searchrank.errors import NotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [{"_id": f"d{k}", "title": "", "text": f"word{k} common"} for k in range(200)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    queries = [{"_id": "q1", "text": "word7"}, {"_id": "q2", "text": "nothing known"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td7\t1\nq2\td3\t1\nq2\td4\t0\n")
    vectors = np.eye(200, dtype=np.float16)
    names = np.array([f"d{k}" for k in range(200)])[::-1]  # in another order than the documents
    near = np.stack([vectors[0] * 0.5 + vectors[199 - 7], vectors[199 - 3]])
    np.savez(tmp_path / VECTORS, doc_ids=names, docs=vectors, query_ids=np.array(["q1", "q2"]), queries=near)
    return tmp_path


def test_a_relevant_document_that_is_not_found_gains_nothing(folder: Path):
    figures = measure(load(folder, folder / "index"))
    assert figures["lexical"] == {"ndcg@10": 0.5, "recall@100": 0.5}
    assert figures["dense"] == {"ndcg@10": 1.0, "recall@100": 1.0}
    assert figures["rrf"]["ndcg@10"] > 0.5


def test_missing_judgements_are_an_error(folder: Path):
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(NotFoundError, match=r"test\.tsv"):
        load(folder, folder / "index")
