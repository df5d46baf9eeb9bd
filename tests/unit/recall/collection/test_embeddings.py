from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from recall import Query
from recall.cli import index
from recall.collection.corpus import CORPUS_RECALL, Corpus, build_corpus
from recall.collection.embeddings import Embeddings
from searchrank.errors import ConfigError, DataError, NotFoundError

NAMES = ["d1", "d2", "d3"]
TEXTS = {"q1": "warm drink", "q2": "Leaves", "q3": "unknown to the encoder"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [("d1", "green tea"), ("d2", "coffee"), ("d3", "leaves of a tree")]
    lines(tmp_path / "corpus.jsonl", documents)
    lines(tmp_path / "queries.jsonl", TEXTS.items())
    write(tmp_path / "vectors.npz")
    return tmp_path


def lines(path: Path, told) -> None:
    path.write_text("\n".join(json.dumps({"_id": name, "text": text}) for name, text in told))


def write(path: Path, **other) -> None:
    vectors = np.eye(3, dtype=np.float16)
    held = {
        "doc_ids": NAMES[::-1],
        "docs": vectors[::-1],
        "query_ids": ["q2", "q1"],
        "queries": vectors[[2, 1]],
    } | other
    np.savez(path, **{name: value for name, value in held.items() if value is not None})


def built(folder: Path, recall=CORPUS_RECALL) -> Corpus:
    embeddings = Embeddings.read(folder / "vectors.npz", folder / "queries.jsonl")
    build_corpus(folder / "corpus.jsonl", folder / "index", recall, embeddings=embeddings)
    return Corpus.open(folder / "index")


def first(corpus: Corpus, text: str) -> str:
    return corpus.ids[int(corpus.recaller.retrieve(Query(text=text), 3).recalled.rows[0])]


def test_a_collection_is_searched_by_words_and_by_embeddings(folder: Path):
    corpus = built(folder)
    assert corpus.recaller.branches == ("lexical", "dense")
    assert first(corpus, "warm drink") == "d2", "no word of it is in any document"
    assert first(corpus, "leaves") == "d3", "queries differ in case alone"
    assert first(corpus, "tea") == "d1", "a query without a vector is looked for by words"


def test_how_vectors_are_kept_may_be_configured(folder: Path):
    built(folder, {**CORPUS_RECALL, "dense": {"storage": "f16", "quota": 2}})
    section = Corpus.configured(folder / "index").dense
    assert section is not None
    assert (section.storage, section.quota, section.vectors) == ("f16", 2, "vectors.npz")


def test_queries_without_a_vector_are_counted(folder: Path, caplog: pytest.LogCaptureFixture):
    Embeddings.read(folder / "vectors.npz", folder / "queries.jsonl")
    assert "1 of 3 queries have no vector" in caplog.text


def test_one_file_of_both_has_one_encoder(folder: Path):
    embeddings = Embeddings.read(folder / "vectors.npz", folder / "queries.jsonl")
    assert embeddings.queries is not None
    assert embeddings.documents.encoder == embeddings.queries.encoder == "vectors.npz"
    write(folder / "vectors.npz", encoder="mini-1")
    embeddings = Embeddings.read(folder / "vectors.npz", folder / "queries.jsonl")
    assert embeddings.queries is not None
    assert embeddings.documents.encoder == embeddings.queries.encoder == "mini-1"
    with pytest.raises(ConfigError, match="made_by says 'mini-2', the file says 'mini-1'"):
        built(folder, {**CORPUS_RECALL, "dense": {"made_by": "mini-2"}})


def test_embeddings_that_do_not_fit_are_refused_and_nothing_is_left(folder: Path):
    queries = folder / "queries.jsonl"
    with pytest.raises(NotFoundError, match="no file of vectors"):
        Embeddings.read(folder / "gone.npz", queries)
    for other, message in (
        ({"doc_ids": ["x", "y", "z"]}, "vectors of none of the 3 documents"),
        ({"query_ids": ["x", "y"]}, "none of the 2 queries"),
        ({"queries": None}, "no array 'queries'"),
        ({"queries": np.ones((2, 5))}, "vectors of queries are of size 5"),
        ({"docs": np.full((3, 3), np.nan)}, "NaN"),
    ):
        write(folder / "vectors.npz", **other)
        with pytest.raises(DataError, match=message):
            built(folder)
    np.savez(folder / "vectors.npz", ids=NAMES, vectors=np.eye(3))
    with pytest.raises(DataError, match="of documents alone"):
        built(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["corpus.jsonl", "queries.jsonl", "vectors.npz"]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"vectors": "other.npz"}, r"recall\.dense\.vectors: leave it out"),
        ({"input": "request.vector"}, r"recall\.dense\.input: leave it out"),
        ("exact", "is a section such as"),
        ({"storage": "f64"}, "storage"),
    ],
)
def test_a_section_that_embeddings_contradict_is_refused(folder: Path, section, message: str):
    with pytest.raises(ConfigError, match=message):
        built(folder, {**CORPUS_RECALL, "dense": section})


def test_queries_need_an_encoder_or_their_texts(folder: Path):
    embeddings = Embeddings.read(folder / "vectors.npz")
    with pytest.raises(ConfigError, match="give the texts"):
        build_corpus(folder / "corpus.jsonl", folder / "index", embeddings=embeddings)


def test_the_command_takes_embeddings(folder: Path):
    options = {"--corpus": "corpus.jsonl", "--embeddings": "vectors.npz", "--queries": "queries.jsonl", "--to": "index"}
    given = [part for name, value in options.items() for part in (name, str(folder / value))]
    done = CliRunner().invoke(index, ["build", *given], catch_exceptions=False)
    assert done.exit_code == 0
    assert first(Corpus.open(folder / "index"), "warm drink") == "d2"
    with pytest.raises(ConfigError, match="name that file too"):
        CliRunner().invoke(index, ["build", *given[:2], *given[4:]], catch_exceptions=False)
