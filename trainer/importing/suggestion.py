"""A mapping file to start from, guessed from the files alone; every line says why it is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.importing.guess import event_lines, is_named, noun_of, quoted
from trainer.importing.mapping import Kind
from trainer.importing.profile import ColumnProfile, FileProfile, profile_file

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["suggest_mapping"]

_IDS: Final = {
    Kind.ITEMS: r"(item|product|place|movie|book|article|sku|asin|doc|business|listing|venue)_?(id|code|no)?|id",
    Kind.USERS: r"(user|customer|member|visitor|client|person|account)_?(id|code|no)?|id",
}
_TITLES: Final = r"(title|name|label|headline)|.*_(title|name)"
_LATITUDE: Final = r"lat|latitude|.*_lat(itude)?"
_LONGITUDE: Final = r"lon|lng|long|longitude|.*_(lon|lng|longitude)"
_CODES: Final = r".*(zip|postal|postcode|phone|fax|code|isbn|ean|_id)"
_SENTENCE: Final = 2.5
_FEW: Final = 0.5


def suggest_mapping(given: Mapping[Kind, Sequence[Path]]) -> tuple[str, list[str]]:
    """Return the text of a mapping file, and what was guessed in words.

    Args:
        given: Files by table; of several files of items or users the first says which there are.

    Raises:
        DataError: When a file cannot be read.
    """
    said: list[str] = []
    keys: dict[Kind, ColumnProfile] = {}
    lines = [
        "# Suggested from the files: a beginning, to be read and changed. Check it with 'searchrank validate'.",
        "# A line says: column of the workspace: {what it is: column of the file}.",
    ]
    for kind in (Kind.ITEMS, Kind.USERS):
        if given.get(kind):
            lines += ["", f"{kind}:"]
        for number, path in enumerate(given.get(kind, ())):
            profile = profile_file(path)
            lines += [*_head(profile), *_table_lines(kind, profile, keys, first=number == 0, said=said)]
    if given.get(Kind.EVENTS):
        lines += ["", "events:"]
    for path in given.get(Kind.EVENTS, ()):
        profile = profile_file(path)
        for extra, columns in event_lines(profile, keys, said):
            lines += [*_head(profile), *extra, "    columns:", *columns]
    return "\n".join(lines) + "\n", said


def _head(profile: FileProfile) -> list[str]:
    lines = [f"  - file: {quoted(profile.path.name)}"]
    if profile.encoding:
        lines.append(f"    encoding: {profile.encoding}  # it is not UTF-8; see whether names look right")
    if profile.delimiter:
        lines.append(f'    delimiter: "{profile.delimiter}"'.replace("\t", "\\t"))
    if profile.missing:
        marks = ", ".join(f'"{mark}"'.replace("\\", "\\\\") for mark in profile.missing)
        lines.append(f"    missing: [{marks}]  # these seem to mean that there is no value")
    return lines


def _table_lines(
    kind: Kind, profile: FileProfile, keys: dict[Kind, ColumnProfile], *, first: bool, said: list[str]
) -> list[str]:
    """Return the columns of a file of items or users."""
    key = _key(kind, profile, keys.get(kind))
    if key is None:
        said.append(f"{profile.path.name}: no column looks like an id; write the right one after {kind.key}:")
    else:
        said.append(f"{profile.path.name}: {key.name} is taken for {kind.key}")
    if first and key is not None:
        keys[kind] = key
    name = quoted(key.name) if key else "???"
    lines = ["    columns:", f"      {kind.key}: {name}  # {_key_reason(key)}"]
    place = _place(profile)
    if place:
        latitude, longitude = place
        lines.append(f"      {kind.value[:-1]}.location: {{point: [{quoted(latitude)}, {quoted(longitude)}]}}")
        said.append(f"{profile.path.name}: {latitude} and {longitude} are taken for a location")
    many = key is not None and not key.is_key
    taken: dict[str, str] = {}
    rest = [c for c in profile.columns.values() if c is not key and c.name not in place]
    lines += [_column_line(kind, column, taken, several_rows=many) for column in rest]
    return lines + (_search_text(rest, taken, first=first, several_rows=many) if kind is Kind.ITEMS else [])


def _key(kind: Kind, profile: FileProfile, known: ColumnProfile | None) -> ColumnProfile | None:
    """Return the column of the ids: as in an earlier file, else of a fitting name, else the first without twins."""
    columns = list(profile.columns.values())
    if known is not None:
        same = [c for c in columns if c.name == known.name]
        return next(iter([*same, *(c for c in columns if set(c.values[:1_000]) & set(known.values))]), None)
    named = [c for c in columns if is_named(c.name, _IDS[kind])]
    unique = [c for c in columns if c.is_key]
    best = [c for c in named if c.is_key] or named or [c for c in unique if c.words < _SENTENCE] or unique
    return best[0] if best else None


def _key_reason(key: ColumnProfile | None) -> str:
    if key is None:
        return "say which column names the rows"
    return "every row has its own" if key.is_key else f"{key.distinct:,} different ones in {key.rows:,} rows"


def _place(profile: FileProfile) -> tuple[str, ...]:
    """Return the columns of latitude and longitude, or nothing."""
    columns = profile.columns.values()
    latitude = [c.name for c in columns if is_named(c.name, _LATITUDE) and c.low >= -90 and c.high <= 90]
    longitude = [c.name for c in columns if is_named(c.name, _LONGITUDE) and c.low >= -180 and c.high <= 180]
    return (latitude[0], longitude[0]) if latitude and longitude else ()


def _column_line(kind: Kind, column: ColumnProfile, taken: dict[str, str], *, several_rows: bool) -> str:
    """Return the line of one column, as a comment when it is better left out."""
    why = _useless(column)
    if why:
        return f"      # {column.name} is left out: {why}"
    what, reason = _conversion(column, several_rows=several_rows)
    noun = (
        "title" if what == "text" and is_named(column.name, _TITLES) and "title" not in taken else noun_of(column.name)
    )
    noun = noun if noun not in taken else f"{noun}_{len(taken)}"
    taken[noun] = what.split(":")[0].split(",")[0]
    options = "".join(f", {part}" for part in what.split(", ")[1:])
    return f"      {kind.value[:-1]}.{noun}: {{{what.split(', ')[0]}: {quoted(column.name)}{options}}}  # {reason}"


def _useless(column: ColumnProfile) -> str:
    if not column.known:
        return "no row has a value"
    if column.distinct == 1:
        return f"every row that has a value has the same, {column.values[0][:40]!r}"
    return "it is for machines" if column.is_code and not column.nested else ""


def _conversion(column: ColumnProfile, *, several_rows: bool) -> tuple[str, str]:
    """Return the conversion with its options, and why."""
    if column.nested:
        return "list", "lists already"
    if column.separator:
        return f'list, sep: "{column.separator}"', f"looks like lists: {column.values[0][:40]}"
    if column.is_time:
        return _time(column)
    known = f"{column.known:,} of {column.rows:,} rows have a value"
    if column.is_number and not is_named(column.name, _CODES):
        return "number", f"{column.low:g} to {column.high:g}; {known}"
    return _words(column, known, several_rows=several_rows)


def _time(column: ColumnProfile) -> tuple[str, str]:
    if column.unit:
        return f"time, unit: {column.unit}", f"numbers that are times since 1970, if their unit is {column.unit}"
    options = f', format: "{column.format}"' if column.format else ""
    return f"time{options}", "times; add zone: if they are not UTC"


def _words(column: ColumnProfile, known: str, *, several_rows: bool) -> tuple[str, str]:
    if several_rows and column.words < _SENTENCE:
        return "list", f"several rows an id, one member each; {column.distinct:,} different"
    is_code = is_named(column.name, _CODES)
    if not is_code and (column.words >= _SENTENCE or column.distinct > _FEW * max(column.known, 1)):
        return "text", f"{column.words:.0f} words on average; {known}"
    return "category", f"{column.distinct:,} values, such as {column.values[0][:30]}; {known}"


def _search_text(
    columns: Sequence[ColumnProfile], taken: dict[str, str], *, first: bool, several_rows: bool
) -> list[str]:
    """Return a line with all words of an item, for searches."""
    useful = [column for column in columns if not _useless(column) and not is_named(column.name, _CODES)]
    kinds = [_conversion(column, several_rows=several_rows)[0].split(",")[0] for column in useful]
    words = [column.name for column, kind in zip(useful, kinds, strict=True) if kind in {"text", "category"}]
    if first and len(words) > 1:
        return [f"      item.all_text: {{text: [{', '.join(map(quoted, words))}]}}  # all words, for searches"]
    lists = [column.name for column, kind in zip(useful, kinds, strict=True) if kind == "list" and several_rows]
    return [
        f"      item.{noun_of(name)}_words: {{text: {quoted(name)}, gather: true}}  # the same as words, for searches"
        for name in lists
        if noun_of(name) in taken
    ]
