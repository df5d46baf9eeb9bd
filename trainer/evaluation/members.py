"""Which requests are in which slice, by the expressions of the project file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import ConfigError
from searchrank.features import Expression, Kind, Plan, hash_text
from trainer.fit import columns_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from searchrank.features import FeatureSet
    from searchrank.features.snapshot import Snapshot
    from trainer.samples import Samples

__all__ = ["members_of", "parse_slices"]

Mask = npt.NDArray[np.bool_]

_FEW: Final = 50_000  # distinct texts of a column that may be categories
MOST_VALUES: Final = 20
"""Values of one category that become slices: those of most requests."""
LEAST_REQUESTS: Final = 20
"""Requests that a value must have: fewer could show nothing and would weaken what the others can."""


def parse_slices(slices: Mapping[str, str], feature_set: FeatureSet) -> dict[str, Expression]:
    """Parse the expressions of slices.

    Raises:
        DefinitionError: When an expression is wrong.
        ConfigError: When it is neither true or false nor a category.
    """
    found = {name: Expression.parse(text, feature_set, source=f"gate.slices.{name}") for name, text in slices.items()}
    for name, expression in found.items():
        if not (expression.is_truth or expression.kind is Kind.CATEGORY):
            problem = f"a slice is a comparison or a category, not a {expression.kind}: {expression.text}"
            raise ConfigError(problem, field=f"gate.slices.{name}")
    return found


def members_of(
    slices: Mapping[str, str], samples: Samples, snapshot: Snapshot, tables: Iterable[pa.Table | None]
) -> dict[str, Mask]:
    """Return for each slice a mask over the requests, shape (q,).

    A request is in a slice when one of its relevant rows is. A category becomes a slice for each of its 20 most common
    values that have at least 20 requests, called ``name=value``.

    Args:
        slices: Expressions by name.
        samples: The requests.
        snapshot: What was known when.
        tables: Where values of categories may be written out: the raw catalogue, the raw profiles.

    Raises:
        DefinitionError: When an expression is wrong.
        ConfigError: When it is neither true or false nor a category.
    """
    if not slices:
        return {}
    parsed = parse_slices(slices, samples.feature_set)
    columns = columns_by_name(
        samples, snapshot, Plan.of_nodes(samples.feature_set, {n: e.node for n, e in parsed.items()})
    )
    whose, relevant = np.repeat(np.arange(len(samples.sizes)), samples.sizes), samples.labels > 0
    found: dict[str, Mask] = {}
    for name, expression in parsed.items():
        if expression.is_truth:
            found[name] = _holding(whose, relevant & (columns[name] == 1.0), len(samples.sizes))
        else:
            values = _by_value(columns[name], whose, relevant, len(samples.sizes))
            known = _texts(values, [*tables, samples.requests, samples.impressions])
            found |= {f"{name}={known.get(value, f'{value:x}')}": mask for value, mask in values.items()}
    return found


def _holding(whose: npt.NDArray[np.int64], rows: Mask, requests: int) -> Mask:
    """Return which requests have such a row."""
    held = np.zeros(requests, np.bool_)
    held[whose[rows]] = True
    return held


def _by_value(
    column: npt.NDArray[np.int64], whose: npt.NDArray[np.int64], relevant: Mask, requests: int
) -> dict[int, Mask]:
    """Return a mask for each value that most requests have; equally many are told apart by the value."""
    known = relevant & (column != 0)
    values, codes = np.unique(column[known], return_inverse=True)
    pairs = np.unique(codes * requests + whose[known])
    counts = np.bincount(pairs // max(requests, 1), minlength=len(values))
    best = [k for k in np.lexsort((values, -counts))[:MOST_VALUES].tolist() if counts[k] >= LEAST_REQUESTS]
    return {int(values[k]): _holding(whose, known & (column == values[k]), requests) for k in best}


def _texts(values: Iterable[int], tables: Iterable[pa.Table | None]) -> dict[int, str]:
    """Return how values of categories are written, as far as a text column holds them."""
    wanted, found = set(values), {}
    for text in (text for table in tables if table is not None for text in _distinct(table)):
        if hash_text(text) in wanted:
            found[hash_text(text)] = text
    return found


def _distinct(table: pa.Table) -> Iterator[str]:
    """Yield the values of columns of texts that are few enough to be those of a category."""
    for name in table.column_names:
        kind = table.schema.field(name).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not pa.types.is_string(plain) or name.endswith("_id"):
            continue
        values = table.column(name).unique()
        if len(values) <= _FEW:
            yield from (text for text in values.cast(pa.string()).to_pylist() if text is not None)
