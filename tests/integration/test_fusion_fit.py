"""Weights of fusion, from judged queries to a run: the verbs a user types."""

import json

import pytest
from typer.testing import CliRunner

from searchrank.cli import app


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def collection(tmp_path):
    """Documents found by their titles and by words that every document has."""
    lines = [{"_id": f"d{k}", "title": f"name{k}", "text": "pot " * (k % 7 + 1)} for k in range(60)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    asked = [{"_id": f"q{k}", "text": f"pot name{k}"} for k in range(40)]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{k}\td{k}\t1\n" for k in range(40)))
    made = run("index", "build", "--corpus", tmp_path / "corpus.jsonl", "--to", tmp_path / "index")
    assert made.exit_code == 0, made.output
    return tmp_path


def learn(at, *more):
    return run(
        "fusion", "fit", "--index", at / "index", "--queries", at / "queries.jsonl", "--qrels", at / "qrels.tsv",
        "--to", at / "fusion.yaml", *more,
    )  # fmt: skip


def test_weights_are_learnt_written_and_searched_by(collection):
    learnt = learn(collection, "--json")
    assert learnt.exit_code == 0, learnt.output
    told = json.loads(learnt.output.splitlines()[-1])
    assert told["queries"] == 40
    assert told["ndcg@10"] >= told["rrf_ndcg@10"] > 0.9
    found = run(
        "recall", "pot name7", "--index", collection / "index", "--fusion", collection / "fusion.yaml", "--json"
    )
    assert found.exit_code == 0, found.output
    assert json.loads(found.output.splitlines()[-1])["items"][0]["item_id"] == "d7"


def test_weights_of_another_index_are_refused(collection):
    (collection / "other.yaml").write_text("weights: {geo: 1.0}")
    found = run("recall", "pot", "--index", collection / "index", "--fusion", collection / "other.yaml")
    assert found.exit_code == 1
    assert "there is no branch 'geo'; there is lexical" in str(found.exception)


def test_queries_that_nobody_judged_are_named(collection):
    (collection / "qrels.tsv").write_text("other\td1\t1\n")
    learnt = learn(collection)
    assert learnt.exit_code == 1
    assert "judges none of the queries" in str(learnt.exception)
    assert not (collection / "fusion.yaml").exists()
