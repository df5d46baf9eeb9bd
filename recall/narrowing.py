"""What a question may find: all but what its surface excludes, and only what a filter keeps; counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recall.filtering import UNKNOWN, YES, Case, Compiled, Written, ask, conditions
from recall.reading import listed
from searchrank.errors import ConfigError
from searchrank.features import Expression

if TYPE_CHECKING:
    from recall.branch import Query
    from searchrank.features import FeatureSet
    from searchrank.features.catalogue import Catalogue

__all__ = ["Narrowing", "narrow"]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What may not be found.

    Attributes:
        excluded: Items that the surface's ``exclude`` keeps out.
        filtered: Items that the filter removes.
        missing: Those of them of which it is unknown.
    """

    excluded: int = 0
    filtered: int = 0
    missing: int = 0


def narrow(
    query: Query, asked: tuple[npt.NDArray[np.void], Catalogue, FeatureSet], exclude: str, condition: str
) -> tuple[Query, Narrowing]:
    """Return a question that finds less.

    Args:
        query: The question.
        asked: The request's record, shape ``(1,)``, the catalogue, and the definitions of both.
        exclude: List input of the request; empty: nothing is excluded.
        condition: A filter, in the feature language; empty: none.

    Raises:
        DefinitionError: When the filter is no expression; points at it.
        ConfigError: When it is not true or false, or asks what is not known before anything is found.
    """
    record, catalogue, features = asked
    rows = catalogue.rows_of_hashes(listed(record[exclude][0])) if exclude else np.empty(0, np.int64)
    rows = np.unique(rows[rows < len(catalogue)])
    query = replace(query, exclude=rows)
    if not condition:
        return query, Narrowing(len(rows))
    expression = Expression.parse(condition, features, source="filter")
    if not (expression.is_truth and expression.is_known_beforehand):
        raise ConfigError(
            f"{condition!r:.80} is not true or false of an item before it is found; compare inputs of the item and the "
            "request, as in 'item.price < 50'"
        )
    truths = ask(conditions(Compiled(expression, features)), Case(record, Written(catalogue.records[:-1])))
    kept, missing = (int(np.count_nonzero(truths == what)) for what in (YES, UNKNOWN))
    return replace(query, allowed=truths == YES), Narrowing(len(rows), len(truths) - kept, missing)
