from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recall import LexicalBranch, LexicalConfig, Query
from recall.lexical.branch import MAX_NAMED
from recall.lexical.index import build_lexical
from recall.lexical.query import MAX_TOKENS
from searchrank.errors import DataError, NotFoundError

CONFIG = LexicalConfig(fields={"item.title": 2.0, "item.text": 1.0})
TITLES = ["Hot pot palace", "Noodle house", "火锅店 Chengdu", "Quiet café", "Noodle noodle bar", None]
TEXTS = ["sichuan broth", "hot soup", "spicy 麻辣火锅", "espresso (AND) cake", "late night", "hot hot hot"]


def build(folder: Path, config: LexicalConfig = CONFIG, titles: list[str | None] = TITLES) -> LexicalBranch:
    texts = {"item.title": titles, "item.text": (TEXTS * len(titles))[: len(titles)]}
    build_lexical(folder, config, np.arange(len(titles)), texts, len(titles))
    return LexicalBranch.open(folder, config)


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> LexicalBranch:
    return build(tmp_path_factory.mktemp("lexical"))


def found(branch: LexicalBranch, text: str) -> list[int]:
    return branch.retrieve(Query(text=text), 10).rows.tolist()


def test_words_are_found_in_every_field(branch: LexicalBranch):
    assert set(found(branch, "hot")) == {0, 1, 5}


def test_case_and_composition_do_not_matter(branch: LexicalBranch):
    assert found(branch, "CAFE\u0301") == found(branch, "café") == [3]


def test_chinese_is_found_by_pairs_of_ideographs(branch: LexicalBranch):
    assert found(branch, "火锅") == [2]
    assert found(branch, "吃火锅吧") == [2]
    assert found(branch, "锅炉") == []


def test_a_boost_weighs_its_field(tmp_path: Path):
    texts = {"item.title": ["pot", "cup"], "item.text": ["cup", "pot"]}
    for boosts, first in (({"item.title": 3.0, "item.text": 1.0}, 0), ({"item.title": 1.0, "item.text": 3.0}, 1)):
        config = LexicalConfig(fields=boosts)
        folder = tmp_path / str(first)
        folder.mkdir()
        build_lexical(folder, config, np.arange(2), texts, 2)
        assert found(LexicalBranch.open(folder, config), "pot")[0] == first


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "!?* ~^",
        '"hot pot',
        "item.title:hot AND NOT (pot",
        "[a TO z]",
        "hot^1e9",
        "\\",
        "\x00",
        "\ud800",
        "a" * 10_240,
        "火锅" * 5_000,
        "(" * 10_240,
        "hot " * 1_000_000,
    ],
)
def test_no_text_is_an_error(branch: LexicalBranch, text: str):
    branch.retrieve(Query(text=text), 10)


def test_operators_are_words_and_nothing_else(branch: LexicalBranch):
    assert found(branch, "espresso AND sichuan") == found(branch, "espresso and sichuan")
    assert set(found(branch, "NOT espresso")) == {3}
    assert set(found(branch, "item.title:espresso")) == {3}


def test_only_the_first_distinct_tokens_are_looked_up(branch: LexicalBranch):
    many = " ".join(f"w{i}" for i in range(MAX_TOKENS - 1))
    assert found(branch, f"{many} espresso") == [3]
    assert found(branch, f"{many} {many} espresso") == [3]
    assert found(branch, f"{many} other espresso") == []


def test_equal_scores_go_by_row_in_a_long_list(tmp_path: Path):
    branch = build(tmp_path, LexicalConfig(fields={"item.title": 1.0}), ["same words"] * 500)
    assert branch.retrieve(Query(text="words"), 7).rows.tolist() == list(range(7))


def test_an_empty_catalogue_finds_nothing(tmp_path: Path):
    assert found(build(tmp_path, titles=[]), "hot") == []


def test_an_index_of_another_analyser_is_refused(tmp_path: Path):
    build(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"analyser": "other"}))
    with pytest.raises(DataError, match="searchrank index"):
        LexicalBranch.open(tmp_path, CONFIG)


def test_a_missing_index_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(NotFoundError, match="searchrank index"):
        LexicalBranch.open(tmp_path / "nowhere", CONFIG)


def test_a_damaged_index_says_how_to_mend_it(tmp_path: Path):
    build(tmp_path)
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(DataError, match="searchrank index"):
        LexicalBranch.open(tmp_path, CONFIG)


def test_a_damaged_manifest_says_how_to_mend_it(tmp_path: Path):
    build(tmp_path)
    (tmp_path / "manifest.json").write_text('["not", "a", "manifest"]')
    with pytest.raises(DataError, match="damaged"):
        LexicalBranch.open(tmp_path, CONFIG)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> LexicalBranch:
    """More items than are named one by one; the first thousand read best."""
    count = MAX_NAMED + 2_000
    titles: list[str | None] = ["tea tea" if row < 1_000 else f"tea {row % 7}" for row in range(count)]
    return build(tmp_path_factory.mktemp("crowd"), CONFIG, titles)


@pytest.mark.parametrize("first", [1_000, MAX_NAMED])
def test_the_best_allowed_rows_are_found_whether_many_or_few_are_allowed(crowd: LexicalBranch, first: int):
    allowed = np.zeros(crowd.size, np.bool_)
    allowed[first:] = True
    assert (np.count_nonzero(allowed) > MAX_NAMED) == (first == 1_000)
    whole = crowd.retrieve(Query(text="tea 3"), crowd.size)
    kept = allowed[whole.rows]
    some = crowd.retrieve(Query(text="tea 3", allowed=allowed, exclude=whole.rows[kept][:1]), 30)
    assert some.rows.tolist() == whole.rows[kept][1:31].tolist()
    assert some.scores.tobytes() == whole.scores[kept][1:31].tobytes()


def test_nothing_is_found_where_nothing_is_allowed(crowd: LexicalBranch):
    assert not len(crowd.retrieve(Query(text="tea", allowed=np.zeros(crowd.size, np.bool_)), 10))
