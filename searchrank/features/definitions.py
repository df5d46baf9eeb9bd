"""A feature file: inputs and features, parsed, typed and fingerprinted; the noun every program shares."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from searchrank.errors import DefinitionError, NotFoundError
from searchrank.features.declaration import declare
from searchrank.features.inputs import CANDIDATE_ROOTS, REQUEST_ROOTS, Input, InputType, Kind, Root
from searchrank.features.language import Origin, nearest, parse_expression
from searchrank.features.node import InputNode, Node, Scope
from searchrank.features.records import Encoder
from searchrank.features.text import ANALYSER_REVISION

__all__ = ["Feature", "FeatureSet"]

MAX_BYTES: Final = 1_000_000
MAX_ENTRIES: Final = 2_000
_KEYED: Final = frozenset({InputType.CATEGORY, InputType.TOKENS, InputType.LIST})


@dataclass(frozen=True, slots=True)
class Feature:
    """One definition.

    Attributes:
        name: Name in the file.
        text: Expression as written.
        node: Its typed graph.
    """

    name: str
    text: str
    node: Node

    @property
    def canonical(self) -> str:
        """The expression in canonical spacing."""
        return ast.unparse(ast.parse(self.text.strip(), mode="eval"))

    @property
    def kind(self) -> Kind:
        """Kind of the value."""
        return self.node.kind

    @property
    def scope(self) -> Scope:
        """How often it is computed."""
        return self.node.scope


@dataclass(frozen=True)
class FeatureSet:
    """Every input and feature of a project.

    Attributes:
        inputs: Declared raw columns by name, in name order.
        features: Definitions by name, in name order; a feature may use others.
    """

    inputs: Mapping[str, Input]
    features: Mapping[str, Feature]

    @classmethod
    def load(cls, path: Path) -> FeatureSet:
        """Parse a feature file.

        Raises:
            NotFoundError: When there is no such file.
            DefinitionError: When anything in it is refused; names line and column.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFoundError(f"no feature file {path}") from None
        except UnicodeDecodeError as error:
            raise DefinitionError(f"the file is not UTF-8: {error.reason}", source=str(path)) from None
        return cls.parse(text, source=path.name)

    @classmethod
    def parse(cls, text: str, *, source: str = "features.yaml") -> FeatureSet:
        """Parse the text of a feature file.

        Raises:
            DefinitionError: When anything in it is refused; names line and column.
        """
        return _Reader(source, text).read()

    @cached_property
    def canonical(self) -> str:
        """The file in normal form: names sorted, defaults left out, spacing fixed; parses to an equal set."""
        inputs = {name: _declaration(item) for name, item in self.inputs.items()}
        features = {name: feature.canonical for name, feature in self.features.items()}
        return str(
            yaml.safe_dump({"inputs": inputs, "features": features}, sort_keys=False, allow_unicode=True, width=10**6)
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the meaning: inputs, graphs, operator revisions, parameters as kernels see them, analyser."""
        parts = [f"analyser@{ANALYSER_REVISION}"]
        parts += [repr(item) for item in self.inputs.values()]
        parts += [f"{name}={feature.node.key}" for name, feature in self.features.items()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def item_inputs(self) -> tuple[Input, ...]:
        """What the catalogue holds: item.* but for live statistics."""
        return tuple(i for i in self.inputs.values() if i.root is Root.ITEM and not i.is_live)

    @cached_property
    def request_inputs(self) -> tuple[Input, ...]:
        """What is known once a request: request.*, session.*, user.*, query.*."""
        return tuple(i for i in self.inputs.values() if i.root in REQUEST_ROOTS)

    @cached_property
    def candidate_inputs(self) -> tuple[Input, ...]:
        """What comes with each candidate: candidate.*, recall.* and live item statistics."""
        return tuple(i for i in self.inputs.values() if i.root in CANDIDATE_ROOTS or i.is_live)

    @cached_property
    def item_encoder(self) -> Encoder:
        """Encodes ``item_inputs``; its ``layout`` is the raw catalogue record."""
        return Encoder(self.item_inputs)

    @cached_property
    def request_encoder(self) -> Encoder:
        """Encodes ``request_inputs``."""
        return Encoder(self.request_inputs)

    @cached_property
    def candidate_encoder(self) -> Encoder:
        """Encodes ``candidate_inputs``."""
        return Encoder(self.candidate_inputs)

    @property
    def item_layout(self) -> Any:
        """Numpy record type of ``item_inputs``."""
        return self.item_encoder.layout

    @property
    def request_layout(self) -> Any:
        """Numpy record type of ``request_inputs``."""
        return self.request_encoder.layout

    @property
    def candidate_layout(self) -> Any:
        """Numpy record type of ``candidate_inputs``."""
        return self.candidate_encoder.layout


def _duration(us: int) -> str:
    for unit, size in (("d", 86_400 * 10**6), ("h", 3_600 * 10**6), ("m", 60 * 10**6)):
        if us % size == 0:
            return f"{us // size}{unit}"
    return f"{us // 10**6}s"


def _declaration(item: Input) -> dict[str, Any]:
    """Return an input as it would be written, defaults left out."""
    entry: dict[str, Any] = {"type": item.type.value}
    entry |= {k: v for k in ("unit", "size", "limit", "of") if (v := getattr(item, k))}
    if item.training_only:
        entry |= {"training_only": True, "serving": item.serving}
    elif item.missing is not None:
        entry["missing"] = "empty" if item.missing == () else item.missing
    if (statistic := item.statistic) is not None:
        entry[statistic.kind.value] = statistic.event
        entry |= {k: v for k in ("over", "by", "prior", "strength") if (v := getattr(statistic, k))}
        entry |= {"window": _duration(statistic.window_us)} if statistic.window_us else {}
        entry |= {"refresh": _duration(statistic.refresh_us)} if statistic.refresh_us > 1 else {}
    return entry


class _Reader:
    """Reads one file: YAML nodes keep the marks that errors point at."""

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._text = text
        self._inputs: dict[str, Input] = {}
        self._places: dict[str, yaml.Node] = {}
        self._origins: dict[str, Origin] = {}
        self._nodes: dict[str, Node] = {}
        self._open: list[str] = []

    def read(self) -> FeatureSet:
        root = self._compose()
        sections = self._mapping(root, "a feature file has two parts, inputs: and features:")
        for name, (key, _) in sections.items():
            if name not in {"inputs", "features"}:
                hint = nearest(name, ("inputs", "features"))
                raise self._error(key, f"unknown part {name!r:.40}", hint or "a feature file has inputs: and features:")
        self._read_inputs(sections)
        self._read_features(sections)
        features = {n: Feature(n, self._origins[n].text, self._feature(n)) for n in sorted(self._origins)}
        inputs = dict(sorted(self._inputs.items()))
        return FeatureSet(MappingProxyType(inputs), MappingProxyType(features))

    def _compose(self) -> yaml.Node:
        if len(self._text) > MAX_BYTES:
            raise DefinitionError(f"a feature file has at most {MAX_BYTES} characters", source=self._source)
        try:
            events = yaml.parse(self._text, Loader=yaml.CSafeLoader) if "&" in self._text else ()
            for event in events:
                if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                    raise self._at(event.start_mark, "anchors and aliases are not part of a feature file")
            root = yaml.compose(self._text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            raise self._at(error.problem_mark, f"this is not YAML: {error.problem}") from None
        except (yaml.YAMLError, RecursionError) as error:
            raise DefinitionError(f"this is not YAML: {error}", source=self._source) from None
        if root is None:
            raise DefinitionError("the file is empty; it needs inputs: and features:", source=self._source)
        return root

    def _at(self, mark: Any, message: str, hint: str = "") -> DefinitionError:
        if mark is None:
            return DefinitionError(message, source=self._source)
        lines = self._text.splitlines()
        line = lines[mark.line] if mark.line < len(lines) else ""
        text, column = (line, mark.column + 1) if len(line) <= 200 else ("", mark.column + 1)
        return DefinitionError(message, source=self._source, line=mark.line + 1, column=column, text=text, hint=hint)

    def _error(self, node: yaml.Node, message: str, hint: str = "") -> DefinitionError:
        return self._at(node.start_mark, message, hint)

    def _mapping(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, what)
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a name is a plain word")
            if key.value in entries:
                raise self._error(key, f"{key.value!r:.60} is defined twice")
            entries[key.value] = (key, value)
        if len(entries) > MAX_ENTRIES:
            raise self._error(node, f"at most {MAX_ENTRIES} entries, this has {len(entries)}")
        return entries

    def _read_inputs(self, sections: dict[str, tuple[yaml.Node, yaml.Node]]) -> None:
        if "inputs" not in sections:
            raise DefinitionError("the file has no inputs:", source=self._source)
        for name, (key, value) in self._mapping(sections["inputs"][1], "inputs: maps names to types").items():
            parts = {
                n: k
                for n, (k, _) in self._mapping(
                    value, f"{name:.60} needs at least a type, for example {{type: float}}"
                ).items()
            }
            entry = self._plain(value)

            def refuse(at: str, message: str, key: yaml.Node = key, parts: dict[str, Any] = parts) -> DefinitionError:
                return self._error(parts.get(at, key), message)

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
            raise self._error(self._places[item.name], message, nearest(by, keys))

    def _plain(self, node: yaml.Node) -> Any:
        try:
            return yaml.CSafeLoader("").construct_document(node)
        except yaml.MarkedYAMLError as error:
            raise self._at(error.problem_mark, f"this is not a plain value: {error.problem}") from None
        except (ValueError, KeyError) as error:  # of a date, a number or a tag that does not hold what it says
            raise self._error(node, f"this holds a value that is not plain: {error}") from None

    def _read_features(self, sections: dict[str, tuple[yaml.Node, yaml.Node]]) -> None:
        if "features" not in sections:
            return
        for name, (key, value) in self._mapping(sections["features"][1], "features: maps names to expressions").items():
            if not name.isidentifier() or not name.islower() or not name[0].isalpha() or len(name) > 64:
                raise self._error(
                    key, f"a feature's name is a lower-case word of at most 64 characters, not {name!r:.60}"
                )
            if not isinstance(value, yaml.ScalarNode):
                raise self._error(value, f"the feature {name} is not an expression")
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
            self._nodes[name] = parse_expression(origin, self._resolve, [*self._inputs, *self._origins])
            self._open.pop()
        return self._nodes[name]

    def _resolve(self, name: str) -> Node | None:
        if name in self._inputs:
            if name not in self._nodes:
                self._nodes[name] = InputNode.of(self._inputs[name])
            return self._nodes[name]
        return self._feature(name) if name in self._origins else None
