from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from recall.collection.jsonl import MAX_LINE, read_lines
from searchrank.errors import DataError, NotFoundError

GOOD = '{"_id": "a", "title": "Tea", "text": "green", "metadata": {}}\n\n{"_id": "b", "text": null}\n'


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_lines_are_read_packed_or_not(tmp_path: Path, name: str):
    path = write(tmp_path / name, gzip.compress(GOOD.encode()) if name.endswith("gz") else GOOD)
    told: list[tuple[int, int]] = []
    lines = list(read_lines(path, lambda done, total: told.append((done, total))))
    assert [(line.number, line.id, line.title, line.text) for line in lines] == [
        (1, "a", "Tea", "green"),
        (3, "b", "", ""),
    ]
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"_id": "a"}', "line 4: _id 'a' stands on line 1 too"),
        ("{", "line 4: is not JSON"),
        (b"\xff\xfe", "line 4: is not JSON"),
        ("[1]", "line 4: is not an object"),
        ('{"text": "x"}', "line 4: needs an _id that is a text, not None"),
        ('{"_id": 7}', "line 4: needs an _id that is a text, not 7"),
        ('{"_id": ""}', "line 4: needs an _id"),
        ('{"_id": "a b"}', "line 4: _id 'a b' must be"),
        ('{"_id": "\\ud800"}', "line 4: _id .* must be"),
        (json.dumps({"_id": "x" * 129}), "line 4: _id .* 128 bytes"),
        ('{"_id": "c", "text": ["x"]}', "line 4: text must be a text"),
        ("[" * 100_000, "line 4: is not JSON"),
        (b"x" * (MAX_LINE + 2), "line 4: is longer than 16 MiB"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(tmp_path: Path, line: str | bytes, message: str):
    path = write(tmp_path / "x.jsonl", GOOD.encode() + (line if isinstance(line, bytes) else line.encode()))
    with pytest.raises(DataError, match=message):
        list(read_lines(path))


def test_a_missing_or_torn_file_is_an_error(tmp_path: Path):
    with pytest.raises(NotFoundError, match="there is no file"):
        list(read_lines(tmp_path / "nowhere.jsonl"))
    for content in (gzip.compress(GOOD.encode())[:-9], b"not packed", gzip.compress(b"")[:10] + b"\xff" * 20):
        with pytest.raises(DataError, match="not a whole gzip file"):
            list(read_lines(write(tmp_path / "x.gz", content)))
