"""A feature file: inputs and features, parsed, typed and fingerprinted; the noun every program shares."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from searchrank.errors import DefinitionError, NotFoundError
from searchrank.features.inputs import CANDIDATE_ROOTS, REQUEST_ROOTS, Input, Kind, Root
from searchrank.features.model_call import ModelSource, nowhere
from searchrank.features.node import Node, Scope
from searchrank.features.reader import DefinitionReader
from searchrank.features.records import Encoder
from searchrank.features.text import ANALYSER_REVISION

__all__ = ["Feature", "FeatureSet"]


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
    def load(cls, path: Path, *, models: ModelSource = nowhere) -> FeatureSet:
        """Parse a feature file; ``models`` as for ``parse``.

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
        return cls.parse(text, source=path.name, models=models)

    @classmethod
    def parse(cls, text: str, *, source: str = "features.yaml", models: ModelSource = nowhere) -> FeatureSet:
        """Parse the text of a feature file.

        Args:
            text: YAML; see the guide.
            source: What to call it in refusals.
            models: Where models with a digest are found whose scores features read; by default they are only named,
                and a plan that reads them is refused.

        Raises:
            DefinitionError: When anything in it is refused; names line and column.
        """
        inputs, texts, nodes = DefinitionReader(source, text, models).read()
        features = {name: Feature(name, texts[name], nodes[name]) for name in sorted(texts)}
        return cls(MappingProxyType(dict(sorted(inputs.items()))), MappingProxyType(features))

    def rewritten(self, texts: Mapping[str, str], models: ModelSource) -> FeatureSet:
        """Return the same inputs with other expressions, by feature; ``models`` as for ``parse``.

        Raises:
            DefinitionError: When an expression is refused.
        """
        return self.parse(self._written(texts), models=models)

    @cached_property
    def canonical(self) -> str:
        """The file in normal form: names sorted, defaults left out, spacing fixed; parses to an equal set."""
        return self._written({name: feature.canonical for name, feature in self.features.items()})

    def _written(self, features: Mapping[str, str]) -> str:
        inputs = {name: _declaration(item) for name, item in self.inputs.items()}
        content = {"inputs": inputs, "features": dict(features)}
        return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10**6))

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
