from __future__ import annotations

import json

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from searchrank.cli import app
from searchrank.events import EventLog
from searchrank.workspace import Workspace
from trainer.importing import FileMapping, Kind
from trainer.importing.survey import Surroundings, survey

AT = "event_time: {time: at, unit: s}"


def found(folder, items="", events="", more=AT):
    (folder / "i.csv").write_text(items)
    (folder / "e.csv").write_text(events)
    (folder / "m.yaml").write_text(
        "items:\n  - file: i.csv\n    columns: {item_id: id, item.tag: {category: tag}, item.price: {number: price}}\n"
        f"events:\n  - file: e.csv\n    columns: {{kind: kind, user_id: user, item_id: item, {more}}}\n"
    )
    given = {Kind.ITEMS: [folder / "i.csv"]} | ({Kind.EVENTS: [folder / "e.csv"]} if events else {})
    return {one.what: one for one in survey(FileMapping.load(folder / "m.yaml"), given, Surroundings()).findings}


EVENTS = "kind,user,item,at\n"
ITEMS = "id,tag,price\n1,a,2\n2,b,3\n"


@pytest.mark.parametrize(
    ("items", "what", "example"),
    [
        ("id,tag,price\n1,,2\n2,,3\n", "empty_column", ""),
        ("id,tag,price\n1,a,5\n2,b,5\n", "constant_column", "5.0"),
        ("id,tag,price\n1,Tea,2\n2,tea,3\n", "written_differently", "Tea / tea"),
        ("id,tag,price\n1,a|b,2\n2,b|c,3\n3,a|c,4\n", "list_as_text", "a|b"),
        ("id,tag,price\n1,a,2\n1,b,3\n", "repeated_id", "1"),
        ("id,tag,price\n1,a,inf\n2,b,nan\n", "not_finite", "inf"),
        ("id,tag,price\n" + "".join(f"{k},t{k},{k}\n" for k in range(1_500)), "too_many_values", "t0"),
    ],
)
def test_what_is_odd_about_items_is_named(tmp_path, items, what, example):
    one = found(tmp_path, items)[what]
    assert one.example == example
    assert one.file == "i.csv"
    assert one.severity == "warning"
    assert one.message


@pytest.mark.parametrize(
    ("rows", "what", "severity", "row"),
    [
        ("click,u,1,1700000000\nclick,u,9,1700000001\n", "unseen_id", "warning", 2),
        ("click,u,1,1700000000\nclick,u,1,1600000000\n", "out_of_order", "note", 2),
        ("click,u,1,1700000000\nclick,u,1,4000000000\n", "future", "warning", 2),
        ("click,u,1,100\n", "odd_time", "warning", 1),
        ("click,u,1,1700000000\n", "no_impressions", "note", 0),
        ("impression,u,1,1700000000\n", "no_request", "warning", 0),
        ("click,u,1,soon\n", "unreadable", "error", 1),
        ("put_item,u,1,1700000000\n", "reserved_kind", "error", 1),
        ("click,u,1,\n", "absent", "error", 1),
    ],
)
def test_what_is_odd_about_events_is_named_with_its_first_row(tmp_path, rows, what, severity, row):
    one = found(tmp_path, ITEMS, EVENTS + rows, AT)[what]
    assert (one.severity, one.row) == (severity, row)


def test_milliseconds_taken_for_seconds_are_told_by_name(tmp_path):
    one = found(tmp_path, ITEMS, EVENTS + "click,u,1,1700000000000\n", AT)["unreadable"]
    assert "unit: ms" in one.advice


def test_seconds_taken_for_milliseconds_are_told_by_name(tmp_path):
    one = found(tmp_path, ITEMS, EVENTS + "click,u,1,1700000000\n", AT.replace("unit: s", "unit: ms"))["odd_time"]
    assert (one.severity, "unit: s" in one.advice) == ("error", True)


def test_an_arrival_before_the_event_is_named(tmp_path):
    text = "kind,user,item,at,got\nclick,u,1,1700000000,1600000000\n"
    more = AT + ", arrival_time: {time: got, unit: s}"
    assert found(tmp_path, ITEMS, text, more)["arrival_early"].count == 1


def run(*arguments):
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def test_the_exit_code_says_whether_an_import_would_be_refused(folder):
    files = ["--items", folder / "places.csv", "--items", folder / "cuisines.csv", "--users", folder / "tastes.csv"]
    arguments = [*files, "--events", folder / "ratings.csv", "--mapping", folder / "mapping.yaml", "--json"]
    done = run(*arguments, "--home", folder / "home")
    told = json.loads(done.stdout.splitlines()[-1])
    assert (done.exit_code, told["errors"]) == (0, 0)
    assert {"only_here", "one_time", "no_impressions"} <= {one["what"] for one in told["findings"]}
    (folder / "ratings.csv").write_text("userID,placeID,rating\nU1,1,many\n")
    assert run(*arguments, "--home", folder / "home").exit_code == 1
    assert not (folder / "home").exists()


def test_a_workspace_is_checked_against_its_definitions(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.project.write_text("surfaces: {s: {model: m}}\nmodels: {m: {inputs: [price]}}\n")
    workspace.features.write_text(
        "inputs: {item.price: {type: float}, item.tag: {type: category}, item.gone: {type: float}}\n"
        "features: {price: item.price}\n"
    )
    workspace.items.parent.mkdir()
    table = pa.table({"item_id": ["1", "2"], "item.price": ["dear", "cheap"], "item.tag": ["a", "a"]})
    with pa.ipc.new_file(str(workspace.items), table.schema) as file:
        file.write_table(table)
    EventLog.open(workspace.events, writable=True).close()
    done = run("--home", tmp_path, "--json")
    kinds = {(one["what"], one["column"]) for one in json.loads(done.stdout.splitlines()[-1])["findings"]}
    assert done.exit_code == 1
    assert kinds == {
        ("other_type", "item.price"),
        ("unfilled_input", "item.gone"),
        ("constant_column", "item.tag"),
    }
