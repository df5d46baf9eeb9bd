"""``model("name@alias")``: the score of another model in an expression.

As written it names a model by what it is live as, or by a version. A release holds it with the digest that the name
resolved to when it was made, ``model("name@alias", digest="…")``, so that it means the same for ever.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from searchrank.features.inputs import Input
from searchrank.features.node import InputNode, Node, RowScorer, ScoreNode

if TYPE_CHECKING:
    from searchrank.features.language import Origin

__all__ = ["ModelCall", "ModelSource", "difference", "model_node", "named_models", "nowhere", "with_digests"]

_NAME: Final = "[a-z0-9][a-z0-9_-]{0,62}"
_REFERENCE: Final = re.compile(f"({_NAME})@({_NAME})")
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_HINT: Final = 'write model("text_relevance@champion"): a model and what it is live as, or its version'


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A model that an expression names.

    Attributes:
        name: Name of the model.
        alias: What it is live as, or its version in digits.
        digest: Of the release; empty when it is not looked up yet.
    """

    name: str
    alias: str
    digest: str = ""

    @property
    def label(self) -> str:
        """As it is written."""
        return f"{self.name}@{self.alias}"

    @classmethod
    def parse(cls, reference: str, digest: str = "") -> ModelCall | None:
        """Read ``name@alias``; None when it is none, or the digest is no SHA-256."""
        found = _REFERENCE.fullmatch(reference)
        return cls(found[1], found[2], digest) if found and (not digest or _DIGEST.fullmatch(digest)) else None


ModelSource = Callable[[ModelCall], RowScorer | None]
"""Gives the release that a call with a digest means; None when it cannot be had here and is only named."""


def nowhere(_call: ModelCall) -> RowScorer | None:
    """Find no model: they are only named."""
    return None


def model_node(tree: ast.Call, origin: Origin, source: ModelSource, resolve: Callable[[str], Node | None]) -> ScoreNode:
    """Return the node of ``model(…)``.

    Args:
        tree: The call.
        origin: Where it is written.
        source: Where models are found.
        resolve: What a name means here; the model's inputs must mean the same.

    Raises:
        error: A ``DefinitionError``, when it is written otherwise or reads inputs that are declared otherwise here.
    """
    call = _call(tree)
    if call is None:
        raise origin.error("this names no model", tree, _HINT)
    model = source(call) if call.digest else None
    problem = "" if model is None else difference(model.columns, resolve)
    if problem:
        raise origin.error(f"{call.label} {problem}", tree, "it must be trained with the same declaration")
    return ScoreNode.of(call.label, call.digest, model)


def difference(columns: Collection[Node], resolve: Callable[[str], Node | None]) -> str:
    """Return which input of some graphs means something else under the same name here; empty: none does."""
    for item in _inputs(columns):
        here = resolve(item.name)
        if here is None:
            return f"reads {item.name}, which is not declared here"
        if here.key != InputNode.of(item).key:
            return f"reads {item.name}, which is declared otherwise here"
    return ""


def _inputs(nodes: Collection[Node]) -> Iterator[Input]:
    waiting, seen = list(nodes), set[str]()
    while waiting:
        node = waiting.pop()
        if node.key in seen:
            continue
        seen.add(node.key)
        if isinstance(node, InputNode):
            yield node.input
        waiting.extend(node.operands)


def _call(tree: ast.AST) -> ModelCall | None:
    """Return what ``model(…)`` names; None when it is not written so."""
    match tree:
        case ast.Call(func=ast.Name(id="model"), args=[ast.Constant(value=str(reference))], keywords=[]):
            return ModelCall.parse(reference)
        case ast.Call(
            func=ast.Name(id="model"),
            args=[ast.Constant(value=str(reference))],
            keywords=[ast.keyword(arg="digest", value=ast.Constant(value=str(digest)))],
        ):
            return ModelCall.parse(reference, digest)
        case _:
            return None


def named_models(texts: Mapping[str, str], features: Collection[str]) -> dict[str, list[ModelCall]]:
    """Return the models that features read, themselves or through other features, by the feature that names them.

    Args:
        texts: The expression of every feature, by name.
        features: Where to begin.
    """
    found: dict[str, list[ModelCall]] = {}
    waiting = [name for name in features if name in texts]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        nodes = list(ast.walk(ast.parse(texts[name].strip(), mode="eval")))
        found[name] = [call for call in map(_call, nodes) if call is not None]
        waiting += [node.id for node in nodes if isinstance(node, ast.Name) and node.id in texts]
    return {name: calls for name, calls in found.items() if calls}


def with_digests(text: str, digests: Mapping[ModelCall, str]) -> str:
    """Return an expression with the digests of the models that it names."""
    tree = ast.parse(text.strip(), mode="eval")
    for node in ast.walk(tree):
        call = _call(node)
        if isinstance(node, ast.Call) and call is not None and call in digests:
            node.keywords = [ast.keyword(arg="digest", value=ast.Constant(value=digests[call]))]
    return ast.unparse(tree)
