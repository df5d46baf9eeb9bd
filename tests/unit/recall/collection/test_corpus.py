from __future__ import annotations

import json
from pathlib import Path

import pytest

from recall import Query
from recall.collection.corpus import Corpus, build_corpus
from searchrank.errors import ConfigError, ConflictError, DataError, NotFoundError

DOCUMENTS = [
    ("d1", "Green tea", "leaves and water"),
    ("d2", "", "running noodles"),
    ("d3", "Empty", ""),
    ("d4", "", ""),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    lines = [json.dumps({"_id": name, "title": title, "text": text}) for name, title, text in DOCUMENTS]
    path.write_text("\n".join(lines))
    return path


def found(folder: Path, text: str) -> list[str]:
    corpus = Corpus.open(folder)
    return [corpus.ids[row] for row in corpus.recaller.retrieve(Query(text=text), 10).recalled.rows]


def test_a_collection_is_searched_by_stem_in_title_and_text(tmp_path: Path, file: Path):
    assert build_corpus(file, tmp_path / "index") == len(DOCUMENTS)
    assert found(tmp_path / "index", "leaf? teas leave") == ["d1"]
    assert found(tmp_path / "index", "noodle runs") == ["d2"]
    assert found(tmp_path / "index", "") == []


def test_a_section_says_how_it_is_indexed(tmp_path: Path, file: Path):
    build_corpus(file, tmp_path / "index", {"lexical": {"fields": {"title": 1.0}, "fuzzy": False}})
    assert found(tmp_path / "index", "teas") == []
    assert found(tmp_path / "index", "tea") == ["d1"]


def test_an_older_index_is_replaced_and_stays_when_building_fails(tmp_path: Path, file: Path):
    build_corpus(file, tmp_path / "index")
    broken = tmp_path / "broken.jsonl"
    broken.write_text(file.read_text() + "\n{")
    with pytest.raises(DataError, match="line 5"):
        build_corpus(broken, tmp_path / "index")
    assert found(tmp_path / "index", "tea") == ["d1"]
    file.write_text('{"_id": "new", "text": "tea"}')
    build_corpus(file, tmp_path / "index")
    assert found(tmp_path / "index", "tea") == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.jsonl", "corpus.jsonl", "index"]


def test_what_is_no_index_is_neither_replaced_nor_opened(tmp_path: Path, file: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    for taken in (tmp_path / "mine", file):
        with pytest.raises(ConflictError, match="name another folder"):
            build_corpus(file, taken)
    with pytest.raises(NotFoundError, match="index build --corpus"):
        Corpus.open(tmp_path / "mine")
    (tmp_path / "mine" / "corpus.json").write_text("{}")
    (tmp_path / "mine" / "ids.txt").write_text("")
    with pytest.raises(DataError, match="damaged"):
        Corpus.open(tmp_path / "mine")


def test_a_file_without_documents_is_an_error(tmp_path: Path):
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no documents"):
        build_corpus(tmp_path / "empty.jsonl", tmp_path / "index")
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "takes lexical, and dense beside it"),
        ({"popular": {}}, "takes lexical, and dense beside it"),
        ({"lexical": {"fields": {"item.title": 1.0}}}, "'item.title' is not one of title, text"),
        ({"lexical": {"fields": {"text": 0.0}}}, "every boost is 0"),
        ({"lexical": {"fields": {"text": 1.0}}, "dense": {"encoder": "mini"}}, "name a file by --embeddings"),
    ],
)
def test_a_section_that_a_collection_cannot_serve_is_refused(tmp_path: Path, file: Path, section, message: str):
    with pytest.raises(ConfigError, match=message):
        build_corpus(file, tmp_path / "index", section)
