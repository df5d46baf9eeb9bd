"""A YAML text whose every part knows its place, so that a refusal can point at it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import yaml

from searchrank.errors import DefinitionError

__all__ = ["Document", "Entry"]

MAX_CHARACTERS: Final = 1_000_000


class Entry(NamedTuple):
    """A key and its value as written."""

    key: yaml.Node
    value: yaml.Node


class Document:
    """One YAML text of mappings, lists and plain values; anchors and aliases are refused."""

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._lines = text.splitlines()
        self._text = text

    def root(self, needs: str) -> yaml.Node:
        """Return the top of the text; ``needs`` names what an empty one lacks.

        Raises:
            DefinitionError: When it is empty, too long, or not such a YAML text.
        """
        if len(self._text) > MAX_CHARACTERS:
            raise DefinitionError(f"at most {MAX_CHARACTERS:,} characters are read", source=self._source)
        try:
            for event in yaml.parse(self._text, Loader=yaml.CSafeLoader) if "&" in self._text else ():
                if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                    raise self._at(event.start_mark, "anchors and aliases are not read here")
            root = yaml.compose(self._text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            raise self._at(error.problem_mark, f"this is not YAML: {error.problem}") from None
        except (yaml.YAMLError, RecursionError) as error:
            raise DefinitionError(f"this is not YAML: {error}", source=self._source) from None
        if root is None:
            raise DefinitionError(f"the file is empty; it needs {needs}", source=self._source)
        return root

    def error(self, node: yaml.Node, message: str, hint: str = "") -> DefinitionError:
        """Return a refusal that points at a node."""
        return self._at(node.start_mark, message, hint)

    def _at(self, mark: Any, message: str, hint: str = "") -> DefinitionError:
        if mark is None:
            return DefinitionError(message, source=self._source)
        line = self._lines[mark.line] if mark.line < len(self._lines) else ""
        place = {"line": mark.line + 1, "column": mark.column + 1, "text": line if len(line) <= 200 else ""}
        return DefinitionError(message, source=self._source, hint=hint, **place)

    def entries(self, node: yaml.Node, what: str) -> Mapping[str, Entry]:
        """Return the entries of a mapping by key.

        Raises:
            DefinitionError: When it is no mapping, or a key is no plain word or stands twice.
        """
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{what} is a mapping")
        found: dict[str, Entry] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, "a name is a plain word")
            if key.value in found:
                raise self.error(key, f"{key.value!r:.60} stands twice in {what}")
            found[key.value] = Entry(key, value)
        return found

    def fields(self, entry: Entry, what: str, allowed: Collection[str], needed: Collection[str]) -> Mapping[str, Entry]:
        """Return the entries of a mapping that may hold only certain keys.

        Raises:
            DefinitionError: When a key is unknown or missing.
        """
        found = self.entries(entry.value, what)
        for name, part in found.items():
            if name not in allowed:
                raise self.error(part.key, f"{what} has no {name!r:.60}", f"it may have: {', '.join(allowed)}")
        for name in needed:
            if name not in found:
                raise self.error(entry.key, f"{what} needs {name}:")
        return found

    def value(self, node: yaml.Node) -> Any:
        """Return a plain value, or a list of plain values, in Python.

        Raises:
            DefinitionError: When it is anything else.
        """
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(part, yaml.ScalarNode) for part in parts):
            raise self.error(node, "a plain value, or a list of them, is expected here")
        return self.tree(node)

    def tree(self, node: yaml.Node) -> Any:
        """Return a value of any depth in Python.

        Raises:
            DefinitionError: When a tag, a date or a number does not hold what it says.
        """
        try:
            return yaml.CSafeLoader("").construct_document(node)
        except yaml.MarkedYAMLError as error:
            raise self._at(error.problem_mark, f"this is not a plain value: {error.problem}") from None
        except (ValueError, KeyError) as error:
            raise self.error(node, f"this holds a value that is not plain: {error}") from None
