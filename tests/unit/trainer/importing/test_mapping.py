from __future__ import annotations

import datetime as dt

import pytest

from searchrank.errors import DefinitionError, NotFoundError
from trainer.importing import FileMapping, Kind
from trainer.importing.column import Conversion


def one(line: str, kind: str = "items"):
    key = {"items": "item_id: id", "users": "user_id: id", "events": "event_time: at, kind: {const: click}"}[kind]
    text = f"{kind}:\n  - file: a.csv\n    columns: {{{key}, {line}}}\n"
    return FileMapping.parse(text).tables[Kind(kind)][0].columns[-1]


def test_a_column_knows_what_it_becomes_and_from_what():
    assert one("item.title: {text: [name, city]}").sources == ("name", "city")
    assert one("item.price: {number: p, scale: 0.01, decimal: ','}").scale == 0.01
    assert one("item.tags: {list: t, sep: '|'}").sep == "|"
    assert one("item.on: {category: c, values: {no: 'off', 1: one}}").values == {"no": "off", "1": "one"}
    assert one("user_id: u", "events").conversion is Conversion.TEXT
    assert one("value: v", "events").conversion is Conversion.NUMBER
    moment = one("arrival_time: {const: 2024-01-31T01:00:00+01:00}", "events").constant
    assert moment == dt.datetime(2024, 1, 31, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("things: []", "unknown part 'things'"),
        ("items: {}", "is a list of files"),
        ("items: [{file: a.csv}]", "needs columns:"),
        ("items: [{file: a.csv, columns: {item.title: {text: t}}}]", "needs item_id"),
        ("events: [{file: a.csv, columns: {kind: k}}]", "needs event_time"),
        ("events: [{file: a.csv, columns: {event_time: t}}]", "needs kind"),
        ("items: [{file: a.csv, delimiter: ab, columns: {item_id: i}}]", "one character"),
        ("items: [{file: a.csv, min_value: 1, columns: {item_id: i}}]", "goes with events"),
        ("items: [{file: a.csv, skip_bad_rows: maybe, columns: {item_id: i}}]", "true or false"),
        ("items: [{file: a.csv, colums: {item_id: i}}]", "has no 'colums'"),
    ],
)
def test_a_mapping_that_is_none_is_refused_with_its_place(text, words):
    with pytest.raises(DefinitionError, match=words):
        FileMapping.parse(text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("item.title: name", "say what item.title is"),
        ("item.title: {txt: name}", "needs one of"),
        ("item.title: {text: a, number: b}", "needs one of"),
        ("item.title: {text: a, sep: b}", "a text has no 'sep'"),
        ("user.name: {text: a}", "items have no column 'user.name'"),
        ("item.at: {time: t, zone: Mars/Base}", "no time zone 'Mars/Base'"),
        ("item.at: {time: t, unit: h}", "unit: is one of"),
        ("item.at: {time: t, format: '%H%z'}", "a format has no zone"),
        ("item.price: {number: p, values: {low: cheap}}", "'cheap' is not a number"),
        ("item.price: {number: [a, b]}", "comes from one column"),
        ("item.place: {point: [a, b, c]}", "a latitude and a longitude"),
        ("item.price: {number: p, scale: .inf}", "scale: is a number"),
        ("item.x: {const: [1]}", "a constant is a text"),
    ],
)
def test_a_column_that_cannot_be_is_refused_with_its_place(line, words):
    with pytest.raises(DefinitionError, match=words) as caught:
        one(line)
    assert caught.value.line == 3


def test_a_mapping_that_is_not_there_says_how_to_get_one(tmp_path):
    with pytest.raises(NotFoundError, match="import suggest"):
        FileMapping.load(tmp_path / "m.yaml")
