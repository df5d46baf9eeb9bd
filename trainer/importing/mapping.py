"""The mapping file: which column of which file becomes which id, time, kind, value or input.

One entry a file (or a pattern for several alike), one line a column: ``item.price: {number: cost, scale: 0.01}``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from searchrank.document import Document, Entry
from searchrank.errors import ConfigError, DefinitionError, NotFoundError
from searchrank.events import CORE
from trainer.importing.column import Column, read_column

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FileMapping", "Kind", "MappedFile", "TableMapping"]

_ENTRY: Final = ("file", "encoding", "delimiter", "missing", "skip_bad_rows", "min_value", "columns")
_EVENT_ROOTS: Final = ("request", "session", "query", "candidate", "recall")


class Kind(StrEnum):
    """Which table of a workspace a file belongs to."""

    ITEMS = "items"
    USERS = "users"
    EVENTS = "events"

    @property
    def key(self) -> str:
        """The column that every row must have."""
        return {"items": "item_id", "users": "user_id", "events": "event_time"}[self.value]

    def allows(self, target: str) -> bool:
        """Whether a column of this name may stand in the table."""
        root = target.partition(".")[0]
        if self is Kind.EVENTS:
            return target in CORE.names or (root in _EVENT_ROOTS and _is_input(target))
        return target == self.key or (root == self.value[:-1] and _is_input(target))


def _is_input(target: str) -> bool:
    """Whether this is a name as the feature language has it."""
    return re.fullmatch(r"[a-z]+\.[a-z][a-z0-9_]{0,62}", target) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedFile:
    """How the rows of one file, or of several alike, are read.

    Attributes:
        kind: Which table they belong to.
        pattern: File name, or a pattern such as ``part-*.csv``.
        encoding: As declared; empty: UTF-8, or what is detected.
        delimiter: Between the fields of a CSV file; empty: by the file's ending.
        missing: Texts that mean that there is no value; the empty text always does.
        skip_bad_rows: Whether rows that cannot be read are left out, and counted, rather than refused.
        min_value: Events with a lower or no value are left out; None takes all.
        columns: The columns.
    """

    kind: Kind
    pattern: str
    encoding: str = ""
    delimiter: str = ""
    missing: tuple[str, ...] = ()
    skip_bad_rows: bool = False
    min_value: float | None = None
    columns: tuple[Column, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns of the file that are read, each once."""
        return tuple(dict.fromkeys(name for column in self.columns for name in column.sources))

    def paths(self, given: Sequence[Path]) -> list[Path]:
        """Return those of the given files that this entry describes."""
        return [path for path in given if fnmatch.fnmatchcase(path.name, self.pattern)]


TableMapping = tuple[MappedFile, ...]
"""Entries of one table; of items and users the first says which there are, further ones add columns to them."""


@dataclass(frozen=True, slots=True)
class FileMapping:
    """A whole mapping file.

    Attributes:
        tables: Entries by table; a table that is not mapped is absent.
        source: Where it was read from, for messages.
    """

    tables: dict[Kind, TableMapping] = field(default_factory=dict)
    source: str = "mapping.yaml"

    @classmethod
    def load(cls, path: Path) -> FileMapping:
        """Read a mapping file.

        Raises:
            NotFoundError: When there is none.
            DefinitionError: When it is not what it must be; names line and column.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFoundError(f"no mapping file {path}; 'searchrank import suggest' writes one") from None
        except UnicodeDecodeError as error:
            raise DefinitionError(f"the file is not UTF-8: {error.reason}", source=str(path)) from None
        return cls.parse(text, source=path.name)

    @classmethod
    def parse(cls, text: str, *, source: str = "mapping.yaml") -> FileMapping:
        """Read the text of a mapping file.

        Raises:
            DefinitionError: When it is not what it must be; names line and column.
        """
        document = Document(source, text)
        root = document.root("items:, and users: and events: if there are any")
        parts = document.entries(root, "a mapping file")
        tables: dict[Kind, TableMapping] = {}
        for name, part in parts.items():
            if name not in set(Kind):
                raise document.error(part.key, f"unknown part {name!r:.40}", f"it may have: {', '.join(Kind)}")
            if not isinstance(part.value, yaml.SequenceNode) or not part.value.value:
                raise document.error(part.value, f"{name}: is a list of files, each '- file: …'")
            tables[Kind(name)] = tuple(_entry(document, Kind(name), part.key, node) for node in part.value.value)
        return cls(tables, source)

    def assign(self, given: Mapping[Kind, Sequence[Path]]) -> list[tuple[MappedFile, Path]]:
        """Return every entry with each of its files, in the order of the mapping.

        Args:
            given: Files by table, as named on the command line.

        Raises:
            ConfigError: When a file has no entry, or an entry no file.
            NotFoundError: When a file does not exist.
        """
        found = [pair for kind, paths in given.items() for pair in self._assign(kind, paths)]
        if not found:
            raise ConfigError("name the files with --items, --users and --events")
        return found

    def _assign(self, kind: Kind, paths: Sequence[Path]) -> list[tuple[MappedFile, Path]]:
        entries = self.tables.get(kind, ())
        for path in paths:
            if not path.is_file():
                raise NotFoundError(f"there is no file {path} (--{kind})")
            if not any(entry.paths([path]) for entry in entries):
                known = ", ".join(entry.pattern for entry in entries) or "nothing"
                raise ConfigError(f"{self.source} maps no {kind} file {path.name}; it maps {known}", field=f"--{kind}")
        for entry in entries if paths else ():
            if not entry.paths(paths):
                raise ConfigError(
                    f"{self.source} maps {entry.pattern}, which was not given; name it with --{kind} too, or remove "
                    "its entry",
                    field=f"--{kind}",
                )
        return [(entry, path) for entry in entries for path in entry.paths(paths)]


def _entry(document: Document, kind: Kind, key: yaml.Node, node: yaml.Node) -> MappedFile:
    """Read one ``- file:`` entry."""
    parts = document.fields(Entry(key, node), f"an entry of {kind}:", _ENTRY, ("file", "columns"))
    plain = {name: document.tree(part.value) for name, part in parts.items() if name != "columns"}
    for name, wanted in (("file", str), ("encoding", str), ("delimiter", str), ("skip_bad_rows", bool)):
        if name in plain and not isinstance(plain[name], wanted):
            raise document.error(parts[name].value, f"{name}: is {'true or false' if wanted is bool else 'a text'}")
    if len(plain.get("delimiter", ",")) != 1:
        raise document.error(parts["delimiter"].value, "delimiter: is one character, such as ';' or \"\\t\"")
    minimum = plain.get("min_value")
    if minimum is not None and (kind is not Kind.EVENTS or isinstance(minimum, bool | str | list)):
        raise document.error(parts["min_value"].value, "min_value: is a number, and goes with events")
    columns = _columns(document, kind, parts["columns"])
    return MappedFile(
        kind=kind,
        pattern=plain["file"],
        encoding=plain.get("encoding", ""),
        delimiter=plain.get("delimiter", ""),
        missing=_texts(document, parts.get("missing")),
        skip_bad_rows=plain.get("skip_bad_rows", False),
        min_value=None if minimum is None else float(minimum),
        columns=columns,
    )


def _texts(document: Document, part: Entry | None) -> tuple[str, ...]:
    """Return the texts of ``missing:``; a number stands for itself as written."""
    if part is None:
        return ()
    nodes = part.value.value if isinstance(part.value, yaml.SequenceNode) else [part.value]
    if not all(isinstance(node, yaml.ScalarNode) for node in nodes):
        raise document.error(part.value, 'missing: is a list of texts, such as ["?", "N/A"]')
    return tuple(str(node.value) for node in nodes)


def _columns(document: Document, kind: Kind, part: Entry) -> tuple[Column, ...]:
    """Read ``columns:``."""
    found = []
    for target, (key, value) in document.entries(part.value, "columns:").items():
        if not kind.allows(target):
            raise document.error(key, f"{kind} have no column {target!r:.60}", _allowed(kind))
        found.append(read_column(document, target, key, value))
    targets = {column.target for column in found}
    for name in (kind.key, *(("kind",) if kind is Kind.EVENTS else ())):
        if name not in targets:
            raise document.error(part.key, f"every file of {kind} needs {name}:", _needed(name))
    return tuple(found)


def _allowed(kind: Kind) -> str:
    if kind is Kind.EVENTS:
        return f"there are {', '.join(CORE.names)}, and inputs of {', '.join(_EVENT_ROOTS)} such as request.device"
    return f"there are {kind.key} and inputs such as {kind.value[:-1]}.title"


def _needed(name: str) -> str:
    hints: dict[str, Any] = {
        "kind": "for example kind: {const: click}, or the column that says what happened",
        "event_time": "for example event_time: {time: timestamp, unit: s}; where the file has no times, a constant: "
        "event_time: {const: 2024-01-01}",
    }
    return str(hints.get(name, f"for example {name}: id"))
