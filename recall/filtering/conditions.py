"""A filter taken apart at its ``and``, ``or`` and ``not``: each condition by itself is asked where that costs least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recall.filtering.compiled import Compiled
from searchrank.features import Expression, Scope
from searchrank.features.inputs import REQUEST_ROOTS, Root
from searchrank.features.node import Call, InputNode

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.features.node import Node

__all__ = ["Condition", "Joined", "Member", "Opposite", "Single", "conditions", "leaves"]

_JOINING: Final = {"both": True, "either": False}


@dataclass(frozen=True, slots=True, eq=False)
class Single:
    """A condition that is asked as it stands.

    Attributes:
        key: Of its meaning.
        scope: What it reads: the item, the request, or both.
        compiled: Computes it: any number but 0 is true, NaN is unknown.
    """

    key: str
    scope: Scope
    compiled: Compiled


@dataclass(frozen=True, slots=True)
class Member:
    """Whether a list of the request holds a category of the item: ``item.shop in request.shops``.

    Attributes:
        field: The item's category.
        listing: The request's list.
    """

    field: str
    listing: str


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Conditions of which all, or any, must be true.

    Attributes:
        parts: Those that cost least first.
        every: Whether all must be.
    """

    parts: tuple[Condition, ...]
    every: bool


@dataclass(frozen=True, slots=True, eq=False)
class Opposite:
    """What must not be true.

    Attributes:
        part: This.
    """

    part: Condition


Condition = Single | Member | Joined | Opposite


def conditions(compiled: Compiled) -> Condition:
    """Take a filter apart.

    Args:
        compiled: The filter; ``expression.is_known_beforehand``.
    """
    return _of(compiled.expression.node, compiled.plan.feature_set, compiled)


def leaves(condition: Condition) -> Iterator[Single | Member]:
    """Yield what a filter is made of, in the order in which it is asked."""
    match condition:
        case Joined(parts):
            for part in parts:
                yield from leaves(part)
        case Opposite(part):
            yield from leaves(part)
        case Single() | Member():
            yield condition


def _of(node: Node, feature_set: FeatureSet, whole: Compiled | None = None) -> Condition:
    if isinstance(node, Call) and node.scope is Scope.CANDIDATE:
        name = node.operator.name
        if name == "negation":
            return Opposite(_of(node.operands[0], feature_set))
        if name in _JOINING:
            every = _JOINING[name]
            parts = [_of(part, feature_set) for part in _members(node, name)]
            return Joined(tuple(sorted(parts, key=_cost)), every)
        if name == "contains" and (found := _member(*node.operands)):
            return found
    return Single(node.key, node.scope, whole or Compiled(Expression("", node), feature_set))


def _members(node: Node, name: str) -> list[Node]:
    """Return what a chain joins: ``a and b and c`` is three, whatever their brackets.

    What reads the item alone, or the request alone, stays together: it is asked at once.
    """
    if isinstance(node, Call) and node.operator.name == name and node.scope is Scope.CANDIDATE:
        return [part for operand in node.operands for part in _members(operand, name)]
    return [node]


def _member(listing: Node, wanted: Node) -> Member | None:
    if not (isinstance(listing, InputNode) and isinstance(wanted, InputNode)):
        return None
    of_both = listing.input.root in REQUEST_ROOTS and wanted.input.root is Root.ITEM
    return Member(wanted.input.name, listing.input.name) if of_both else None


def _cost(condition: Condition) -> int:
    """Return a rank: the request, the item, lists, and at last what reads both, asked of what is undecided by then."""
    ranks = {Scope.REQUEST: 0, Scope.ITEM: 1, Scope.CANDIDATE: 3}
    return max(2 if isinstance(leaf, Member) else ranks[leaf.scope] for leaf in leaves(condition))
