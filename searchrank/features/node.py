"""The typed graph a definition becomes: inputs, constants and operator calls, each known by a digest of its meaning."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from searchrank.features.inputs import CANDIDATE_ROOTS, REQUEST_ROOTS, Input, Kind, Root
from searchrank.features.operator import Literal, Operator

__all__ = ["Call", "Constant", "InputNode", "Node", "Scope"]


class Scope(StrEnum):
    """How often a value is computed."""

    ITEM = "item"
    REQUEST = "request"
    CANDIDATE = "candidate"


def _scope(roots: frozenset[Root], *, live: bool) -> Scope:
    if live or roots & CANDIDATE_ROOTS or (Root.ITEM in roots and roots & REQUEST_ROOTS):
        return Scope.CANDIDATE
    return Scope.ITEM if Root.ITEM in roots else Scope.REQUEST


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, eq=False)
class InputNode:
    """A raw column."""

    input: Input
    key: str
    scope: Scope

    @classmethod
    def of(cls, item: Input) -> InputNode:
        """Return the node of an input."""
        scope = _scope(frozenset({item.root}), live=item.is_live)
        return cls(item, _digest("input", repr(item)), scope)

    @property
    def kind(self) -> Kind:
        """Kind of the value."""
        return self.input.kind

    @property
    def size(self) -> int:
        """Size of a vector, limit of a list or map, else 0."""
        return self.input.size or self.input.limit

    @property
    def operands(self) -> tuple[Node, ...]:
        """No operands."""
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A number, or a string standing for a category."""

    value: float | str
    kind: Kind
    key: str
    scope: Scope = Scope.REQUEST
    size: int = 0

    @classmethod
    def of(cls, value: float | str) -> Constant:
        """Return the node of a literal."""
        kind = Kind.CATEGORY if isinstance(value, str) else Kind.NUMBER
        return cls(value, kind, _digest("constant", kind, repr(value)))

    @property
    def operands(self) -> tuple[Node, ...]:
        """No operands."""
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An operator applied to operands, with its parameters prepared for the kernel."""

    operator: Operator
    operands: tuple[Node, ...]
    literals: tuple[Literal, ...]
    prepared: tuple[float | np.ndarray, ...]
    key: str
    scope: Scope
    size: int

    @classmethod
    def of(cls, operator: Operator, operands: tuple[Node, ...], literals: tuple[Literal, ...]) -> Call:
        """Return the node of a call.

        Raises:
            ValueError: When a parameter is refused or vectors differ in size; the message is for people.
        """
        prepared = tuple(p.prepare(v) for p, v in zip(operator.parameters, literals, strict=True))
        if operator.check is not None:
            operator.check(*prepared)
        sizes = {n.size for n in operands if n.kind is Kind.VECTOR}
        if len(sizes) > 1:
            raise ValueError(f"{operator.name} needs vectors of one size, got sizes {sorted(sizes)}")
        maps = {n.size for n in operands if n.kind is Kind.MAP}
        key = _digest(
            f"{operator.signature}@{operator.revision}",
            *(n.key for n in operands),
            *(p.tobytes().hex() if isinstance(p, np.ndarray) else float(p).hex() for p in prepared),
        )
        size = next(iter(sizes or maps or {0}))
        return cls(operator, operands, literals, prepared, key, _joined(operands), size)

    @property
    def kind(self) -> Kind:
        """Kind of the result."""
        return self.operator.result


Node = InputNode | Constant | Call


def _joined(operands: tuple[Node, ...]) -> Scope:
    """Return the scope of a value computed from operands: the roots of a call are those of its operands together."""
    scopes = {n.scope for n in operands if not isinstance(n, Constant)}
    if scopes <= {Scope.REQUEST}:
        return Scope.REQUEST
    return Scope.ITEM if scopes == {Scope.ITEM} else Scope.CANDIDATE
