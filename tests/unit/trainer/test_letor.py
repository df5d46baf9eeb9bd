"""Reading ranking files: what is right is read exactly, what is wrong is named by file and line."""

from math import isnan

import numpy as np
import pytest

from searchrank.errors import DataError, NotFoundError
from trainer import letor
from trainer.letor import read


@pytest.fixture
def write(tmp_path):
    def write(text, query=None):
        path = tmp_path / "rank.txt"
        path.write_bytes(text.encode())
        if query is not None:
            (tmp_path / "rank.txt.query").write_text(query)
        return path

    return write


def test_rows_queries_and_values_are_read_from_qid_words(write):
    file = read(write("2 qid:7 1:0.5 3:-2e-3\n0 qid:7 2:1\n1 qid:9\n"))
    assert file.labels.tolist() == [2, 0, 1]
    assert file.sizes.tolist() == [2, 1]
    assert file.starts.tolist() == [0, 2, 3, 3]
    assert file.features.tolist() == [1, 3, 2]
    assert file.values.tolist() == [0.5, -2e-3, 1.0]
    assert file.width == 4


def test_queries_come_from_the_companion_file(write):
    assert read(write("1 1:1\n0 2:1\n0 1:3\n", "1\n\n2 # second\n")).sizes.tolist() == [1, 2]


def test_comments_blank_lines_tabs_and_windows_line_ends_mean_nothing(write):
    file = read(write("# head: 1:2\r\n\r\n1\tqid:1  1:1 # docid = 1:2\r\n 0 qid:1 1:2\r\n\n"))
    assert file.labels.tolist() == [1, 0]
    assert file.values.tolist() == [1, 2]
    assert file.lines.tolist() == [3, 4]


def test_the_last_line_need_not_be_ended(write):
    assert read(write("1 qid:1 1:1\n0 qid:1 1:2")).values.tolist() == [1, 2]


def test_spellings_of_numbers_are_python_s(write):
    file = read(write("+1 qid:1 1:+2.5 2:nan 3:1e400 4:1E-2\n"))
    assert file.labels.tolist() == [1]
    assert file.values[[0, 3]].tolist() == [2.5, 0.01]
    assert isnan(file.values[1])
    assert file.values[2] == float("inf")


def test_qids_of_64_bits_stay_apart(write):
    base = 2**62
    assert read(write(f"1 qid:{base} 1:1\n0 qid:{base + 1} 1:1\n")).sizes.tolist() == [1, 1]


def test_chunks_do_not_change_what_is_read(write, monkeypatch):
    generator = np.random.default_rng(3)
    lines = [
        f"{generator.integers(0, 4)} qid:{i // 3} "
        + " ".join(f"{j}:{generator.normal():.6g}" for j in range(1, generator.integers(1, 9)))
        for i in range(60)
    ]
    path = write("\n".join(lines))
    whole = read(path)
    monkeypatch.setattr(letor, "_CHUNK", 37)
    parts = read(path)
    for name in ("labels", "sizes", "starts", "features", "values", "lines"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 qid:1 1:1\n0 qid:1 1:x\n", ":2: 'x' is not a number"),
        ("1 qid:1 1:1\nbad qid:1 1:1\n", ":2: 'bad' is not a number"),
        ("1 qid:1 1:1\n\n0 qid:1 1:1:2\n", ":3: '1:1:2' is out of place"),
        ("1 qid:1 1:1\n0 qid:1 5\n", ":2: '5' is out of place"),
        ("1 qid:1 1:1\n0 qid:1 5: 3\n", ":2: '5:' is out of place"),
        ("1 qid:1 1:1\n0 qid:1 :5\n", ":2: ':5' is out of place"),
        ("1:1 qid:1\n", ":1: '1:1' is out of place"),
        ("1 qid:1 1:1\n0 qid:abc 1:1\n", ":2: the qid 'abc' is not a whole number"),
        ("1 qid:1 1:1\n0 qid:1 qid:1 1:1\n", ":2: has two qid words"),
        ("1 qid:1 1:1\n0 1:1\n", ":2: the line has no qid, others have"),
        ("1 qid:1 1:1\n0 qid:2 1:1\n0 qid:1 1:1\n", ":3: this qid was seen before"),
        ("1 qid:1 1:1\n-1 qid:1 1:1\n", ":2: the label is not a whole number"),
        ("1 qid:1 1:1\n0.5 qid:1 1:1\n", ":2: the label is not a whole number"),
        ("1 qid:1 1:1\nnan qid:1 1:1\n", ":2: the label is not a whole number"),
        ("1 qid:1 1:1\n0 qid:1 -3:1\n", ":2: a feature number is not a whole number"),
        ("1 qid:1 1:1\n0 qid:1 99999999999:1\n", ":2: a feature number is not a whole number"),
        ("1 qid:1 2:1 1:1\n0 qid:1 3:1 1:2 3:2\n", ":2: a feature is named twice"),
        ("1 1:1\n", "rank.txt.query; one of them must name the queries"),
        ("# nothing\n\n", "holds no rows"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(write, text, message):
    with pytest.raises(DataError) as error:
        read(write(text))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("1\n", "counts 1 rows"),
        ("1\n0\n1\n", ".query:2: '0' is not a number of rows"),
        ("1\none\n", ".query:2: 'one' is not a number of rows"),
        ("1\n-1\n2\n", ".query:2: '-1' is not a number of rows"),
    ],
)
def test_a_wrong_query_file_is_named(write, query, message):
    with pytest.raises(DataError) as error:
        read(write("1 1:1\n0 1:1\n", query))
    assert message in str(error.value)


def test_qid_words_and_a_query_file_must_agree(write):
    with pytest.raises(DataError, match="disagree"):
        read(write("1 qid:1 1:1\n0 qid:1 1:1\n", "1\n1\n"))


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no ranking file"):
        read(tmp_path / "absent")
