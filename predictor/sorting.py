"""The order a caller asks for, in place of the order by score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from predictor.stages import ordered
from searchrank.errors import RequestError
from searchrank.features import Kind
from searchrank.features.inputs import MISSING_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.gathering import Pool
    from predictor.stages import Asked
    from predictor.surface import ServedSurface
    from recall.filtering import Compiled
    from searchrank.features import Expression
    from searchrank.v1 import ranking_pb2

__all__ = ["Key", "admit_sort", "arranged"]

MAX_KEYS: Final = 8


@dataclass(frozen=True, slots=True)
class Key:
    """What candidates are ordered by.

    Attributes:
        value: A number or a time.
        descending: Whether the largest comes first.
    """

    value: Compiled
    descending: bool


def admit_sort(surface: ServedSurface, sent: Sequence[ranking_pb2.SortKey]) -> tuple[Key, ...]:
    """Return the keys of a request, the most important first.

    Raises:
        RequestError: When there are too many, or one is no number or time of the surface's names.
    """
    if len(sent) > MAX_KEYS:
        raise RequestError(f"{len(sent):,} keys, at most {MAX_KEYS} are accepted", field="sort")
    return tuple(
        Key(surface.compiler.compile(key.expression, f"sort[{place}]", _no_order), key.descending)
        for place, key in enumerate(sent)
    )


def _no_order(expression: Expression) -> str:
    if expression.kind in {Kind.NUMBER, Kind.TIME}:
        return ""
    return f"is a {expression.kind}, which has no order; sort by a number or a time, such as 'item.price'"


def arranged(asked: Asked, pool: Pool, scores: npt.NDArray[np.float64], keys: Sequence[Key]) -> npt.NDArray[np.int64]:
    """Return positions by keys, missing values last, then by descending score, then in the given order.

    Args:
        asked: What is known.
        pool: The n candidates.
        scores: Shape ``(n,)``; NaN comes last among equals.
        keys: The most important first; none: by score alone.
    """
    if not keys:
        return ordered(scores, 0)
    columns: list[npt.NDArray[Any]] = [-scores]
    items = asked.view.state.items.gather(pool.found.rows)
    for key in reversed(keys):
        values = key.value.of_candidates(items, pool.pairs.rows)
        missing = values == MISSING_TIME if values.dtype == np.int64 else np.isnan(values)
        known = np.where(missing, 0, values)
        columns += [-known if key.descending else known, missing]
    return np.lexsort(columns)
