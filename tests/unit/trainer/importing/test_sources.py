from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from searchrank.errors import DataError
from trainer.importing import Findings
from trainer.importing.sources import open_source


def rows(path, *wanted, **options):
    findings = Findings()
    parts = list(open_source(path, findings=findings, **options).read(wanted))
    columns = {name: [value for part in parts for value in part.columns[name].to_pylist()] for name in wanted}
    return columns, list(findings)


def test_a_mark_of_byte_order_is_no_part_of_the_first_name(tmp_path):
    for name, encoding in (("a.csv", "utf-8-sig"), ("b.csv", "utf-16")):
        (tmp_path / name).write_bytes("id,name\n1,é\n".encode(encoding))
        assert rows(tmp_path / name, "id", "name")[0] == {"id": ["1"], "name": ["é"]}


def test_a_compressed_file_is_read_as_it_is_inside(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"id\n1\n"))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n'))
    assert rows(tmp_path / "a.csv.gz", "id")[0] == {"id": ["1"]}
    assert rows(tmp_path / "a.jsonl.gz", "id")[0] == {"id": [1]}


def test_quoted_fields_hold_delimiters_and_line_ends(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'id;name\r\n1;"a;b\r\nc"\r\n')
    assert rows(tmp_path / "a.csv", "name", delimiter=";")[0] == {"name": ["a;b\r\nc"]}


def test_bytes_that_only_windows_has_letters_for_are_told(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"id,name\n1,\x93tea\x94\n")
    columns, findings = rows(tmp_path / "a.csv", "name")
    assert columns == {"name": ["“tea”"]}
    assert "encoding: cp1252" in findings[0].advice


def test_a_declared_encoding_that_is_not_so_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes("id,name\n1,é\n".encode("latin-1"))
    with pytest.raises(DataError, match="byte 0xe9 in line 2 is no utf-8"):
        rows(tmp_path / "a.csv", "name", encoding="utf-8")
    with pytest.raises(DataError, match="no encoding 'klingon'"):
        rows(tmp_path / "a.csv", "name", encoding="klingon")


def test_members_of_objects_have_dotted_names(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"at": {"lat": 1.5}, "b.c": 2}\n')
    assert rows(tmp_path / "a.jsonl", "at.lat", "b.c")[0] == {"at.lat": [1.5], "b.c": [2]}
    table = pa.table({"at": [{"lat": 1.5, "deep": {"x": 1}}, None]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as file:
        file.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        assert open_source(tmp_path / name, findings=Findings()).names == ("at.lat", "at.deep.x")
        assert rows(tmp_path / name, "at.lat", "at.deep.x")[0] == {"at.lat": [1.5, None], "at.deep.x": [1, None]}


def test_lines_that_are_no_object_are_counted_and_the_others_read(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n\n[2]\n{"id": "b"}\n{"id": 3\n')
    columns, findings = rows(tmp_path / "a.jsonl", "id")
    assert columns == {"id": ["1", "b"]}
    assert [(one.what, one.count, one.row) for one in findings] == [("not_json", 2, 3)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.xlsx", "unknown ending"),
        ("a.parquet", "cannot be read"),
        ("a.arrow", "cannot be read"),
        ("a.csv", "no text"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, name, words):
    (tmp_path / name).write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match=words):
        open_source(tmp_path / name, findings=Findings())
