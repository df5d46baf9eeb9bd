"""What is found equals a linear scan; and what quotes, misspellings, beginnings and lists of words do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recall import LexicalBranch, LexicalConfig, Query
from recall.late import Late
from recall.lexical.index import build_lexical
from recall.lexical.query import MAX_TOKENS
from recall.lexical.wording import keep_wording
from searchrank.errors import ConfigError, DataError
from searchrank.features import hash_texts, tokenize

BOOSTS = {"item.title": 2.0, "item.area": 1.0}


def build(folder: Path, titles: list[str], areas: list[str] | None = None, **settings: object) -> LexicalBranch:
    config = LexicalConfig(**({"fields": BOOSTS} | settings))
    folder.mkdir(exist_ok=True)
    keep_wording(folder, config, folder.parent)
    texts = {"item.title": titles, "item.area": areas or [""] * len(titles)}
    build_lexical(folder, config, np.arange(len(titles)), texts, len(titles))
    return LexicalBranch.open(folder, config)


def found(branch: LexicalBranch, text: str) -> set[int]:
    return set(branch.retrieve(Query(text=text), 1_000).rows.tolist())


def edits(one: str, other: str) -> int:
    """Edits between two words, where neighbours that changed places are one edit."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            least = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                least = min(least, rows[-2][j - 2] + 1)
            row.append(least)
        rows.append(row)
    return rows[-1][-1]


def scan(texts: list[list[list[str]]], query: list[tuple[str, bool]], *, fuzzy: bool, prefix: bool) -> set[int]:
    """Return the documents that a query finds, by looking at every word of each."""
    known = {word for fields in texts for field in fields for word in field}
    some, every = set(), set(range(len(texts)))

    def holding(fits) -> set[int]:
        return {row for row, fields in enumerate(texts) if any(fits(field) for field in fields)}

    for at, (part, quoted) in enumerate(query):
        words = part.split()
        if quoted:
            n = len(words)
            every &= holding(lambda f, w=words, n=n: any(f[k : k + n] == w for k in range(len(f) - n + 1)))
            continue
        for word in words:
            hits = holding(lambda f, w=word: w in f)
            typed = prefix and at == len(query) - 1 and word == words[-1] and len(word) > 1
            more = holding(lambda f, w=word: any(one.startswith(w) for one in f)) if typed else set()
            if not more and fuzzy and word not in known:
                for most in range(1, 1 + (len(word) >= 4) + (len(word) >= 8)):
                    near = holding(lambda f, w=word, m=most: any(edits(w, one) <= m for one in f))
                    more = more or (near if len(word) >= 4 else set())
            some |= hits | more
    return every & some if any(not quoted for _, quoted in query) and not any(q for _, q in query) else every


word = st.text("abc", min_size=1, max_size=9)


@settings(max_examples=15, deadline=None)
@given(data=st.data(), fuzzy=st.booleans(), prefix=st.booleans(), joined=st.booleans())
def test_what_is_found_equals_a_linear_scan(data: st.DataObject, fuzzy: bool, prefix: bool, joined: bool):
    words = data.draw(st.lists(word, min_size=1, max_size=12, unique=True))
    text = st.lists(st.sampled_from(words), max_size=5)
    documents = data.draw(st.lists(st.tuples(text, text), min_size=1, max_size=10))
    extra = {"joined": 1.0, "fields": dict.fromkeys(BOOSTS, 0.0)} if joined else {}
    with tempfile.TemporaryDirectory() as folder:
        columns = [[" ".join(one[k]) for one in documents] for k in (0, 1)]
        branch = build(Path(folder) / "index", *columns, fuzzy=fuzzy, prefix=prefix, **extra)
        for _ in range(8):
            asked = st.lists(st.one_of(st.sampled_from(words), word), min_size=1, max_size=3, unique=True)
            part = st.tuples(asked.map(" ".join), st.booleans())
            query = data.draw(st.lists(part, min_size=1, max_size=2, unique_by=lambda one: one[0]))
            if len({w for part, _ in query for w in part.split()}) < sum(len(part.split()) for part, _ in query):
                continue  # a word counts once, so that where it stands twice is not decided by where it stands last
            typed = " ".join(f'"{part}"' if quoted else part for part, quoted in query)
            expected = scan([list(one) for one in documents], query, fuzzy=fuzzy, prefix=prefix)
            assert found(branch, typed) == expected, typed


def test_quoted_words_must_stand_together(tmp_path: Path):
    branch = build(tmp_path, ["hot pot", "pot hot", "hot chocolate pot", "hot"], ["", "", "", "pot"], joined=1.0)
    assert found(branch, '"hot pot"') == {0}
    assert found(branch, '"hot pot" chocolate') == {0}
    assert found(branch, '"hot pot') == {0, 1, 2, 3}
    assert found(branch, '"" "!"') == set()
    assert found(build(tmp_path / "no", ["hot pot", "pot hot"], phrases=False), '"hot pot"') == {0, 1}


def test_a_misspelt_word_finds_the_nearest_and_counts_as_one_rare_word(tmp_path: Path):
    branch = build(tmp_path, ["noodles", "noodle bar", "restaurant", "restaurants", "tea bar"])
    assert found(branch, "nooodles") == {0}
    assert found(branch, "restuarant") == {2}
    assert found(branch, "resturanst") == {2, 3}
    assert found(branch, "noodles") == {0}
    assert found(branch, "te") == found(branch, "taa") == set()
    both = branch.retrieve(Query(text="nodle bar"), 10)
    assert both.rows.tolist()[0] == 1
    assert found(build(tmp_path / "no", ["noodles"], fuzzy=False), "noodels") == set()


def test_the_last_word_may_be_a_beginning_until_something_follows(tmp_path: Path):
    branch = build(tmp_path, ["chengdu noodles", "noodle", "no"], prefix=True, fuzzy=False, stem="english")
    assert found(branch, "nood") == {0, 1}
    assert found(branch, "nood ") == found(branch, "nood tea") == set()
    assert found(branch, "tea chengd") == {0}


def test_synonyms_are_found_by_word_and_by_run(tmp_path: Path):
    (tmp_path / "same.txt").write_text("# kitchen\nhot pot, 火锅\n\ntv => television, telly\n")
    branch = build(tmp_path / "i", ["hot pot", "火锅", "pot", "tv", "television", "telly"], synonyms="same.txt")
    assert found(branch, "火锅") == {0, 1}
    assert found(branch, "hot pot") == {0, 1, 2}
    assert found(branch, "tv") == {3, 4, 5}
    assert found(branch, "telly") == {5}


def test_a_word_that_means_an_area_is_looked_for_there_alone(tmp_path: Path):
    (tmp_path / "areas.txt").write_text("Old Town\nharbour\n")
    titles, areas = ["harbour grill", "grill", "old town grill", "town hall"], ["Old Town", "harbour", "hills", "town"]
    branch = build(tmp_path / "i", titles, areas, dictionaries={"item.area": "areas.txt"})
    assert found(branch, "harbour") == {1}
    assert found(branch, "old town") == {0}
    assert found(branch, "town") == {2, 3, 0}
    assert found(branch, "grill harbour") == {0, 1, 2}


def test_lists_of_words_go_with_the_index(tmp_path: Path):
    (tmp_path / "same.txt").write_text("sofa, couch")
    build(tmp_path / "i", ["sofa"], synonyms="same.txt")
    (tmp_path / "same.txt").unlink()
    config = LexicalConfig(fields=BOOSTS, synonyms="same.txt")
    assert found(LexicalBranch.open(tmp_path / "i", config), "couch") == {0}
    (tmp_path / "i" / "words.json").write_text("[]")
    with pytest.raises(DataError, match=r"words\.json is damaged"):
        LexicalBranch.open(tmp_path / "i", config)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read"), ("sofa", "means the same"), ("a, !", "not a line such as"), ("a =>", "not a line such as")],
)
def test_a_wrong_list_is_an_error(tmp_path: Path, content: str | None, message: str):
    if content is not None:
        (tmp_path / "same.txt").write_text(content)
    with pytest.raises(ConfigError, match=message):
        build(tmp_path / "i", ["sofa"], synonyms="same.txt")


def test_many_words_in_quotes_are_no_error(tmp_path: Path):
    branch = build(tmp_path, ["tea"], prefix=True)
    for text in ('"' + "tea " * 200 + '"', '"x" ' * 200, 'tea"' * 300, "te" * 900, "é" * 40, '"tea"'):
        found(branch, text)
    assert found(branch, " ".join(f"w{k}" for k in range(MAX_TOKENS)) + " tea") == set()


def test_items_put_since_are_found_by_words_as_written_and_in_quotes(tmp_path: Path):
    branch = build(tmp_path, ["running shoes", "tea"], stem="english", joined=1.0)
    cells = np.zeros(2, np.dtype([("count", np.int32), ("values", np.int64, (6,))]))
    for at, text in enumerate(["shoes for running", "running shoes"]):
        hashes = hash_texts(tokenize(text))
        cells[at] = (len(hashes), np.pad(hashes, (0, 6 - len(hashes))))
    nothing = np.empty(0, np.int64)
    late = Late(np.array([2, 3]), {"item.title": cells}, nothing, nothing)

    def now(text: str) -> set[int]:
        return set(branch.retrieve(Query(text=text, late=late), 10).rows.tolist())

    assert now("running") == {0, 2, 3}
    assert now('"running shoes"') == {0, 3}
    assert now("run") == {0}
