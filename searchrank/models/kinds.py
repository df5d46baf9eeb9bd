"""Which content makes which scorer, where it lies in a release, and how closely its scores come again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from searchrank.errors import DataError
from searchrank.models.forest import Forest
from searchrank.models.library_forest import LibraryForest, has_linear_trees
from searchrank.models.linear import Linear
from searchrank.models.onnx_model import OnnxModel
from searchrank.models.scorer import Scorer

__all__ = ["model_file", "parse_scorer", "tolerance"]

_UNNAMED: Final = re.compile(r"Column_\d+")


def _forest(content: bytes, columns: tuple[str, ...]) -> Forest | LibraryForest:
    text = content.decode()
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


def _linear(content: bytes, columns: tuple[str, ...]) -> Linear:
    linear = Linear.parse(content.decode())
    _check_width(len(linear.weights), columns)
    return linear


def _onnx(content: bytes, columns: tuple[str, ...]) -> OnnxModel:
    model = OnnxModel(content)
    model.check(len(columns))
    return model


def _check_width(width: int, columns: tuple[str, ...]) -> None:
    if width != len(columns):
        raise DataError(f"the model has {width} columns, the plan {len(columns)}", field="model")


_KINDS: Final[dict[str, Callable[[bytes, tuple[str, ...]], Scorer]]] = {
    "lightgbm": _forest,
    "linear": _linear,
    "onnx": _onnx,
}
_TOLERANCE: Final = 1e-5


def model_file(kind: str) -> str:
    """Return the name of the file that holds a model of this kind in a release."""
    return "model.onnx" if kind == "onnx" else "model.txt"


def tolerance(kind: str) -> float:
    """Return by how much, absolute or relative, a score may differ where another made it; 0: by no bit."""
    return _TOLERANCE if kind == "onnx" else 0.0


def parse_scorer(kind: str, content: str | bytes, columns: tuple[str, ...]) -> Scorer:
    """Read the content of a model.

    Args:
        kind: ``lightgbm``, ``linear`` or ``onnx``.
        content: Of ``model_file``.
        columns: Columns of the plan that feeds it, in order.

    Raises:
        DataError: When the kind is unknown, the content damaged, the model multi-class or made for other columns.
    """
    if kind not in _KINDS:
        raise DataError(f"unknown kind of scorer {kind!r}; there are {', '.join(_KINDS)}", field="scorer")
    return _KINDS[kind](content.encode() if isinstance(content, str) else content, columns)
