"""One expression over a feature set's names that is no feature of it: what a caller filters or sorts by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from searchrank.features.inputs import CANDIDATE_ROOTS, Kind
from searchrank.features.language import Origin, parse_expression
from searchrank.features.node import Call, Constant, InputNode, Node, Scope, ScoreNode

if TYPE_CHECKING:
    from searchrank.features.definitions import FeatureSet

__all__ = ["Expression"]

_CHOOSING: Final = frozenset({"coalesce", "where"})


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; its text was checked as a feature's is and nothing in it is ever evaluated by Python.

    Attributes:
        text: As written.
        node: Its typed graph.
    """

    text: str
    node: Node

    @classmethod
    def parse(cls, text: str, feature_set: FeatureSet, *, source: str = "expression", column: int = 1) -> Expression:
        """Parse an expression that may use every input and feature of a set.

        Args:
            text: As written.
            feature_set: What its names mean.
            source: What an error calls the text.
            column: 1-based column of its first character in what it was cut from.

        Raises:
            DefinitionError: When anything is outside the language, unknown or of the wrong kind; points at it.
        """

        def resolve(name: str) -> Node | None:
            feature = feature_set.features.get(name)
            declared = feature_set.inputs.get(name)
            if feature is not None:
                return feature.node
            return InputNode.of(declared) if declared is not None else None

        node = parse_expression(Origin(source, 1, column, text), resolve, [*feature_set.inputs, *feature_set.features])
        return cls(text, node)

    @property
    def kind(self) -> Kind:
        """Kind of the value."""
        return self.node.kind

    @property
    def is_truth(self) -> bool:
        """Whether it is true, false or unknown, as a comparison is, and not a quantity."""
        return isinstance(self.node, Call) and _is_truth(self.node)

    @property
    def is_of_item(self) -> bool:
        """Whether it is the same for every request."""
        return self.node.scope is Scope.ITEM

    @property
    def is_known_beforehand(self) -> bool:
        """Whether it depends on the item's stored values and the request alone, on nothing of one candidate."""
        seen: set[str] = set()
        waiting = [self.node]
        while waiting:
            node = waiting.pop()
            if node.key in seen:
                continue
            seen.add(node.key)
            if isinstance(node, ScoreNode):
                return False
            if isinstance(node, InputNode) and (node.input.is_live or node.input.root in CANDIDATE_ROOTS):
                return False
            waiting.extend(node.operands)
        return True


def _is_truth(node: Node) -> bool:
    if isinstance(node, Constant):
        return node.value in {0.0, 1.0}
    if not isinstance(node, Call):
        return False
    if node.operator.name in _CHOOSING:
        return all(_is_truth(operand) for operand in node.operands[-2:])
    return node.operator.truth
