"""Reads a feature file: inputs declared, expressions parsed, names resolved, every mistake pointed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from searchrank.document import Document, Entry
from searchrank.errors import DefinitionError
from searchrank.features.declaration import declare
from searchrank.features.inputs import Input, InputType, Root
from searchrank.features.language import Origin, nearest, parse_expression
from searchrank.features.model_call import ModelSource
from searchrank.features.node import InputNode, Node

__all__ = ["DefinitionReader"]

MAX_ENTRIES: Final = 2_000
_KEYED: Final = frozenset({InputType.CATEGORY, InputType.TOKENS, InputType.LIST})


class DefinitionReader:
    """Reads one feature file."""

    def __init__(self, source: str, text: str, models: ModelSource) -> None:
        self._source = source
        self._models = models
        self._document = Document(source, text)
        self._inputs: dict[str, Input] = {}
        self._places: dict[str, yaml.Node] = {}
        self._origins: dict[str, Origin] = {}
        self._nodes: dict[str, Node] = {}
        self._open: list[str] = []

    def read(self) -> tuple[dict[str, Input], dict[str, str], dict[str, Node]]:
        """Return inputs, the features' texts and the features' graphs, by name.

        Raises:
            DefinitionError: When anything is refused; names line and column.
        """
        sections = self._document.entries(self._document.root("inputs: and features:"), "a feature file")
        for name, part in sections.items():
            if name not in {"inputs", "features"}:
                hint = nearest(name, ("inputs", "features")) or "a feature file has inputs: and features:"
                raise self._document.error(part.key, f"unknown part {name!r:.40}", hint)
        if "inputs" not in sections:
            raise DefinitionError("the file has no inputs:", source=self._source)
        self._read_inputs(sections["inputs"].value)
        if "features" in sections:
            self._read_features(sections["features"].value)
        return self._inputs, {name: origin.text for name, origin in self._origins.items()}, self._nodes

    def _entries(self, node: yaml.Node, what: str) -> Mapping[str, Entry]:
        entries = self._document.entries(node, what)
        if len(entries) > MAX_ENTRIES:
            raise self._document.error(node, f"at most {MAX_ENTRIES} entries, this has {len(entries)}")
        return entries

    def _read_inputs(self, section: yaml.Node) -> None:
        for name, (key, value) in self._entries(section, "inputs:").items():
            parts = {n: part.key for n, part in self._document.entries(value, f"{name:.60} as {{type: float}}").items()}
            entry = self._document.tree(value)

            def refuse(at: str, message: str, key: yaml.Node = key, parts: dict[str, Any] = parts) -> DefinitionError:
                return self._document.error(parts.get(at, key), message)

            self._inputs[name], self._places[name] = declare(name, entry, refuse), parts.get("by", key)
        for item in self._inputs.values():
            self._check_by(item)

    def _check_by(self, item: Input) -> None:
        """Refuse a map by something that has no keys.

        Raises:
            DefinitionError: When ``by`` does not name a category, tokens or list input of items.
        """
        by = item.statistic.by if item.statistic is not None else ""
        keys = [n for n, i in self._inputs.items() if i.root is Root.ITEM and i.type in _KEYED and i.statistic is None]
        if by and by not in keys:
            message = f"{item.name}: by: {by:.60} is not a category, tokens or list input of items"
            raise self._document.error(self._places[item.name], message, nearest(by, keys))

    def _read_features(self, section: yaml.Node) -> None:
        for name, (key, value) in self._entries(section, "features:").items():
            if not name.isidentifier() or not name.islower() or not name[0].isalpha() or len(name) > 64:
                raise self._document.error(
                    key, f"a feature's name is a lower-case word of at most 64 characters, not {name!r:.60}"
                )
            if not isinstance(value, yaml.ScalarNode):
                raise self._document.error(value, f"the feature {name} is not an expression")
            mark, quoted = value.start_mark, value.style in {"'", '"'}
            self._origins[name] = Origin(self._source, mark.line + 1, mark.column + 1 + quoted, value.value)
        for name in self._origins:
            self._feature(name)

    def _feature(self, name: str) -> Node:
        if name not in self._nodes:
            origin = self._origins[name]
            if name in self._open:
                circle = " -> ".join([*self._open[self._open.index(name) :], name])
                raise origin.error(f"features use each other in a circle: {circle[:200]}")
            if len(self._open) >= 100:
                raise origin.error("features use features at most 100 deep")
            self._open.append(name)
            known = [*self._inputs, *self._origins]
            self._nodes[name] = parse_expression(origin, self._resolve, known, models=self._models)
            self._open.pop()
        return self._nodes[name]

    def _resolve(self, name: str) -> Node | None:
        if name in self._inputs:
            if name not in self._nodes:
                self._nodes[name] = InputNode.of(self._inputs[name])
            return self._nodes[name]
        return self._feature(name) if name in self._origins else None
