"""Which text makes which scorer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from searchrank.errors import DataError
from searchrank.models.forest import Forest
from searchrank.models.library_forest import LibraryForest, has_linear_trees
from searchrank.models.linear import Linear
from searchrank.models.scorer import Scorer

__all__ = ["parse_scorer"]

_UNNAMED: Final = re.compile(r"Column_\d+")


def _forest(text: str, columns: tuple[str, ...]) -> Forest | LibraryForest:
    forest = LibraryForest(text) if has_linear_trees(text) else Forest.parse(text)
    if forest.classes != 1:
        raise DataError(
            f"a multi-class model gives {forest.classes} scores a row, ranking needs one; train with a ranking, binary "
            "or regression objective",
            field="model",
        )
    for number, (name, column) in enumerate(zip(forest.feature_names, columns, strict=False)):
        if name != column and not _UNNAMED.fullmatch(name):
            raise DataError(f"the model's column {number} is {name!r}, the plan's is {column!r}", field="model")
    _check_width(len(forest.feature_names), columns)
    return forest


def _linear(text: str, columns: tuple[str, ...]) -> Linear:
    linear = Linear.parse(text)
    _check_width(len(linear.weights), columns)
    return linear


def _check_width(width: int, columns: tuple[str, ...]) -> None:
    if width != len(columns):
        raise DataError(f"the model has {width} columns, the plan {len(columns)}", field="model")


_KINDS: Final[dict[str, Callable[[str, tuple[str, ...]], Scorer]]] = {"lightgbm": _forest, "linear": _linear}


def parse_scorer(kind: str, text: str, columns: tuple[str, ...]) -> Scorer:
    """Read the text of a model.

    Args:
        kind: ``lightgbm`` or ``linear``.
        text: The content of ``model.txt``.
        columns: Columns of the plan that feeds it, in order.

    Raises:
        DataError: When the kind is unknown, the text damaged, the model multi-class or trained on other columns.
    """
    if kind not in _KINDS:
        raise DataError(f"unknown kind of scorer {kind!r}; there are {', '.join(_KINDS)}", field="scorer")
    return _KINDS[kind](text, columns)
