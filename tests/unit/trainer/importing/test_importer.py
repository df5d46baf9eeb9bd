from __future__ import annotations

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from searchrank.errors import ConfigError, ConflictError, DataError, NotFoundError
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.project import Project
from searchrank.workspace import Workspace
from trainer.importing import Kind, Severity, import_tables


def given(folder):
    return {
        Kind.ITEMS: [folder / "places.csv", folder / "cuisines.csv"],
        Kind.USERS: [folder / "tastes.csv"],
        Kind.EVENTS: [folder / "ratings.csv"],
    }


def imported(folder):
    workspace = Workspace(folder / "home")
    return workspace, import_tables(workspace, folder / "mapping.yaml", given(folder))


def read(path):
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def test_several_files_become_one_catalogue(folder):
    workspace, made = imported(folder)
    rows = {row["item_id"]: row for row in read(workspace.items).to_pylist()}
    assert made.items == len(rows) == 4
    assert rows["1"]["item.title"] == "Café Chino"
    assert rows["2"]["item.title"] == 'La "Perla", del Mar'
    assert rows["1"]["item.cuisines"] == ["Chinese", "Cafe"]
    assert rows["1"]["item.words"] == "Chinese Cafe"
    assert rows["3"]["item.cuisines"] is None
    assert [rows[i]["item.price"] for i in "123"] == [1.0, 3.0, None]
    assert rows["1"]["item.city"] == rows["2"]["item.city"] == "san luis"
    assert rows["1"]["item.location"] == [22.15, -100.98]
    assert rows["4"]["item.location"] is None


def test_rows_of_one_user_become_one_profile(folder):
    workspace, _ = imported(folder)
    profiles = {row["user_id"]: row["user.cuisines"] for row in read(workspace.users).to_pylist()}
    assert profiles == {"U1": ["Chinese", "Mexican"], "U2": ["Seafood"]}


def test_a_rating_is_an_event_and_a_high_one_two(folder):
    workspace, made = imported(folder)
    assert made.kinds == {"rating": 5, "like": 3}
    events = EventLog.open(workspace.events).table(columns=["kind", "user_id", "item_id", "value", "arrival_time"])
    likes = {(row["user_id"], row["item_id"]) for row in events.to_pylist() if row["kind"] == "like"}
    assert likes == {("U1", "1"), ("U2", "2"), ("U3", "1")}
    assert events.column("arrival_time")[0].as_py().year == 2024


def test_a_second_import_adds_nothing_and_says_so(folder):
    workspace, first = imported(folder)
    _, second = imported(folder)
    assert (first.events, first.duplicates) == (8, 0)
    assert (second.events, second.duplicates) == (0, 8)
    assert EventLog.open(workspace.events).end == 8


def test_definitions_that_fit_are_suggested_once(folder):
    workspace, made = imported(folder)
    assert set(made.definitions) == {"features.yaml", "project.yaml"}
    features = FeatureSet.load(workspace.features)
    assert {"item.location", "user.cuisines", "request.location"} <= set(features.inputs)
    assert set(Project.load(workspace).models["ranking"].inputs) <= set(features.features)
    workspace.features.write_text(features.canonical)
    _, again = imported(folder)
    assert again.definitions == {}
    assert workspace.features.read_text() == features.canonical


def test_definitions_beside_the_mapping_are_copied(folder):
    (folder / "features.yaml").write_text("inputs: {item.title: {type: tokens}}")
    workspace, made = imported(folder)
    assert made.definitions["features.yaml"].startswith("copied")
    assert [one.column for one in made.findings if one.what == "undeclared"]
    assert FeatureSet.load(workspace.features).inputs.keys() == {"item.title"}


def test_nothing_is_written_when_a_value_cannot_be_read(folder):
    (folder / "ratings.csv").write_text("userID,placeID,rating\nU1,1,2\nU2,2,good\n")
    workspace = Workspace(folder / "home")
    with pytest.raises(DataError, match=r"ratings\.csv, rating: not a number \(1; first in row 2: 'good'\)"):
        import_tables(workspace, folder / "mapping.yaml", given(folder))
    assert not list(workspace.root.iterdir())


def test_bad_rows_are_left_out_when_that_is_wanted(folder):
    (folder / "ratings.csv").write_text("userID,placeID,rating\nU1,1,2\nU2,2,good\n")
    text = (
        (folder / "mapping.yaml").read_text().replace("file: ratings.csv", "file: ratings.csv\n    skip_bad_rows: true")
    )
    (folder / "mapping.yaml").write_text(text)
    _, made = imported(folder)
    assert made.kinds == {"rating": 1, "like": 1}
    assert [one.severity for one in made.findings if one.what == "unreadable"] == [Severity.WARNING]


def test_json_lines_parquet_and_csv_give_the_same_events(folder):
    rows = [{"user": {"id": f"U{k}"}, "item": k, "stars": k % 3, "at": 1_700_000_000 + k} for k in range(50)]
    flat = [{"user": r["user"]["id"], "item": r["item"], "stars": r["stars"], "at": r["at"]} for r in rows]
    table = pa.Table.from_pylist(flat)
    pq.write_table(table, folder / "e.parquet")
    (folder / "e.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "e.csv").write_text("user,item,stars,at\n" + "".join(f"{','.join(map(str, r.values()))}\n" for r in flat))
    with pa.ipc.new_file(str(folder / "e.arrow"), table.schema) as file:
        file.write_table(table)
    found = {}
    for name, user in (("e.csv", "user"), ("e.jsonl", "user.id"), ("e.parquet", "user"), ("e.arrow", "user")):
        (folder / "m.yaml").write_text(
            f"events:\n  - file: {name}\n    columns: {{kind: {{const: rating}}, user_id: {user}, item_id: item, "
            "value: stars, event_time: {time: at, unit: s}}\n"
        )
        workspace = Workspace(folder / name.replace(".", "-"))
        import_tables(workspace, folder / "m.yaml", {Kind.EVENTS: [folder / name]})
        found[name] = EventLog.open(workspace.events).table().to_pylist()
    assert found["e.csv"] == found["e.jsonl"] == found["e.parquet"] == found["e.arrow"]
    assert len(found["e.csv"]) == 50


def test_a_pattern_takes_all_files_that_it_fits(folder):
    for number in range(3):
        (folder / f"part-{number}.csv").write_text(f"id,name\n{number}a,x\n{number}b,y\n")
    (folder / "m.yaml").write_text(
        "items:\n  - file: part-*.csv\n    columns: {item_id: id, item.title: {text: name}}\n"
    )
    workspace = Workspace(folder / "home")
    made = import_tables(workspace, folder / "m.yaml", {Kind.ITEMS: sorted(folder.glob("part-*.csv"))})
    assert made.items == 6


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda g, f: g.update({Kind.ITEMS: [f / "nowhere.csv"]}), NotFoundError, "there is no file"),
        (lambda g, f: g.update({Kind.ITEMS: [f / "places.csv"]}), ConfigError, "cuisines.csv, which was not given"),
        (lambda g, f: g.update({Kind.USERS: [f / "ratings.csv"]}), ConfigError, "maps no users file ratings.csv"),
        (lambda g, _: g.clear(), ConfigError, "name the files"),
    ],
)
def test_files_and_mapping_must_belong_together(folder, change, error, words):
    files = given(folder)
    change(files, folder)
    with pytest.raises(error, match=words):
        import_tables(Workspace(folder / "home"), folder / "mapping.yaml", files)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("places.csv", b"", "no header"),
        ("places.csv", b"placeID,lat,lon,name,price,city\n", "no row could be read"),
        (
            "places.csv",
            b"placeID,lat,lon,nom,price,city\n1,2,3,a,low,b\n",
            "no column 'name'; it has placeID, lat, lon, nom",
        ),
        ("places.csv", b"placeID,lat,lat,name,price,city\n", "two columns of the name 'lat'"),
        ("places.csv", b"placeID,lat,lon,name,price,city\n1,2,3,a,low,b\n2,3,4\n", "rows with 3 fields.*row 2"),
        ("places.csv", b"placeID,lat,lon,name,price,city\n1,-100,22,a,low,b\n", "not a latitude.*exchanged"),
        ("places.csv", b"placeID,lat,lon,name,price,city\n1,2,3,a,cheap,b\n", "not one of low, high.*'cheap'"),
        ("places.csv", b"placeID,lat,lon,name,price,city\n" + b"x" * 200 + b",2,3,a,low,b\n", "longer than 128 bytes"),
        ("places.csv", b"placeID,lat,lon,name,price,city\n ,2,3,a,low,b\n", "rows without item_id"),
        ("tastes.csv", b"userID,cuisine\nU1,\xff\xfe\n", r"tastes\.csv: not UTF-8: byte 0xff in line 2"),
    ],
)
def test_files_that_are_not_what_they_should_be_are_refused_in_words(folder, file, content, words):
    (folder / file).write_bytes(content)
    if file == "tastes.csv":
        _, made = imported(folder)
        told = "\n".join(map(str, made.findings))
    else:
        with pytest.raises(DataError) as caught:
            imported(folder)
        told = str(caught.value)
    assert re.search(words, told, re.DOTALL), told


def test_nothing_is_written_while_another_process_writes_the_log(folder):
    workspace = Workspace(folder / "home")
    with EventLog.open(workspace.events, writable=True), pytest.raises(ConflictError, match="being written"):
        import_tables(workspace, folder / "mapping.yaml", given(folder))
    assert not workspace.items.exists()
    only_items = {Kind.ITEMS: given(folder)[Kind.ITEMS]}
    with EventLog.open(workspace.events, writable=True):
        assert import_tables(workspace, folder / "mapping.yaml", only_items).items == 4
