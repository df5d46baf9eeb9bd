from __future__ import annotations

from typer.testing import CliRunner

from searchrank.cli import app
from searchrank.workspace import Workspace
from trainer.importing import FileMapping, Kind, import_tables
from trainer.importing.suggestion import suggest_mapping

BOUGHT = (
    "orderId;customer_id;sku;Bestellt am;amount;action\n"
    "o1;c1;s1;31.01.2024 18:00;19,90;view\no2;c1;s2;01.02.2024 09:30;5,00;order\no3;c2;s1;02.02.2024 10:00;7,50;order\n"
)
GOODS = (
    "sku;Product Name;tags;price;added;url\n"
    "s1;Green tea from Hangzhou;tea|green;19.90;1700000000;https://a.example/1\n"
    "s2;Black tea from Assam;tea|black;5.00;1700000100;https://a.example/2\n"
    "s3;Clay tea pot;pot|tea;49.00;1700000200;https://a.example/3\n"
    "s4;Iron tea pot;pot|green;99.00;1700000300;https://a.example/4\n"
)


def test_a_suggestion_is_a_mapping_that_imports(folder):
    files = {
        Kind.ITEMS: [folder / "places.csv", folder / "cuisines.csv"],
        Kind.USERS: [folder / "tastes.csv"],
        Kind.EVENTS: [folder / "ratings.csv"],
    }
    text, said = suggest_mapping(files)
    (folder / "suggested.yaml").write_text(text)
    made = import_tables(Workspace(folder / "home"), folder / "suggested.yaml", files)
    assert (made.items, made.users, made.kinds) == (4, 2, {"rating": 5, "like": 3})
    entry = FileMapping.parse(text).tables[Kind.ITEMS][0]
    assert (entry.encoding, entry.missing) == ("latin-1", ("?",))
    targets = {column.target: column.conversion for column in entry.columns}
    assert targets["item.location"] == "point"
    assert targets["item.title"] == "text"
    assert any("placeID is taken for item_id" in line for line in said)


def test_delimiters_formats_units_lists_and_kinds_are_guessed(tmp_path):
    (tmp_path / "goods.csv").write_text(GOODS)
    (tmp_path / "bought.csv").write_text(BOUGHT)
    text, _ = suggest_mapping({Kind.ITEMS: [tmp_path / "goods.csv"], Kind.EVENTS: [tmp_path / "bought.csv"]})
    tables = FileMapping.parse(text).tables
    goods = {column.target: column for column in tables[Kind.ITEMS][0].columns}
    assert tables[Kind.ITEMS][0].delimiter == ";"
    assert goods["item_id"].sources == ("sku",)
    assert goods["item.title"].sources == ("Product Name",)
    assert goods["item.tags"].sep == "|"
    assert goods["item.added"].unit == 1_000_000
    assert "item.url" not in goods
    events = {column.target: column for column in tables[Kind.EVENTS][0].columns}
    assert events["kind"].sources == ("action",)
    assert (events["user_id"].sources, events["item_id"].sources) == (("customer_id",), ("sku",))
    assert (events["event_time"].sources, events["event_time"].format) == (("Bestellt am",), "%d.%m.%Y %H:%M")


def test_a_mapping_that_is_there_is_not_written_over(folder):
    arguments = ["import", "suggest", "--items", str(folder / "places.csv"), "--out", str(folder / "new.yaml")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert (folder / "new.yaml").is_file()
    assert "exists already" in str(CliRunner().invoke(app, arguments).exception)


def test_an_id_of_events_is_not_taken_for_one_of_items(tmp_path):
    (tmp_path / "shops.csv").write_text("id,title\ns1,Tea house\ns2,Noodle bar\n")
    (tmp_path / "log.csv").write_text(
        "id,shop,action,ts,received_at,device\n"
        "e1,s1,click,2024-01-01 10:00:00,2024-01-01 10:00:05,ios\n"
        "e2,s2,click,2024-01-01 11:00:00,2024-01-01 11:00:05,web\n"
    )
    text, _ = suggest_mapping({Kind.ITEMS: [tmp_path / "shops.csv"], Kind.EVENTS: [tmp_path / "log.csv"]})
    events = {column.target: column.sources for column in FileMapping.parse(text).tables[Kind.EVENTS][0].columns}
    assert events["item_id"] == ("shop",)
    assert events["event_id"] == ("id",)
    assert (events["event_time"], events["arrival_time"]) == (("ts",), ("received_at",))
    assert "request.device" in text


def test_sentences_with_commas_are_no_lists(tmp_path):
    told = ("Fresh noodles every day", "loved by many people", "cheap sets at noon")
    rows = "".join(f'{k},"{told[k % 3]}, {told[(k + 1) % 3]}"\n' for k in range(6))
    (tmp_path / "a.csv").write_text(f"id,about\n{rows}")
    assert "{text: about}" in suggest_mapping({Kind.ITEMS: [tmp_path / "a.csv"]})[0]
