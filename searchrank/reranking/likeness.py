"""Puts lower what is like something above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from searchrank.errors import DefinitionError
from searchrank.features import Expression, Kind, Root
from searchrank.features.node import InputNode
from searchrank.native import address, compiled
from searchrank.native.memory import bits_of
from searchrank.reranking.kernels.diversity import diversify

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.project import Diversity

__all__ = ["OVER", "POOL", "Likeness"]

OVER: Final = "over"
POOL: Final = 1_000
"""Best candidates that the places are filled from; those after them keep their order."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Maximal marginal relevance over one category or vector.

    Attributes:
        spec: As written.
        over: A category, or a vector input.
        vector: Name of the vector input; empty: it is a category.
    """

    spec: Diversity
    over: Expression
    vector: str

    @classmethod
    def parse(cls, spec: Diversity, feature_set: FeatureSet, *, source: str) -> Self:
        """Read what makes items alike.

        Raises:
            DefinitionError: When it is neither a category nor a vector input of items or candidates.
        """
        over = Expression.parse(spec.over, feature_set, source=source)
        if over.kind is Kind.CATEGORY:
            return cls(spec, over, "")
        node = over.node
        if over.kind is Kind.VECTOR and isinstance(node, InputNode) and node.input.root in {Root.ITEM, Root.CANDIDATE}:
            return cls(spec, over, node.input.name)
        raise DefinitionError(
            f"{spec.over:.60} is a {over.kind}; items are alike by a category or by a vector input of the item",
            source=source,
            line=1,
            column=1,
            text=spec.over[:120],
        )

    def arrange(self, order: Ints, scores: Floats, values: npt.NDArray[Any]) -> Ints:
        """Return candidates in a new order.

        Args:
            order: Shape ``(m,)``, scored candidates, best first.
            scores: Shape ``(n,)``, finite for these.
            values: Shape ``(n,)`` int64, categories, or ``(n, size)`` float32, vectors.
        """
        pool = order[:POOL]
        m = len(pool)
        if m < 2:
            return order
        own = scores[pool]
        low, high = own[-1], own[0]
        relevance = (own - low) / (high - low) if high > low else np.zeros(m)
        given = np.ascontiguousarray(values[pool].T)
        room, found = np.empty((2, m), np.float32), np.empty(m, np.int64)
        at = address(given)
        codes_at, vectors_at, size = (0, at, len(given)) if self.vector else (at, 0, 0)
        operands = np.array(
            [
                address(relevance),
                bits_of(self.spec.weight),
                min(self.spec.depth, m),
                codes_at,
                vectors_at,
                size,
                address(room),
                address(room) + 4 * m,
                address(found),
            ],
            np.int64,
        )
        compiled(diversify)(m, address(operands))
        return np.concatenate([pool[found], order[POOL:]])
