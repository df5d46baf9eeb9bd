"""The typed graph a definition becomes: inputs, constants and operator calls, each known by a digest of its meaning."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import CANDIDATE_ROOTS, REQUEST_ROOTS, Input, Kind, Root
from searchrank.features.operator import Literal, Operator

__all__ = ["Call", "Constant", "InputNode", "Node", "RowScorer", "Scope", "ScoreNode"]


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


class RowScorer(Protocol):
    """A model whose score an expression may read."""

    @property
    def columns(self) -> tuple[Node, ...]:
        """The graphs of its columns, in order."""
        ...

    def score(self, columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Give each row a score, ``(n,)``, of its columns, ``(f, n)``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ScoreNode:
    """The score of a model.

    Attributes:
        label: The model as it was written.
        model: What gives the score; None when it is only named, and nothing can be computed of it.
        key: As of every node; of the model's digest.
    """

    label: str
    model: RowScorer | None
    key: str
    kind: Kind = Kind.NUMBER
    scope: Scope = Scope.CANDIDATE
    size: int = 0

    @classmethod
    def of(cls, label: str, digest: str, model: RowScorer | None) -> ScoreNode:
        """Return the node of a model's score; an empty digest is that of a model not looked up yet."""
        return cls(label, model, _digest("model", digest) if digest else _digest("model", "", label))

    @property
    def operands(self) -> tuple[Node, ...]:
        """What the model reads."""
        return () if self.model is None else self.model.columns


Node = InputNode | Constant | Call | ScoreNode


def _joined(operands: tuple[Node, ...]) -> Scope:
    """Return the scope of a value computed from operands: the roots of a call are those of its operands together."""
    scopes = {n.scope for n in operands if not isinstance(n, Constant)}
    if scopes <= {Scope.REQUEST}:
        return Scope.REQUEST
    return Scope.ITEM if scopes == {Scope.ITEM} else Scope.CANDIDATE
